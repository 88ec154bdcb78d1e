"""Questions: a request for statistics bound to a caller and an instant, and the tables that answer it.

Whatever adds up executions fills the same tables: MongoDB (path A), rollups (path B), live updates from the images of
changes, and `Question.add`, which says in Python what one stored document means.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.statistics.measures import COUNT_ALONE, Breakdown, Contribution, Measure, status_of
from execution_monitor.statistics.requests import (
    Group,
    GroupField,
    GroupKey,
    GroupOrder,
    GroupsRequest,
    SeriesBucket,
    StatisticsRequest,
)
from execution_monitor.statistics.time_buckets import TimeBucket, buckets_between, time_zone
from execution_monitor.statistics.time_range import CREATED, TimeRange, time_range_of
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.predicates import as_list, as_mapping
from execution_monitor.storage.rows import Row

_P95 = 0.95
_NEEDED = {GroupOrder.P95: Measure.DURATION, GroupOrder.COST: Measure.COST}


@dataclass(slots=True)
class StatisticsTables:
    """Breakdowns in the making: of all, by the place of the bucket in the series, and by field and value of a group."""

    totals: Breakdown = field(default_factory=Breakdown)
    by_bucket: dict[int, Breakdown] = field(default_factory=dict[int, Breakdown])
    by_group: dict[GroupField, dict[GroupKey, Breakdown]] = field(
        default_factory=dict[GroupField, dict[GroupKey, Breakdown]]
    )

    def of_bucket(self, place: int) -> Breakdown:
        """The breakdown of a bucket, to add to."""
        found = self.by_bucket.get(place)
        if found is None:
            found = self.by_bucket[place] = Breakdown()
        return found

    def of_group(self, by: GroupField, key: GroupKey) -> Breakdown:
        """The breakdown of a group, to add to."""
        groups = self.by_group.setdefault(by, {})
        found = groups.get(key)
        if found is None:
            found = groups[key] = Breakdown()
        return found

    def merge(self, other: "StatisticsTables") -> None:
        """Add what `other` holds, which is of no use any more."""
        if self.totals or self.by_bucket or self.by_group:
            self.include(other)
        else:
            self.totals, self.by_bucket, self.by_group = other.totals, other.by_bucket, other.by_group

    def include(self, other: "StatisticsTables") -> None:
        """Add what `other` holds, and share nothing with it."""
        self.totals.merge(other.totals)
        for place, breakdown in other.by_bucket.items():
            self.of_bucket(place).merge(breakdown)
        for by, groups in other.by_group.items():
            for key, breakdown in groups.items():
                self.of_group(by, key).merge(breakdown)

    def leave_empty(self) -> None:
        """Leave out what counts nothing, once all is added and subtracted."""
        groups = [each for by_key in self.by_group.values() for each in by_key.values()]
        for breakdown in (self.totals, *self.by_bucket.values(), *groups):
            for status in [status for status, each in breakdown.items() if not each.count]:
                del breakdown[status]


@dataclass(frozen=True)
class Question:
    """What is to be added up, for one caller, at one instant.

    Attributes:
        request: what was requested.
        now: the instant to which everything that speaks of now is bound.
        visible: which executions the caller may see.
        matching: the filter and the range of time, bound to `now`.
        where: the same of those that the caller may see.
        time_range: from when to when.
        buckets: of the series, oldest first; none where no series was requested.
    """

    request: StatisticsRequest
    now: datetime
    visible: Filter
    matching: Filter
    where: Filter
    time_range: TimeRange
    buckets: Sequence[TimeBucket]

    @classmethod
    def of(cls, caller: Caller, request: StatisticsRequest, now: datetime) -> "Question":
        """The question that `request` is at the instant `now`.

        Raises:
            Forbidden: The caller lacks the scope `executions:read`.
            BadUserInput: There is no such time zone, or the series would have more than 100 buckets.
        """
        caller.require(Scope.EXECUTIONS_READ)
        return cls.within(visible_to(caller), request, now)

    @classmethod
    def within(cls, visible: Filter, request: StatisticsRequest, now: datetime) -> "Question":
        """The question that `request` is at the instant `now` of those executions alone that are `visible`.

        For what acts on behalf of a user who is not there, such as a rule of alerts, with the rights that were stored.

        Raises:
            BadUserInput: There is no such time zone, or the series would have more than 100 buckets.
        """
        time_range = time_range_of(request.where, now)
        zone = time_zone(request.zone)
        buckets: Sequence[TimeBucket] = ()
        if request.series is not None:
            buckets = buckets_between(time_range.start, time_range.last(now), request.interval, zone)
        matching = all_of(request.where, time_range.condition).bind(now)
        # A role's filter may speak of now as well.
        where = all_of(visible.bind(now), matching)
        return cls(request, now, visible, matching, where, time_range, buckets)

    @cached_property
    def grouped(self) -> Mapping[GroupField, Measure]:
        """The fields to group by, each once, and what is measured of the groups or needed to order them."""
        found = dict[GroupField, Measure]()
        for each in self.request.groups:
            needed = each.measures | _NEEDED.get(each.order, COUNT_ALONE)
            found[each.by] = found.get(each.by, COUNT_ALONE) | needed
        return found

    @cached_property
    def measured(self) -> Measure:
        """What is measured of any execution."""
        request = self.request
        found = (request.totals or COUNT_ALONE) | (request.series or COUNT_ALONE)
        for measures in self.grouped.values():
            found |= measures
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be added up."""
        return self.request.totals is None and self.request.series is None and not self.request.groups

    def first_of(self, by: GroupField) -> Mapping[GroupOrder, int]:
        """How many groups by one field are wanted, by order."""
        found = dict[GroupOrder, int]()
        for each in self.request.groups:
            if each.by is by:
                found[each.order] = max(each.first, found.get(each.order, 0))
        return found

    @cached_property
    def _starts(self) -> Sequence[datetime]:
        return [bucket.start for bucket in self.buckets]

    def bucket_of(self, created: datetime) -> int:
        """The place of the bucket that a time of the range lies in; the last one holds what is later, too."""
        return max(0, bisect_right(self._starts, created) - 1)

    def add(self, tables: StatisticsTables, document: Row, times: int = 1) -> None:
        """Add one stored document that matches to all tables; with `times` of -1 take it out again."""
        contribution = Contribution.of(document)
        if self.request.totals is not None:
            tables.totals.add(contribution.only(self.request.totals), times)
        self._add_to_bucket(tables, document, contribution, times)
        for by, measures in self.grouped.items():
            measured = contribution.only(measures)
            for key in keys_of(by, document):
                tables.of_group(by, key).add(measured, times)

    def add_to_bucket(self, tables: StatisticsTables, document: Row, times: int = 1) -> None:
        """Add one stored document that matches to its bucket alone."""
        self._add_to_bucket(tables, document, Contribution.of(document), times)

    def _add_to_bucket(self, tables: StatisticsTables, document: Row, contribution: Contribution, times: int) -> None:
        created = to_datetime(document.get(CREATED))
        if self.request.series is not None and self.buckets and created is not None:
            measured = contribution.only(self.request.series)
            tables.of_bucket(self.bucket_of(created)).add(measured, times)

    def series(self, tables: StatisticsTables) -> list[SeriesBucket]:
        """Every bucket, those without executions, too."""
        return [
            SeriesBucket(bucket, tables.by_bucket.get(place) or Breakdown())
            for place, bucket in enumerate(self.buckets)
        ]

    def groups(self, tables: StatisticsTables) -> dict[GroupsRequest, list[Group]]:
        """The first groups of each request."""
        return {each: first_groups(each, tables.by_group.get(each.by, {})) for each in self.request.groups}


def keys_of(by: GroupField, document: Row) -> Iterator[GroupKey]:
    """The groups that a stored document is in: one, or one for each of its different tags."""
    match by:
        case GroupField.STATUS:
            yield status_of(document.get("status")).value
        case GroupField.TAG:
            yield from dict.fromkeys(_tags_of(document)) or (None,)
        case _:
            yield _text_at(document, by.value)


def _tags_of(document: Row) -> Iterator[tuple[str, str]]:
    for each in as_list(document.get("tags")):
        tag = as_mapping(each) or {}
        key, value = tag.get("key"), tag.get("value")
        if type(key) is str and type(value) is str:
            yield key, value


def _text_at(document: Row, path: str) -> str | None:
    value: Any = document
    for name in path.split("."):
        value = (as_mapping(value) or {}).get(name)
    # BSON's code is text with a scope.
    return value if type(value) is str else None


def first_groups(request: GroupsRequest, found: Mapping[GroupKey, Breakdown]) -> list[Group]:
    """The first of the groups `found`, in the order of `request`; groups without executions are none."""
    groups = [Group(key, breakdown) for key, breakdown in found.items() if breakdown.count]
    groups.sort(key=lambda each: rank_of(request.order, each))
    return groups[: request.first]


def rank_of(order: GroupOrder, group: Group) -> tuple[Any, ...]:
    """What is less for the groups that come first."""
    return -_amount(order, group.breakdown), -group.breakdown.count, _sort_key(group.key)


def _amount(order: GroupOrder, breakdown: Breakdown) -> float:
    match order:
        case GroupOrder.COUNT:
            return breakdown.count
        case GroupOrder.FAILURES:
            return breakdown.failures
        case GroupOrder.FAILURE_RATE:
            rate = breakdown.success_rate
            return -1 if rate is None else 1 - rate
        case GroupOrder.P95:
            (value,) = breakdown.durations.percentiles([_P95])
            return -math.inf if value is None else value
        case GroupOrder.COST:
            return breakdown.costs.micros


def _sort_key(key: GroupKey) -> tuple[bool, str, str]:
    """Values in their order, those without one last."""
    if key is None:
        return True, "", ""
    return (False, key, "") if isinstance(key, str) else (False, *key)
