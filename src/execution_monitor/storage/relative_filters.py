"""Relative filters: conditions that speak of now. They are bound to an instant before they find anything.

A list binds them to the instant of its first page, which its cursors carry, and a live update to that of its change.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import DatetimeMS
from typing_extensions import override

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.filters import (
    EVERYTHING,
    AllOf,
    AnyOf,
    DurationSource,
    Filter,
    Not,
    Query,
    Range,
    all_of,
    is_null,
)
from execution_monitor.storage.predicates import Predicate, PredicateAt, Stored, whenever
from execution_monitor.storage.running_time import DURATION, IS_RUNNING, STARTED, seconds_since, started_before

# 68 years, the largest Int of GraphQL.
MAX_SECONDS = 2**31 - 1

_NEVER = AnyOf()
_ANY_INSTANT = datetime.fromtimestamp(0, UTC)
_is_running = IS_RUNNING.predicate()


def split_by_duration(where: Filter, now: datetime) -> Sequence[Filter]:
    """Filters that together find at the instant `now` what `where` finds, each execution once: one for an index each.

    Executions that run, and the others, where `where` has a condition on the duration.
    """
    ended, running = (where.bind(now, among) for among in DurationSource)
    if ended == running:
        return (ended,)
    parts = ended.parts if isinstance(ended, AllOf) else (ended,)
    has_duration = any(isinstance(part, Range) and part.field == DURATION for part in parts)
    return ended if has_duration else all_of(ended, Not(IS_RUNNING)), all_of(running, IS_RUNNING)


@dataclass(frozen=True, slots=True)
class RelativeFilter(Filter):
    """A condition that speaks of now."""

    @abstractmethod
    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter: ...

    @property
    @override
    def is_relative(self) -> bool:
        return True

    @override
    def to_mongo(self) -> Query:
        raise ValueError("Bind a relative filter to an instant first.")

    @override
    def predicate(self) -> Predicate:
        raise ValueError("Bind a relative filter to an instant first.")

    @abstractmethod
    @override
    def predicate_at(self) -> PredicateAt: ...


@dataclass(frozen=True, slots=True)
class Within(RelativeFilter):
    """The time is not longer ago than so many seconds, or is yet to come.

    Raises:
        BadUserInput: The seconds are not from 1 to 2,147,483,647.
    """

    field: str
    seconds: int

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= MAX_SECONDS:
            raise BadUserInput(f"withinSeconds must be from 1 to {MAX_SECONDS}, not {self.seconds}.")

    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter:
        return Range(self.field, gte=DatetimeMS(milliseconds_of(now) - 1_000 * self.seconds))

    @override
    def predicate_at(self) -> PredicateAt:
        field, seconds = self.field, self.seconds

        def holds(document: Stored, now: datetime) -> bool:
            time = document.get(field)
            if isinstance(time, datetime | DatetimeMS):
                return milliseconds_of(now) - milliseconds_of(time) <= 1_000 * seconds
            return time is not None and self.bind(now).matches(document)

        return holds

    @override
    def fields(self) -> Iterator[str]:
        yield self.field


@dataclass(frozen=True, slots=True)
class Duration(RelativeFilter):
    """The duration of an execution lies within bounds of seconds: the stored one, or the time it has run so far."""

    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None

    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter:
        stored, running = Range(DURATION, self.gt, self.gte, self.lt, self.lte), self._started(now)
        if among is not None:
            return stored if among is DurationSource.STORED else running
        return AnyOf((stored, AllOf((IS_RUNNING, running))))

    @override
    def predicate_at(self) -> PredicateAt:
        is_stored = Range(DURATION, self.gt, self.gte, self.lt, self.lte).predicate()

        def holds(document: Stored, now: datetime) -> bool:
            if is_stored(document):
                return True
            return _is_running(document) and self._includes(max(0.0, seconds_since(document[STARTED], now)))

        return holds

    def _includes(self, seconds: float) -> bool:
        return (
            (self.gt is None or seconds > self.gt)
            and (self.gte is None or seconds >= self.gte)
            and (self.lt is None or seconds < self.lt)
            and (self.lte is None or seconds <= self.lte)
        )

    def _started(self, now: datetime) -> Filter:
        """The condition on the start of an execution that runs; one that starts in the future has run for 0 s."""
        if (self.lt is not None and self.lt <= 0) or (self.lte is not None and self.lte < 0):
            return _NEVER
        bounds = list[Filter]()
        if self.gt is not None and self.gt >= 0:
            bounds.append(Range(STARTED, lte=started_before(now, self.gt, or_at=False)))
        if self.gte is not None and self.gte > 0:
            bounds.append(Range(STARTED, lte=started_before(now, self.gte, or_at=True)))
        if self.lt is not None:
            bounds.append(Range(STARTED, gt=started_before(now, self.lt, or_at=True)))
        if self.lte is not None:
            bounds.append(Range(STARTED, gt=started_before(now, self.lte, or_at=False)))
        return bounds[0] if len(bounds) == 1 else AllOf(tuple(bounds))

    @override
    def fields(self) -> Iterator[str]:
        yield DURATION


@dataclass(frozen=True, slots=True)
class HasDuration(RelativeFilter):
    """The execution has a duration, stored or since it started; or it has none, when `wanted` is false."""

    wanted: bool

    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter:
        stored = is_null(DURATION, wanted=not self.wanted)
        if among is DurationSource.STORED:
            return stored
        if among is DurationSource.RUNNING:
            return EVERYTHING if self.wanted else _NEVER
        return AnyOf((stored, IS_RUNNING)) if self.wanted else AllOf((stored, Not(IS_RUNNING)))

    @override
    def predicate_at(self) -> PredicateAt:
        # Whether an execution runs does not depend on the instant.
        return whenever(self.bind(_ANY_INSTANT).predicate())

    @override
    def fields(self) -> Iterator[str]:
        yield DURATION
