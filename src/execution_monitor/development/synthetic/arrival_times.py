"""When made-up executions are created: busy work hours, quiet weekends, a burst when the nightly batch starts."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

_HOUR = timedelta(hours=1)
_NIGHTLY_HOUR = 2  # UTC
_SATURDAY = 5
_WEEKEND = 0.3
# How busy each hour of a working day is, relative to its busiest.
_WORKING_DAY = (
    0.15, 0.12, 0.12, 0.12, 0.14, 0.20, 0.35, 0.60, 0.85, 1.00, 1.00, 0.95,
    0.80, 0.90, 1.00, 0.95, 0.85, 0.65, 0.45, 0.35, 0.30, 0.25, 0.20, 0.18,
)  # fmt: skip
# About one execution in twenty is of the nightly batch.
_NIGHTLY_BURST = 0.7


class Moment(NamedTuple):
    """An instant, and whether it is the start of the nightly batch."""

    at: datetime
    is_nightly: bool


class _Stretch(NamedTuple):
    start: datetime
    length: timedelta  # zero: a burst, all in the same second
    weight: float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The instants between two dates, weighted by how busy they are."""

    stretches: tuple[_Stretch, ...]
    reached: tuple[float, ...]  # the summed weight at the end of each stretch

    @classmethod
    def between(cls, start: datetime, end: datetime) -> "Rhythm":
        """The rhythm from `start` to `end`, both in UTC."""
        stretches = tuple(_stretches(start, end))
        return cls(stretches, tuple(accumulate(stretch.weight for stretch in stretches)))

    def moment(self, share: float) -> Moment:
        """The instant by which `share` (0 to 1) of all executions are created; it never falls as `share` grows."""
        position = share * self.reached[-1]
        index = min(bisect_right(self.reached, position), len(self.stretches) - 1)
        start, length, weight = self.stretches[index]
        if not length:
            return Moment(start, is_nightly=True)
        before = self.reached[index] - weight
        at = start + length * min(1.0, max(0.0, (position - before) / weight))
        return Moment(at.replace(microsecond=at.microsecond // 1000 * 1000), is_nightly=False)


def _stretches(start: datetime, end: datetime) -> Iterator[_Stretch]:
    at = start
    while at < end:
        following = min(end, at.replace(minute=0, second=0, microsecond=0) + _HOUR)
        if at.hour == _NIGHTLY_HOUR and at == at.replace(minute=0, second=0, microsecond=0):
            yield _Stretch(at, timedelta(0), _NIGHTLY_BURST)
        busy = _WORKING_DAY[at.hour] * (_WEEKEND if at.weekday() >= _SATURDAY else 1.0)
        yield _Stretch(at, following - at, busy * ((following - at) / _HOUR))
        at = following
