"""Time buckets: the intervals of a time zone that a range of time is divided into, over days of 23 and 25 hours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from execution_monitor.errors import BadUserInput

MAX_BUCKETS = 100
# A year from the ends of Python's calendar, which local times and the ends of buckets would exceed.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
# Files beside those of time zones: the zone of this machine, and that of a machine where none was chosen.
_NO_ZONES = frozenset({"localtime", "Factory"})
_Unit = Literal["minute", "hour", "day", "week", "month"]


class Interval(Enum):
    """How long a bucket is, the shortest first; `unit` and `size` are those of MongoDB's `$dateTrunc`."""

    MINUTE = "1m", "minute", 1, 60
    MINUTES_5 = "5m", "minute", 5, 300
    MINUTES_15 = "15m", "minute", 15, 900
    HOUR = "1h", "hour", 1, 3_600
    HOURS_3 = "3h", "hour", 3, 10_800
    HOURS_6 = "6h", "hour", 6, 21_600
    DAY = "1d", "day", 1, 86_400
    WEEK = "1w", "week", 1, 604_800
    MONTH = "1M", "month", 1, 2_592_000

    def __init__(self, text: str, unit: _Unit, size: int, seconds: int) -> None:
        self.text = text  # as REST and the command line write it
        self.unit: _Unit = unit
        self.size = size
        self.seconds = seconds  # about; days, weeks and months differ


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """From `start`, included, to `end`, excluded; both in UTC."""

    start: datetime
    end: datetime


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


def time_zone(name: str) -> ZoneInfo:
    """The time zone with an IANA name.

    Raises:
        BadUserInput: There is no such time zone.
    """
    # A name is part of a path, so only known ones are looked up.
    if name not in _known_zones():
        raise BadUserInput('timeZone must be an IANA name, such as "Europe/Berlin" or "UTC".')
    return ZoneInfo(name)


class TooManyBuckets(BadUserInput):
    """An interval makes more than 100 buckets; `fitting` is the shortest that does not, None where all do."""

    def __init__(self, fitting: Interval | None) -> None:
        advice = "choose a shorter range of createdAt"
        if fitting is not None:
            # As GraphQL writes it, and as REST and the command line do.
            advice = f"interval {fitting.name} ({fitting.text}) would do"
        super().__init__(f"A series has at most {MAX_BUCKETS} buckets; {advice}.")
        self.fitting = fitting


def buckets_between(start: datetime, end: datetime, interval: Interval | None, zone: ZoneInfo) -> Sequence[TimeBucket]:
    """The buckets from that of `start` to the one before `end`, oldest first, at least one.

    Without an `interval`, the shortest that has at most 100. There are none before the year 2 and after the year 9998.

    Raises:
        TooManyBuckets: There would be more than 100; the message names the interval that would do.
    """
    start, end = (min(max(time, _FIRST), _LAST) for time in (start, end))
    if interval is not None and _may_fit(start, end, interval):
        buckets = _divide(start, end, interval, zone)
        if len(buckets) <= MAX_BUCKETS:
            return buckets
    fitting = _shortest(start, end, zone)
    if interval is None and fitting is not None:
        return fitting[1]
    raise TooManyBuckets(None if fitting is None else fitting[0])


def _shortest(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Interval, Sequence[TimeBucket]] | None:
    for interval in Interval:
        if _may_fit(start, end, interval):
            buckets = _divide(start, end, interval, zone)
            if len(buckets) <= MAX_BUCKETS:
                return interval, buckets
    return None


def _may_fit(start: datetime, end: datetime, interval: Interval) -> bool:
    """Whether there are so few buckets that it is worth making them."""
    return (end - start).total_seconds() <= 2 * MAX_BUCKETS * interval.seconds


def _divide(start: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> Sequence[TimeBucket]:
    edges = list[datetime]()
    for edge in _edges_from(start, interval, zone):
        edges.append(edge)
        if edge >= end and len(edges) > 1:
            break
    return [TimeBucket(first, second) for first, second in pairwise(edges)]


def _edges_from(start: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of buckets in UTC, from that of the bucket that holds `start`; each is later than the one before."""
    local = _truncate(start.astimezone(zone).replace(tzinfo=None), interval)
    last: datetime | None = None
    if interval.seconds <= Interval.HOUR.seconds:
        # These follow the clock of UTC: an hour that local clocks show twice has two buckets.
        offset = start.astimezone(zone).utcoffset() or timedelta()
        edge = (local - offset).replace(tzinfo=UTC)
        while True:
            yield edge
            edge += timedelta(seconds=interval.seconds)
    while True:
        edge = local.replace(tzinfo=zone).astimezone(UTC)
        if last is None or edge > last:
            yield edge
            last = edge
        local = _next(local, interval)


def _truncate(local: datetime, interval: Interval) -> datetime:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    match interval.unit:
        case "minute":
            return local.replace(minute=local.minute - local.minute % interval.size, second=0, microsecond=0)
        case "hour":
            return midnight.replace(hour=local.hour - local.hour % interval.size)
        case "day":
            return midnight
        case "week":  # begins on a Monday, as in ISO 8601
            return midnight - timedelta(days=midnight.weekday())
        case "month":
            return midnight.replace(day=1)


def _next(local: datetime, interval: Interval) -> datetime:
    if interval.unit == "month":
        return (local.replace(day=1) + timedelta(days=31)).replace(day=1)
    return local + timedelta(seconds=interval.seconds)
