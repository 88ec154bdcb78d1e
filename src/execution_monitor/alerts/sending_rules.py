"""Rules as senders of their messages need them: channels decrypted, and at most half a second old."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from execution_monitor.alerts.silent_channels import is_closed
from execution_monitor.encryption import Encryption, NotDecrypted
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.alert_documents import AlertRule, ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.predicates import as_list, as_mapping
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.rights import Rights, RightsUnclear

# Within it a rule that is paused, or whose owner is revoked, sends no more.
_KNOWN_SECONDS = 0.5
_REMEMBERED = 10_000
_TIMEOUT_MS = 5_000
_FIELDS = {"enabled": 1, "channels": 1, "scopes": 1, "visible": 1, "rights_revision": 1}


@dataclass(frozen=True, slots=True)
class SendingChannel:
    """A channel of a rule.

    Attributes:
        kind: what it is sent by.
        target: the address or addresses; None where they cannot be decrypted, or it is a webhook.
        is_closed: whether its receiver wants no more.
    """

    kind: ChannelKind
    target: str | None = field(repr=False)
    is_closed: bool


@dataclass(frozen=True, slots=True)
class SendingRule:
    """A rule that is there.

    Attributes:
        rule_id: its id.
        is_enabled: whether it sends.
        visible: the filter of what its owner may see; None where they may see nothing, or it is not clear what.
        rights_revision: of these rights.
        channels: its channels by their ids.
    """

    rule_id: ObjectId
    is_enabled: bool
    visible: Filter | None
    rights_revision: int
    channels: Mapping[str, SendingChannel]


class SendingRules:
    """Finds the rules of `database`.

    Args:
        database: where they are stored.
        encryption: decrypts addresses.
        clock: seconds, of which only differences count.
    """

    def __init__(self, database: Database, encryption: Encryption, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._encryption = encryption
        self._clock = clock
        self._known: LruCache[tuple[float, SendingRule | None]] = LruCache(_REMEMBERED)

    async def find(self, rule_id: ObjectId) -> SendingRule | None:
        """The rule with this id; None when it is deleted.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        known = self._known.get(rule_id)
        if known is not None and self._clock() < known[0]:
            return known[1]
        read_at = self._clock()
        row: Any = await await_reply(
            self._database.collection(AlertRule).find_one({"_id": rule_id}, _FIELDS), _TIMEOUT_MS
        )
        found = None if row is None else self._read(row)
        self._known.put(rule_id, (read_at + _KNOWN_SECONDS, found))
        return found

    def forget(self, rule_id: ObjectId) -> None:
        """Have the rule read again."""
        self._known.put(rule_id, (0.0, None))

    def _read(self, row: Row) -> SendingRule:
        try:
            visible = Rights.read(row).condition
        except RightsUnclear:
            visible = None
        stored = [each for each in map(as_mapping, as_list(row["channels"])) if each is not None]
        return SendingRule(
            rule_id=row["_id"],
            is_enabled=row["enabled"] is True,
            visible=visible,
            rights_revision=row["rights_revision"],
            channels={
                each["id"]: SendingChannel(ChannelKind(each["kind"]), self._target(each), is_closed(each))
                for each in stored
            },
        )

    def _target(self, channel: Row) -> str | None:
        try:
            return self._encryption.decrypt(channel["target"]) if "target" in channel else None
        except NotDecrypted:
            return None
