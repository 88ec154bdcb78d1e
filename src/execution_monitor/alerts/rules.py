"""Rules of alerts, as callers may make, list, change and delete them.

A rule is its owner's: they alone change it, and it watches what they might see when it was last saved, or less where
they have signed in with less since. Those who read the whole tenant see it, and with `manage` pause and delete it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from bson import ObjectId

from execution_monitor.alerts.channels import GivenChannel
from execution_monitor.alerts.conditions import MIN_SECONDS, Condition, Event, Rate
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import GroupBy
from execution_monitor.alerts.owned_rules import ALERT_DAYS, RULES
from execution_monitor.alerts.silent_channels import REOPENED
from execution_monitor.alerts.visibility import rules_visible_to
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, Forbidden, NotFound, Unauthenticated
from execution_monitor.storage.alert_documents import Alert, AlertRule, AlertState
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.webhooks.owners import REVOKED
from execution_monitor.webhooks.rights import Rights

NEWEST_FIRST = Order((SortKey("created", descending=True),))
PAUSED_BY_OWNER = "Its owner paused it."
PAUSED_BY_OPERATOR = "An operator paused it."
MAX_NAME = 100
# Each is evaluated four times a minute, or put to every change of its tenant.
MAX_OF_OWNER = 100
MAX_FOR_SECONDS = 7 * 86_400
MAX_REPEAT_SECONDS = 31 * 86_400
_TIMEOUT_MS = 5_000
# Deleted rules are kept a day longer than their last alert, which names its rule.
_KEPT_DAYS = ALERT_DAYS + 1
_IS_ENABLED = {"$eq": ["$enabled", True]}


class ChannelStore(Protocol):
    """Checks channels and makes their stored form."""

    async def to_stored(
        self, caller: Caller, channels: Sequence[GivenChannel], before: Iterable[Mapping[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """The channels as they are stored; raises `BadUserInput`."""
        ...


@dataclass(frozen=True, slots=True)
class RuleFields:
    """What a rule is made or changed with; None keeps what is there, or is the default of a new one.

    Attributes:
        where: the population, beside its JSON as it was given; these two come together.
        condition: when it fires, beside its JSON as it was given; these two come together.
        channels: where its alerts are sent to; their addresses are not in a `repr`.
        removed: which of `group_by` and `repeat_after_seconds` become none.
    """

    name: str | None = None
    where: Filter | None = None
    given_filter: Any = None
    condition: Condition | None = None
    given_condition: Any = None
    group_by: GroupBy | None = None
    for_seconds: int | None = None
    repeat_after_seconds: int | None = None
    channels: Sequence[GivenChannel] | None = field(default=None, repr=False)
    enabled: bool | None = None
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one database. Every method may raise `Forbidden`, `NotFound` and `DatabaseUnavailable`.

    Attributes:
        channels: checks where alerts are sent to.
        recheck: raises `Unauthenticated` for a caller whose token has been revoked, as the database says now.
    """

    reader: Reader
    channels: ChannelStore
    recheck: Callable[[Caller], Awaitable[None]]

    async def create(self, caller: Caller, wanted: RuleFields) -> Row:
        """Make a rule of the caller's; returns it as stored.

        Raises:
            BadUserInput: A value is wrong.
            Unauthenticated: The caller's token has been revoked meanwhile.
        """
        caller.require_mutation(Scope.ALERTS_WRITE)
        if None in (wanted.name, wanted.where, wanted.condition, wanted.channels):
            raise BadUserInput("A rule needs a name, a filter, a condition and channels.")
        rule_id, is_enabled = ObjectId(), wanted.enabled is not False
        fields = await self._fields_of(caller, wanted)
        document: BsonDocument = {
            "tenant_id": caller.tenant,
            "user_id": caller.subject,
            "for_seconds": 0,
            **fields,
            **_rights_of(caller),
            "enabled": is_enabled,
            "rights_revision": 1,
            "pending": [],
            "revision": 1,
        }
        if not is_enabled:
            document["state_reason"] = PAUSED_BY_OWNER
        times = {
            "active_since": "$$CLUSTER_TIME",
            **dict.fromkeys(("confirmed_at", "created", "updated", "next_at"), "$$NOW"),
        }
        with failing_as_unavailable():
            await self._refuse_too_many(caller)
            await RULES.insert(self.reader.database, caller.tenant, rule_id, document, times)
        await self._recheck(caller, rule_id)
        return await self._own(caller, str(rule_id))

    async def update(self, caller: Caller, rule_id: str, wanted: RuleFields) -> Row:
        """Change a rule of the caller's, and have it watch what they may see now.

        A caller with `manage` may pause any that they see, and change nothing else.

        Raises:
            BadUserInput: A value is wrong.
            Unauthenticated: The caller's token has been revoked meanwhile.
        """
        caller.require_mutation(Scope.ALERTS_WRITE)
        row = await self._seen(caller, rule_id)
        if row["user_id"] != caller.subject:
            return await self._pause_anothers(caller, row, wanted)
        fields = await self._fields_of(caller, wanted, row.get("channels") or ())
        change: dict[str, Any] = {name: {"$literal": value} for name, value in fields.items()}
        change |= {name: {"$literal": value} for name, value in _rights_of(caller).items()}
        change |= {
            **dict.fromkeys(wanted.removed, "$$REMOVE"),
            "rights_revision": {"$add": ["$rights_revision", 1]},
            "confirmed_at": "$$NOW",
            "updated": "$$NOW",
            # What was measured for another condition says nothing of this one.
            "pending": [],
            "evaluated_at": "$$REMOVE",
            "next_at": "$$NOW",
        }
        if wanted.enabled is not None:
            change |= _ENABLING if wanted.enabled else _pausing(PAUSED_BY_OWNER)
        if wanted.enabled and wanted.channels is None:
            change["channels"] = REOPENED
        await self._change(caller, row, change)
        await self._recheck(caller, row["_id"])
        return await self._own(caller, rule_id)

    async def delete(self, caller: Caller, rule_id: str) -> None:
        """Delete a rule of the caller's, or any that they see with `manage`; its alerts are resolved without notice."""
        caller.require_mutation(Scope.ALERTS_WRITE)
        row = await self._seen(caller, rule_id)
        if row["user_id"] != caller.subject and not caller.may(Scope.MANAGE):
            raise Forbidden("Only its owner may delete it, or those with the scope manage.")
        change: dict[str, Any] = {
            "enabled": False,
            "state_reason": "$$REMOVE",
            "channels": [],
            "deleted_at": "$$NOW",
            "updated": "$$NOW",
            "expires_at": {"$dateAdd": {"startDate": "$$NOW", "unit": "day", "amount": _KEPT_DAYS}},
        }
        await self._change(caller, row, change)

    async def to_preview(self, caller: Caller, wanted: RuleFields) -> tuple[Watched, timedelta]:
        """What a rule of the caller's would watch, and how long its condition would have to hold; stores nothing.

        Raises:
            BadUserInput: A value is wrong. Channels are not looked at.
        """
        caller.require(Scope.ALERTS_WRITE)
        caller.require(Scope.EXECUTIONS_READ)
        where, condition = wanted.where, wanted.condition
        if where is None or condition is None:
            raise BadUserInput("A preview needs a filter and a condition.")
        fields = await self._fields_of(caller, replace(wanted, channels=None))
        hold = timedelta(seconds=fields.get("for_seconds", 0))
        return Watched(Rights.of(caller).condition, where, condition, wanted.group_by), hold

    async def list(self, caller: Caller, page: PageRequest, wanted: PageSelection) -> Page:
        """One keyset page of the rules that `caller` may see, newest first."""
        return await self.reader.read_page(AlertRule, Listing(_listed(caller), NEWEST_FIRST), page, wanted)

    async def find_many(
        self, caller: Caller, rule_ids: Iterable[str], *, with_deleted: bool = False
    ) -> Mapping[str, Row]:
        """Those of the rules that `caller` may see, by id; deleted ones, which alerts still name, only if wanted."""
        visible = rules_visible_to(caller) if with_deleted else _listed(caller)
        wanted = tuple(ObjectId(each) for each in rule_ids if ObjectId.is_valid(each))
        if not wanted:
            return {}
        rows = await self.reader.read_some(AlertRule, all_of(visible, OneOf("_id", wanted)), None, limit=len(wanted))
        return {str(row["_id"]): row for row in rows}

    async def count_firing(self, caller: Caller, rule_ids: Iterable[str]) -> Mapping[str, int]:
        """How many alerts of each of these rules fire, of those that `caller` may see."""
        wanted = [ObjectId(each) for each in rule_ids if ObjectId.is_valid(each)]
        where = all_of(
            rules_visible_to(caller), equals("state", AlertState.FIRING.value), OneOf("rule_id", tuple(wanted))
        )
        with failing_as_unavailable():
            counting = await self.reader.database.collection(Alert).aggregate(
                [{"$match": where.to_mongo()}, {"$group": {"_id": "$rule_id", "count": {"$sum": 1}}}]
            )
            rows = await await_reply(counting.to_list(), _TIMEOUT_MS)
        return {str(row["_id"]): row["count"] for row in rows}

    async def _seen(self, caller: Caller, rule_id: str) -> Row:
        found = await self.find_many(caller, [rule_id])
        if rule_id not in found:
            raise NotFound("There is no such rule, or you may not see it.")
        return found[rule_id]

    async def _own(self, caller: Caller, rule_id: str) -> Row:
        row = await self._seen(caller, rule_id)
        if row["user_id"] != caller.subject:
            raise Forbidden("Only its owner may do this.")
        return row

    async def _pause_anothers(self, caller: Caller, row: Row, wanted: RuleFields) -> Row:
        if not caller.may(Scope.MANAGE) or wanted != RuleFields(enabled=False):
            raise Forbidden("Only its owner may change it; with the scope manage you may pause and delete it.")
        await self._change(caller, row, {**_pausing(PAUSED_BY_OPERATOR), "updated": "$$NOW"})
        return await self._seen(caller, str(row["_id"]))

    async def _recheck(self, caller: Caller, rule_id: ObjectId) -> None:
        """Pause the rule of a caller who was revoked while it was saved.

        Revoking looks for rules to pause, and either finds this one or has been recorded before this look.
        """
        try:
            await self.recheck(caller)
        except Unauthenticated:
            with failing_as_unavailable():
                await RULES.pause(self.reader.database, {"_id": rule_id}, REVOKED)
            raise

    async def _change(self, caller: Caller, row: Row, change: Mapping[str, Any]) -> None:
        with failing_as_unavailable():
            there = {"_id": row["_id"], "deleted_at": None}
            if not await RULES.change(self.reader.database, caller.tenant, there, change):
                raise NotFound("There is no such rule, or you may not see it.")

    async def _fields_of(
        self, caller: Caller, wanted: RuleFields, channels: Iterable[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        """The stored fields that `wanted` gives values to; those of `channels` that stay keep their ids."""
        found: dict[str, Any] = {}
        if wanted.name is not None:
            found["name"] = _checked_name(wanted.name)
        if wanted.where is not None:
            found |= {"where": encode_filter(wanted.where), "filter": wanted.given_filter}
        if wanted.condition is not None:
            condition = wanted.condition
            match = encode_filter(condition.match) if isinstance(condition, Event | Rate) else None
            found |= {"kind": condition.kind.value, "condition": wanted.given_condition, "match": match}
        if wanted.group_by is not None:
            found["group_by"] = wanted.group_by.value
        if wanted.for_seconds is not None:
            if not 0 <= wanted.for_seconds <= MAX_FOR_SECONDS:
                raise BadUserInput(f"forSeconds must be from 0 to {MAX_FOR_SECONDS:,} (7 days).")
            found["for_seconds"] = wanted.for_seconds
        if wanted.repeat_after_seconds is not None:
            if not MIN_SECONDS <= wanted.repeat_after_seconds <= MAX_REPEAT_SECONDS:
                raise BadUserInput(
                    f"repeatAfterSeconds must be from {MIN_SECONDS} to {MAX_REPEAT_SECONDS:,} (31 days)."
                )
            found["repeat_after_seconds"] = wanted.repeat_after_seconds
        if wanted.channels is not None:
            found["channels"] = await self.channels.to_stored(caller, wanted.channels, channels)
        return found

    async def _refuse_too_many(self, caller: Caller) -> None:
        rules = self.reader.database.collection(AlertRule)
        own = {"tenant_id": caller.tenant, "user_id": caller.subject, "deleted_at": None}
        if await rules.count_documents(own, limit=MAX_OF_OWNER) >= MAX_OF_OWNER:
            raise BadUserInput(f"You have {MAX_OF_OWNER} rules; delete one first.")


def _listed(caller: Caller) -> Filter:
    return all_of(rules_visible_to(caller), equals("deleted_at", None))


def _rights_of(caller: Caller) -> dict[str, Any]:
    """The rights of the caller now, as they are stored; raises `Forbidden` where they may read nothing."""
    caller.require(Scope.EXECUTIONS_READ)
    return Rights.of(caller).to_stored()


_ENABLING: Mapping[str, Any] = {
    # What happened while it watched nothing fires nothing now.
    "active_since": {"$cond": [_IS_ENABLED, "$active_since", "$$CLUSTER_TIME"]},
    "enabled": True,
    "state_reason": None,
}


def _pausing(reason: str) -> dict[str, Any]:
    """The expressions that pause a rule which is enabled; one that is not keeps why."""
    return {
        "enabled": False,
        "state_reason": {"$cond": [_IS_ENABLED, {"$literal": reason}, "$state_reason"]},
    }


def _checked_name(name: str) -> str:
    name = name.strip()
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise BadUserInput(f"Give the rule a name of 1 to {MAX_NAME} characters without line breaks and tabs.")
    return name
