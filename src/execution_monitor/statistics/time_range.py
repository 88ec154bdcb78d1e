"""The range of time that statistics speak of: the bounds of `createdAt` in a filter, and those that it leaves out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import DatetimeMS

from execution_monitor.storage.coercion import FIRST_TIME, to_datetime
from execution_monitor.storage.filters import AllOf, Filter, OneOf, Range, all_of
from execution_monitor.storage.relative_filters import Within

CREATED = "created"
DEFAULT_DAYS = 30
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Executions created from `start`, included, to `end`, excluded; None for no end.

    Attributes:
        moves: whether the start moves on with time, as that of the default and of `withinSeconds` does.
    """

    start: datetime
    end: datetime | None
    moves: bool

    @property
    def condition(self) -> Filter:
        """The condition on executions."""
        return Range(CREATED, gte=self.start, lt=self.end)

    def last(self, now: datetime) -> datetime:
        """Where the series ends: at the end, or now where there is none, and always behind the start."""
        return max(self.start + _MILLISECOND, now if self.end is None else self.end)


def time_range_of(where: Filter, now: datetime) -> TimeRange:
    """The range of `where` at the instant `now`: its bounds, or the last 30 days where it has no lower one.

    Bounds within `or` and `not` are conditions like others.
    """
    starts, ends, moves = list[datetime](), list[datetime](), False
    for part in where.parts if isinstance(where, AllOf) else (where,):
        if isinstance(part, Within) and part.field == CREATED:
            moves = True
            starts.append(now - timedelta(seconds=part.seconds))
        elif isinstance(part, Range) and part.field == CREATED:
            starts.extend(_times(part.gte, up=False))
            starts.extend(_times(part.gt, up=True))
            ends.extend(_times(part.lt, up=False))
            ends.extend(_times(part.lte, up=True))
        elif isinstance(part, OneOf) and part.field == CREATED:
            times = [time for value in part.values for time in _times(value, up=False)]
            if times and len(times) == len(part.values):
                starts.append(min(times))
                ends.append(max(times) + _MILLISECOND)
    # That the time is not missing is no bound.
    starts = [start for start in starts if start > FIRST_TIME]
    if not starts:
        moves = True
        starts.append(min([now, *ends]) - timedelta(days=DEFAULT_DAYS))
    return TimeRange(max(starts), min(ends) if ends else None, moves)


def within_range(where: Filter, time_range: TimeRange) -> Filter:
    """`where` and the condition of its range; what speaks of now in it must be bound besides."""
    return all_of(where, time_range.condition)


def _times(bound: object, *, up: bool) -> Iterator[datetime]:
    """A bound in whole milliseconds; `up`, the millisecond behind it."""
    time = to_datetime(bound) if isinstance(bound, datetime | DatetimeMS) else None
    if time is None:
        return
    rest = time.microsecond % 1_000
    time = time.astimezone(UTC) - timedelta(microseconds=rest)
    # What lies between two milliseconds begins or ends at the second of them.
    yield time + _MILLISECOND if up or rest else time
