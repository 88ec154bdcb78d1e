"""The duration of executions that still run: the time from their start to now.

An execution has the duration that is stored; one without it that has started and not ended has run since its
`started_at`. A bound of its duration is one of `started_at`, the other way round, so that an index of that serves it.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from bson import DatetimeMS, Decimal128

from execution_monitor.storage.bson_ordering import TypeRank, comparable, is_nan, milliseconds_of, rank_of
from execution_monitor.storage.documents import ACTIVE_STATUSES
from execution_monitor.storage.filters import AllOf, NotList, OneOf, Range
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.sorting import Order, SortPosition

DURATION, STARTED = "total_duration", "started_at"

_EARLIEST, _LATEST = -(2**63), 2**63 - 1
# No two dates are so many seconds apart. Doubles of this size are 8,000 ms apart, and those of any size further.
_LONGEST = 2**55

# So that a range of an index has the dates alone.
ANY_TIME = Range(STARTED, gte=DatetimeMS(_EARLIEST))
HAS_NO_END = AllOf(
    (
        *(OneOf(field, (None,)) for field in (DURATION, "completed_at")),
        *map(NotList, ("status", STARTED, DURATION)),
    )
)
IS_RUNNING = AllOf((OneOf("status", ACTIVE_STATUSES), ANY_TIME, *HAS_NO_END.parts))


@dataclass(frozen=True, slots=True)
class RunningPosition(SortPosition):
    """The position of an execution that still runs, in an order by duration: its first value is when it started."""


class RunningRow(BsonDocument):
    """The row of an execution that still runs, with its position in an order by duration."""

    __slots__ = ("position",)

    def __init__(self, row: Row, position: RunningPosition) -> None:
        super().__init__(row)
        self.position = position


def now_in_utc() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def is_time(value: object) -> bool:
    """Whether a stored value is a date."""
    return isinstance(value, datetime | DatetimeMS)


def is_by_duration(order: Order) -> bool:
    """Whether `order` begins with the duration of executions."""
    return order.keys[0].field == DURATION


def seconds_since(started: datetime | DatetimeMS, now: datetime) -> float:
    """The seconds from `started` to `now`, less than none where it lies in the future."""
    return (milliseconds_of(now) - milliseconds_of(started)) / 1_000


def started_before(now: datetime, seconds: float | Decimal128, *, or_at: bool) -> DatetimeMS:
    """The latest start of an execution that has run for more than `seconds` at `now`; `or_at`, for as long or more."""
    return DatetimeMS(max(_EARLIEST, min(_LATEST, milliseconds_of(now) - _least(seconds, or_at=or_at))))


def _least(seconds: float | Decimal128, *, or_at: bool) -> int:
    """The fewest milliseconds that are, as seconds in a double, more than `seconds`; `or_at`, as many or more."""
    bound = comparable(seconds)
    if abs(bound) > _LONGEST:
        return 2**64 if bound > 0 else -(2**64)
    least = math.floor(Fraction(bound) * 1_000)

    # As doubles, 3.1 equals 3,100 ms, though as exact numbers it is more.
    def reaches(milliseconds: int) -> bool:
        return milliseconds / 1_000 >= bound if or_at else milliseconds / 1_000 > bound

    while reaches(least - 1):
        least -= 1
    while not reaches(least):
        least += 1
    return least


def sorts_up_to(stored: object, seconds: float) -> bool:
    """Whether a stored value of a duration sorts before, or is, so many `seconds`."""
    rank = rank_of(stored)
    if rank is not TypeRank.NUMBER:
        return rank < TypeRank.NUMBER
    return is_nan(stored) or bool(comparable(stored) <= seconds)
