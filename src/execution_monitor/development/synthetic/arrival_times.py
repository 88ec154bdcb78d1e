"""Creation times of generated executions: busy work hours, quiet weekends, a burst when the nightly batch starts."""

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


class Arrival(NamedTuple):
    """When an execution is created, and whether the nightly batch starts then."""

    at: datetime
    is_nightly: bool


class _Span(NamedTuple):
    start: datetime
    length: timedelta  # zero: a burst, all in the same second
    weight: float


@dataclass(frozen=True, slots=True)
class ArrivalTimes:
    """The times between two dates, weighted by how busy they are."""

    spans: tuple[_Span, ...]
    cumulative: tuple[float, ...]  # the sum of weights up to the end of each span

    @classmethod
    def between(cls, start: datetime, end: datetime) -> "ArrivalTimes":
        """Arrival times from `start` to `end`, both in UTC."""
        spans = tuple(_spans(start, end))
        return cls(spans, tuple(accumulate(span.weight for span in spans)))

    def at_share(self, share: float) -> Arrival:
        """The time by which `share` (0 to 1) of all executions are created; it never falls as `share` grows."""
        position = share * self.cumulative[-1]
        index = min(bisect_right(self.cumulative, position), len(self.spans) - 1)
        start, length, weight = self.spans[index]
        if not length:
            return Arrival(start, is_nightly=True)
        before = self.cumulative[index] - weight
        at = start + length * min(1.0, max(0.0, (position - before) / weight))
        return Arrival(at.replace(microsecond=at.microsecond // 1000 * 1000), is_nightly=False)


def _spans(start: datetime, end: datetime) -> Iterator[_Span]:
    at = start
    while at < end:
        following = min(end, at.replace(minute=0, second=0, microsecond=0) + _HOUR)
        if at.hour == _NIGHTLY_HOUR and at == at.replace(minute=0, second=0, microsecond=0):
            yield _Span(at, timedelta(0), _NIGHTLY_BURST)
        busy = _WORKING_DAY[at.hour] * (_WEEKEND if at.weekday() >= _SATURDAY else 1.0)
        yield _Span(at, following - at, busy * ((following - at) / _HOUR))
        at = following
