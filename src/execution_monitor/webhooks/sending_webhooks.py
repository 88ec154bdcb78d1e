"""Webhooks as senders need them: decrypted, with the rights of their owners, and at most half a second old."""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bson import ObjectId

from execution_monitor.auth.caller import Scope
from execution_monitor.encryption import Encryption, NotDecrypted
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.predicates import Predicate, as_list, as_mapping
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import Webhook, WebhookState
from execution_monitor.webhooks.grouped_reads import GroupedReads
from execution_monitor.webhooks.rights import Rights, RightsUnclear

# Within it a webhook that is paused, or whose owner is revoked, sends no more.
_KNOWN_SECONDS = 0.5
_REMEMBERED = 10_000
_READ_AT_ONCE = 500
_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class SendingWebhook:
    """A webhook that is there.

    Attributes:
        webhook_id: its id.
        state: whether it sends.
        url: where to; None where it cannot be decrypted.
        secrets: the texts that sign, the newest first, each with the time until which it does.
        rights: what its owner may do and see; None where it is not clear.
        may_see: whether its owner may see an execution; None where they may see none, or it is not clear which.
        rights_revision: of these rights.
        with_payloads: whether inputs and results are sent.
        failing_since: since when nothing has arrived.
    """

    webhook_id: ObjectId
    state: WebhookState
    url: str | None = field(repr=False)
    secrets: Sequence[tuple[str, datetime | None]] = field(repr=False)
    rights: Rights | None
    may_see: Predicate | None
    rights_revision: int
    with_payloads: bool
    failing_since: datetime | None

    def secrets_at(self, now: datetime) -> Sequence[str]:
        """The texts that sign at a time."""
        return [text for text, until in self.secrets if until is None or until > now]


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    row: Row | None
    webhook: SendingWebhook | None


class SendingWebhooks:
    """Finds the webhooks of `database`, all that are in use with one query.

    Args:
        database: where they are stored.
        encryption: decrypts their addresses and secrets.
        clock: seconds, of which only differences count.
    """

    def __init__(self, database: Database, encryption: Encryption, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._encryption = encryption
        self._clock = clock
        self._known: LruCache[_Known] = LruCache(_REMEMBERED)
        # Those that were used since the last query: they are read again with the next that is needed.
        self._used = set[ObjectId]()
        self._reads = GroupedReads(self._read_all)

    async def find(self, webhook_id: ObjectId) -> SendingWebhook | None:
        """The webhook with this id; None when it is deleted.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        if len(self._used) < _READ_AT_ONCE:
            self._used.add(webhook_id)
        known = self._known.get(webhook_id)
        if known is not None and self._clock() < known.until:
            return known.webhook
        return await self._reads.find(webhook_id)

    def forget(self, webhook_id: ObjectId) -> None:
        """Have the webhook read again."""
        self._known.put(webhook_id, _Known(0.0, None, None))

    async def close(self) -> None:
        """End the query that is on its way."""
        await self._reads.close()

    async def _read_all(self, wanted: AbstractSet[ObjectId]) -> Mapping[ObjectId, SendingWebhook]:
        ids, self._used = self._used | wanted, set[ObjectId]()
        until = self._clock() + _KNOWN_SECONDS
        reading = self._database.collection(Webhook).find({"_id": {"$in": list(ids)}}).to_list()
        rows: Mapping[ObjectId, Row] = {row["_id"]: row for row in await await_reply(reading, _TIMEOUT_MS)}
        found = dict[ObjectId, SendingWebhook]()
        for webhook_id in ids:
            row, known = rows.get(webhook_id), self._known.get(webhook_id)
            # To decrypt and to compile takes longer than to read.
            is_same = known is not None and known.row == row
            webhook = known.webhook if known is not None and is_same else None if row is None else self._read(row)
            self._known.put(webhook_id, _Known(until, row, webhook))
            if webhook is not None:
                found[webhook_id] = webhook
        return found

    def _read(self, row: Row) -> SendingWebhook:
        try:
            rights = Rights.read(row)
            may_see = rights.condition.predicate()
        except (RightsUnclear, ValueError):
            rights = may_see = None
        return SendingWebhook(
            webhook_id=row["_id"],
            state=WebhookState(row["state"]),
            url=self._decrypt(row["url"]),
            secrets=[each for each in map(self._secret, as_list(row["secrets"])) if each is not None],
            rights=rights,
            may_see=may_see,
            rights_revision=row["rights_revision"],
            with_payloads=bool(row["include_payloads"])
            and rights is not None
            and Scope.EXECUTIONS_PAYLOAD in rights.scopes,
            failing_since=to_datetime(row.get("failing_since")),
        )

    def _decrypt(self, stored: Any) -> str | None:
        try:
            return self._encryption.decrypt(stored)
        except NotDecrypted:
            return None

    def _secret(self, stored: Any) -> tuple[str, datetime | None] | None:
        secret: Mapping[str, Any] = as_mapping(stored) or {}
        text = self._decrypt(secret.get("secret"))
        return None if text is None else (text, to_datetime(secret.get("until")))
