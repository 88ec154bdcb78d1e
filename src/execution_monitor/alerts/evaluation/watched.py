"""What a rule watches, as it is stored: the executions, the condition, and the rights under which both are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from execution_monitor.alerts.conditions import Condition
from execution_monitor.alerts.groups import AlertGroup, GroupBy
from execution_monitor.storage.filter_codec import decode_filter
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.predicates import as_mapping
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.rights import Rights


@dataclass(frozen=True)
class Watched:
    """What a rule watches. Rules that watch the same have the same `key`.

    Attributes:
        visible: which executions its owner may see.
        where: which of them it watches.
        condition: when it fires.
        by: what its alerts are told apart by.
        given: the filter as its owner wrote it, in JSON.
        given_match: the same of the condition's `match`.
    """

    visible: Filter
    where: Filter
    condition: Condition
    by: GroupBy | None = None
    given: Any = field(default=None, compare=False)
    given_match: Any = field(default=None, compare=False)

    @classmethod
    def read(cls, rule: Row) -> "Watched":
        """What the stored `rule` watches.

        Raises:
            RightsUnclear, UnreadableFilter, UnreadableCondition, ValueError: It cannot be read.
        """
        by = rule.get("group_by")
        given = as_mapping((as_mapping(rule.get("condition")) or {}).get(str(rule["kind"]))) or {}
        return cls(
            Rights.read(rule).condition,
            decode_filter(rule["where"]),
            Condition.read(rule),
            None if by is None else GroupBy(by),
            rule.get("filter"),
            given.get("match"),
        )

    @cached_property
    def key(self) -> str:
        """What tells it from everything that is measured otherwise: the `repr` of a filter shows all of it."""
        return repr((self.visible, self.where, self.condition, self.by))

    @cached_property
    def population(self) -> Filter:
        """The executions that it watches, of those that its owner may see."""
        return all_of(self.visible, self.where)

    def about(self, group: AlertGroup, *conditions: Filter) -> Filter:
        """The executions that an alert is about, for readers with rights of their own."""
        return all_of(self.where, group.condition, *conditions)

    def given_about(self, group: AlertGroup, *conditions: object) -> Sequence[object]:
        """The same as filters of the API."""
        return [self.given, group.given, *conditions]


def at(time: datetime) -> str:
    """A time as filters of the API have it."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
