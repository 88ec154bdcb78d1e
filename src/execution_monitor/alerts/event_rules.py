"""The registry of enabled rules of events, compiled for the feeder: which of a tenant's a change concerns, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId, Timestamp

from execution_monitor.alerts.groups import AlertGroup, GroupBy, groups_of
from execution_monitor.feeder.registry import OfTenant, Registry
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.storage.alert_documents import AlertRule, AlertTenant, ConditionKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.predicates import PredicateAt
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.rights import Rights, RightsUnclear

_TIMEOUT_MS = 10_000
ENABLED = {"kind": ConditionKind.EVENT.value, "enabled": True}


@dataclass(frozen=True, slots=True)
class Entered:
    """An execution that has started to match a rule.

    Attributes:
        rule_id: of the rule.
        position: of the change.
        groups: that the execution is in.
    """

    rule_id: ObjectId
    position: StreamPosition
    occurred_at: datetime
    execution_id: str | None
    groups: Sequence[AlertGroup]


@dataclass(frozen=True, slots=True, eq=False)
class EventRule:
    """A rule that a change may concern.

    Attributes:
        rule_id: its id.
        active_since: the cluster time up to which changes do not concern it.
        condition: what its filters and the rights of its owner together say of an execution.
        where: which executions it is about.
        matches: whether an execution is one of these and may be seen by the owner, at an instant.
        by: what its alerts are told apart by.
    """

    rule_id: ObjectId
    active_since: Timestamp
    condition: Filter
    where: Filter
    matches: PredicateAt
    by: GroupBy | None

    @classmethod
    def read(cls, row: Row) -> "EventRule":
        """The rule that `row` stores; raises `RightsUnclear` or `UnreadableFilter`."""
        visible = Rights.read(row).condition
        where = all_of(decode_filter(row["where"]), decode_filter(row["match"]))
        condition, by = all_of(visible, where), row.get("group_by")
        return cls(
            rule_id=row["_id"],
            active_since=row["active_since"],
            condition=condition,
            where=where,
            matches=condition.predicate_at(),
            by=None if by is None else GroupBy(by),
        )

    def judge(self, change: Change) -> Entered | None:
        """What `change` means to it: an execution that matches behind it, and did not before; else None."""
        at, before, after = change.occurred_at, change.before, change.after
        if after is None or not self.matches(after, at) or (before is not None and self.matches(before, at)):
            return None
        execution_id: Any = after.get("execution_id")
        return Entered(
            self.rule_id,
            change.position,
            at,
            execution_id if isinstance(execution_id, str) else None,
            list(groups_of(self.by, after)),
        )


class EventRules(Registry[EventRule]):
    """The enabled rules of events of `database`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, AlertTenant, self._read_rules)
        self._database = database

    async def has_any(self) -> bool:
        """Whether there is one, of whichever tenant."""
        rules = self._database.collection(AlertRule)
        return await await_reply(rules.find_one(ENABLED, {"_id": 1}), _TIMEOUT_MS) is not None

    async def _read_rules(self, tenant: str, revision: int) -> OfTenant[EventRule]:
        rules = self._database.collection(AlertRule)
        rows = await await_reply(rules.find({"tenant_id": tenant, **ENABLED}).to_list(), _TIMEOUT_MS)
        return OfTenant[EventRule].read(revision, rows, EventRule.read, (RightsUnclear, UnreadableFilter))
