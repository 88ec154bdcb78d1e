"""Ranges of time: what of a filter bounds them, what moves with time, and the ends of the calendar."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from bson import DatetimeMS

from execution_monitor.statistics.time_range import TimeRange, time_range_of
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, Not, OneOf, Range, all_of, equals
from execution_monitor.storage.relative_filters import Within

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MAY, JULY = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
_MS, _MONTH = timedelta(milliseconds=1), timedelta(days=30)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
_WEST = timezone(timedelta(hours=-12))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(EVERYTHING, TimeRange(NOW - _MONTH, None, moves=True), id="none"),
        pytest.param(Range("created", gte=MAY), TimeRange(MAY, None, moves=False), id="from"),
        pytest.param(Range("created", gt=MAY), TimeRange(MAY + _MS, None, moves=False), id="after"),
        pytest.param(Range("created", lt=MAY), TimeRange(MAY - _MONTH, MAY, moves=True), id="before"),
        pytest.param(Range("created", lt=JULY), TimeRange(NOW - _MONTH, JULY, moves=True), id="before the future"),
        pytest.param(Range("created", gte=MAY, lte=NOW), TimeRange(MAY, NOW + _MS, moves=False), id="up to"),
        pytest.param(Within("created", 60), TimeRange(NOW - timedelta(minutes=1), None, moves=True), id="of late"),
        pytest.param(OneOf("created", (JULY, MAY)), TimeRange(MAY, JULY + _MS, moves=False), id="one of two"),
        pytest.param(
            all_of(Range("created", gte=MAY), equals("status", "failed"), Range("created", gte=NOW, lt=JULY)),
            TimeRange(NOW, JULY, moves=False),
            id="several",
        ),
        pytest.param(AnyOf((Range("created", gte=MAY),)), TimeRange(NOW - _MONTH, None, moves=True), id="in an or"),
        pytest.param(Not(Range("created", gte=MAY)), TimeRange(NOW - _MONTH, None, moves=True), id="in a not"),
        pytest.param(Range("updated", gte=MAY), TimeRange(NOW - _MONTH, None, moves=True), id="of another field"),
        pytest.param(
            Range("created", gte=MAY + timedelta(microseconds=1)), TimeRange(MAY + _MS, None, moves=False), id="within"
        ),
        pytest.param(Range("created", gt=DatetimeMS(2**62)), TimeRange(_LAST, None, moves=False), id="beyond 9999"),
        pytest.param(
            Range("created", gte=datetime.max.replace(tzinfo=_WEST)), TimeRange(_LAST, None, moves=False), id="in 9999"
        ),
        pytest.param(Range("created", lt=_FIRST), TimeRange(_FIRST, _FIRST, moves=True), id="before the year 1"),
        pytest.param(OneOf("created", (_LAST,)), TimeRange(_LAST, _LAST, moves=False), id="the last millisecond"),
    ],
)
def test_the_range_of_a_filter(where: Filter, expected: TimeRange) -> None:
    assert time_range_of(where, NOW) == expected


@pytest.mark.parametrize(
    ("start", "end", "last"),
    [(MAY, None, NOW), (MAY, JULY, JULY), (JULY, None, JULY + _MS), (JULY, MAY, JULY + _MS), (_LAST, None, _LAST)],
)
def test_the_series_ends_with_the_range_or_now(start: datetime, end: datetime | None, last: datetime) -> None:
    assert TimeRange(start, end, moves=False).last(NOW) == last
