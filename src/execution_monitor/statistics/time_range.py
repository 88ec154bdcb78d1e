"""The range of time that statistics speak of: the bounds of `createdAt` in a filter, and those that it leaves out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import DatetimeMS

from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.coercion import FIRST_TIME, to_datetime
from execution_monitor.storage.filters import AllOf, Filter, OneOf, Range, all_of
from execution_monitor.storage.relative_filters import Within

CREATED = "created"
DEFAULT_DAYS = 30
_DAY_MS = 86_400_000
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime.fromtimestamp(0, UTC)


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
        return max(_shifted(self.start, 1), now if self.end is None else self.end)


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
                ends.append(_shifted(max(times), 1))
    # That the time is not missing is no bound.
    starts = [start for start in starts if start > FIRST_TIME]
    if not starts:
        moves = True
        starts.append(_shifted(min([now, *ends]), -DEFAULT_DAYS * _DAY_MS))
    return TimeRange(max(starts), min(ends) if ends else None, moves)


def without_moving_start(where: Filter) -> Filter:
    """`where` but for the `withinSeconds` of `createdAt` that the start of its range of time says."""
    parts = where.parts if isinstance(where, AllOf) else (where,)
    return all_of(*(each for each in parts if not (isinstance(each, Within) and each.field == CREATED)))


def _times(bound: object, *, up: bool) -> Iterator[datetime]:
    """A bound in whole milliseconds; `up`, the millisecond behind it."""
    if isinstance(bound, DatetimeMS):
        yield _time_at(int(bound) + up)
    elif isinstance(bound, datetime):
        milliseconds, rest = divmod((bound if bound.tzinfo else bound.replace(tzinfo=UTC)) - _EPOCH, _MILLISECOND)
        # What lies between two milliseconds begins or ends at the second of them.
        yield _time_at(milliseconds + (up or bool(rest)))


def _shifted(time: datetime, milliseconds: int) -> datetime:
    return _time_at(milliseconds_of(time) + milliseconds)


def _time_at(milliseconds: int) -> datetime:
    """A time within Python's calendar."""
    time = to_datetime(DatetimeMS(milliseconds))
    return _EPOCH if time is None else time
