"""Webhooks, as callers may make, list, change, test and delete them.

A webhook is its owner's: they alone read it whole, change, test, rotate and replay it. Callers with `manage` see all of
the tenant without the path of the address, may pause them and delete them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.encryption import Encryption, NotDecrypted
from execution_monitor.errors import BadUserInput, Forbidden, NotFound, SetupError, Unauthenticated
from execution_monitor.live.events import EventKind
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.storage.webhook_documents import Webhook, WebhookState
from execution_monitor.webhooks.owners import REVOKED
from execution_monitor.webhooks.rights import Rights
from execution_monitor.webhooks.signatures import new_secret
from execution_monitor.webhooks.tenants import WEBHOOKS

NEWEST_FIRST = Order((SortKey("created", descending=True),))
PAUSED_BY_OWNER = "Its owner paused it."
PAUSED_BY_OPERATOR = "An operator paused it."
KINDS = tuple(each.value for each in (EventKind.ENTERED, EventKind.UPDATED, EventKind.LEFT, EventKind.DELETED))
MAX_NAME = 100
# Each is put to every change of its tenant.
MAX_OF_OWNER = 100
MAX_KEEP_SECONDS = 30 * 86_400
_MAX_SECRETS = 5
_ROTATION_TRIES = 5
# Decided by what is stored then: another may pause or disable a webhook while its owner changes it.
_IS_ENABLED = {"$eq": ["$state", WebhookState.ENABLED.value]}
_ENABLING: Mapping[str, Any] = {
    # What happened while it sent nothing is not sent now.
    "active_since": {"$cond": [_IS_ENABLED, "$active_since", "$$CLUSTER_TIME"]},
    "failing_since": {"$cond": [_IS_ENABLED, "$failing_since", None]},
    "state": WebhookState.ENABLED.value,
    "state_reason": None,
}


@dataclass(frozen=True, slots=True)
class WebhookFields:
    """What a webhook is made or changed with; None keeps what is there, or is the default of a new one.

    Attributes:
        where: the filter, beside its JSON as it was given; these two come together.
    """

    name: str | None = None
    url: str | None = field(default=None, repr=False)
    where: Filter | None = None
    given_filter: Any = None
    kinds: Sequence[str] | None = None
    include_payloads: bool | None = None
    enabled: bool | None = None


def webhooks_visible_to(caller: Caller) -> Filter:
    """The filter for the webhooks that `caller` may list: their own, or all of the tenant with `manage`.

    Raises:
        Forbidden: the caller lacks the scope `webhooks:write`.
    """
    caller.require(Scope.WEBHOOKS_WRITE)
    in_tenant = equals("tenant_id", caller.tenant)
    return in_tenant if caller.may(Scope.MANAGE) else all_of(in_tenant, equals("user_id", caller.subject))


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhooks of one database. Every method may raise `Forbidden`, `NotFound` and `DatabaseUnavailable`.

    Attributes:
        rules: which addresses may be sent to.
        recheck: raises `Unauthenticated` for a caller whose token has been revoked, as the database says now.
    """

    reader: Reader
    encryption: Encryption
    rules: DestinationRules
    recheck: Callable[[Caller], Awaitable[None]]

    async def create(self, caller: Caller, wanted: WebhookFields) -> tuple[Row, str]:
        """Make a webhook of the caller's; returns it as stored, and the secret, which is returned here alone.

        Raises:
            BadUserInput: A value is wrong.
            Unauthenticated: The caller's token has been revoked meanwhile.
        """
        caller.require_mutation(Scope.WEBHOOKS_WRITE)
        if wanted.name is None or wanted.url is None or wanted.where is None:
            raise BadUserInput("A webhook needs a name, a url and a filter.")
        secret, now = new_secret(), datetime.now(UTC)
        webhook_id = ObjectId()
        enabled = wanted.enabled is not False
        document: BsonDocument = {
            "tenant_id": caller.tenant,
            "user_id": caller.subject,
            "kinds": [EventKind.ENTERED.value, EventKind.UPDATED.value],
            "include_payloads": False,
            **self._fields_of(caller, wanted),
            **self._rights_of(caller),
            "state": (WebhookState.ENABLED if enabled else WebhookState.PAUSED).value,
            "secrets": [{"secret": self._encrypted(secret)}],
            "rights_revision": 1,
            "confirmed_at": now,
            "created": now,
            "updated": now,
            "revision": 1,
        }
        if not enabled:
            document["state_reason"] = PAUSED_BY_OWNER

        with failing_as_unavailable():
            await self._refuse_too_many(caller)
            # The time of the session may be before what the first feeder has read.
            active = {"active_since": "$$CLUSTER_TIME"}
            await WEBHOOKS.insert(self.reader.database, caller.tenant, webhook_id, document, active)
        await self._recheck(caller, webhook_id)
        return await self._own(caller, str(webhook_id)), secret

    async def update(self, caller: Caller, webhook_id: str, wanted: WebhookFields) -> Row:
        """Change a webhook of the caller's, and have it send by the rights that they have now.

        A caller with `manage` may pause any, and change nothing else.

        Raises:
            BadUserInput: A value is wrong.
            Unauthenticated: The caller's token has been revoked meanwhile.
        """
        caller.require_mutation(Scope.WEBHOOKS_WRITE)
        row = await self._seen(caller, webhook_id)
        if row["user_id"] != caller.subject:
            return await self._pause_anothers(caller, row, wanted)
        change: dict[str, Any] = {name: {"$literal": value} for name, value in self._fields_of(caller, wanted).items()}
        change |= {name: {"$literal": value} for name, value in self._rights_of(caller).items()}
        change |= {
            "rights_revision": {"$add": ["$rights_revision", 1]},
            "confirmed_at": "$$NOW",
            "updated": "$$NOW",
        }
        if wanted.enabled is not None:
            change |= _ENABLING if wanted.enabled else _pausing(PAUSED_BY_OWNER)
        await self._change(caller, row, change)
        await self._recheck(caller, row["_id"])
        return await self._own(caller, webhook_id)

    async def rotate_secret(self, caller: Caller, webhook_id: str, keep_old_seconds: int) -> tuple[Row, str]:
        """Give a webhook of the caller's a new secret; older ones sign beside it for so many seconds.

        Raises:
            BadUserInput: The seconds are not from 0 to 30 days.
        """
        caller.require_mutation(Scope.WEBHOOKS_WRITE)
        if not 0 <= keep_old_seconds <= MAX_KEEP_SECONDS:
            raise BadUserInput(f"keepOldSeconds must be from 0 to {MAX_KEEP_SECONDS:,}.")
        for _ in range(_ROTATION_TRIES):
            row, secret = await self._own(caller, webhook_id), new_secret()
            until = datetime.now(UTC) + timedelta(seconds=keep_old_seconds)
            kept = [
                {**each, "until": min(until, to_datetime(each.get("until")) or until)}
                for each in row["secrets"][: _MAX_SECRETS - 1]
                if keep_old_seconds and (to_datetime(each.get("until")) or until) > datetime.now(UTC)
            ]
            secrets = [{"secret": self._encrypted(secret)}, *kept]
            change = {"secrets": {"$literal": secrets}, "updated": "$$NOW"}
            # Otherwise one of two rotations at once would return a secret that never signs.
            if await self._change(caller, row, change, {"revision": row["revision"]}):
                return await self._own(caller, webhook_id), secret
        raise BadUserInput("The webhook is being changed by another request; try again.")

    async def delete(self, caller: Caller, webhook_id: str) -> None:
        """Delete a webhook of the caller's, or any of the tenant with `manage`; what waits for it is not sent."""
        caller.require_mutation(Scope.WEBHOOKS_WRITE)
        row = await self._seen(caller, webhook_id)

        async def delete(session: AsyncClientSession) -> None:
            webhooks = self.reader.database.collection(Webhook)
            await webhooks.delete_one({"_id": row["_id"], "tenant_id": caller.tenant}, session=session)

        with failing_as_unavailable():
            await WEBHOOKS.in_revision(self.reader.database, caller.tenant, delete)

    async def list(self, caller: Caller, page: PageRequest, wanted: PageSelection) -> Page:
        """One keyset page of the webhooks that `caller` may list, newest first."""
        return await self.reader.read_page(Webhook, Listing(webhooks_visible_to(caller), NEWEST_FIRST), page, wanted)

    async def find_many(self, caller: Caller, webhook_ids: Iterable[str]) -> Mapping[str, Row]:
        """Those of the webhooks that `caller` may list, by id."""
        visible = webhooks_visible_to(caller)
        wanted = tuple(ObjectId(each) for each in webhook_ids if ObjectId.is_valid(each))
        if not wanted:
            return {}
        rows = await self.reader.read_some(Webhook, all_of(visible, OneOf("_id", wanted)), None, limit=len(wanted))
        return {str(row["_id"]): row for row in rows}

    def url_of(self, caller: Caller, row: Row) -> str:
        """The address of a webhook: whole for its owner, and for others its host alone."""
        if row["user_id"] != caller.subject or row["tenant_id"] != caller.tenant:
            return row["host"]
        try:
            return self.encryption.decrypt(row["url"])
        except NotDecrypted:
            return row["host"]

    async def own(self, caller: Caller, webhook_id: str) -> Row:
        """A webhook of the caller's; raises `NotFound`, or with `manage` `Forbidden`, for one of somebody else's."""
        caller.require_mutation(Scope.WEBHOOKS_WRITE)
        return await self._own(caller, webhook_id)

    async def _seen(self, caller: Caller, webhook_id: str) -> Row:
        found = await self.find_many(caller, [webhook_id])
        if webhook_id not in found:
            raise NotFound("There is no such webhook, or you may not see it.")
        return found[webhook_id]

    async def _own(self, caller: Caller, webhook_id: str) -> Row:
        row = await self._seen(caller, webhook_id)
        if row["user_id"] != caller.subject:
            raise Forbidden("Only its owner may do this; with the scope manage you may pause and delete it.")
        return row

    async def _pause_anothers(self, caller: Caller, row: Row, wanted: WebhookFields) -> Row:
        if wanted != WebhookFields(enabled=False):
            raise Forbidden("Only its owner may change it; with the scope manage you may pause and delete it.")
        await self._change(caller, row, {**_pausing(PAUSED_BY_OPERATOR), "updated": "$$NOW"})
        return await self._seen(caller, str(row["_id"]))

    async def _recheck(self, caller: Caller, webhook_id: ObjectId) -> None:
        """Pause the webhook of a caller who was revoked while it was saved.

        Revoking looks for webhooks to pause, and either finds this one or has been recorded before this look.
        """
        try:
            await self.recheck(caller)
        except Unauthenticated:
            with failing_as_unavailable():
                await WEBHOOKS.change(self.reader.database, caller.tenant, {"_id": webhook_id}, _pausing(REVOKED))
            raise

    async def _change(
        self, caller: Caller, row: Row, change: Mapping[str, Any], query: Mapping[str, Any] | None = None
    ) -> int:
        with failing_as_unavailable():
            own = {"_id": row["_id"], **(query or {})}
            return await WEBHOOKS.change(self.reader.database, caller.tenant, own, change)

    def _fields_of(self, caller: Caller, wanted: WebhookFields) -> dict[str, Any]:
        """The stored fields that `wanted` gives values to."""
        found: dict[str, Any] = {}
        if wanted.name is not None:
            found["name"] = _checked_name(wanted.name)
        if wanted.url is not None:
            destination = self.rules.check(wanted.url)
            found |= {"url": self._encrypted(destination.url), "host": destination.authority}
        if wanted.where is not None:
            found |= {"where": encode_filter(wanted.where), "filter": wanted.given_filter}
        if wanted.kinds is not None:
            if not wanted.kinds:
                raise BadUserInput("Name in `on` at least one kind of change.")
            found["kinds"] = [each for each in KINDS if each in wanted.kinds]
        if wanted.include_payloads is not None:
            if wanted.include_payloads:
                caller.require(Scope.EXECUTIONS_PAYLOAD)
            found["include_payloads"] = wanted.include_payloads
        return found

    def _encrypted(self, text: str) -> bytes:
        try:
            return self.encryption.encrypt(text)
        except SetupError as error:
            raise BadUserInput(
                "This server has no webhooks: its operator must set EXECUTION_MONITOR_SECRETS_KEYS."
            ) from error

    @staticmethod
    def _rights_of(caller: Caller) -> dict[str, Any]:
        """The rights of the caller now, as they are stored; raises `Forbidden` where they may read nothing."""
        caller.require(Scope.EXECUTIONS_READ)
        return Rights.of(caller).to_stored()

    async def _refuse_too_many(self, caller: Caller) -> None:
        webhooks = self.reader.database.collection(Webhook)
        own = {"tenant_id": caller.tenant, "user_id": caller.subject}
        if await webhooks.count_documents(own, limit=MAX_OF_OWNER) >= MAX_OF_OWNER:
            raise BadUserInput(f"You have {MAX_OF_OWNER} webhooks; delete one first.")


def _pausing(reason: str) -> dict[str, Any]:
    """The expressions that pause a webhook which is enabled; one that is not keeps its state and why."""
    return {
        "state": {"$cond": [_IS_ENABLED, WebhookState.PAUSED.value, "$state"]},
        "state_reason": {"$cond": [_IS_ENABLED, {"$literal": reason}, "$state_reason"]},
    }


def _checked_name(name: str) -> str:
    name = name.strip()
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise BadUserInput(f"Give the webhook a name of 1 to {MAX_NAME} characters without line breaks and tabs.")
    return name
