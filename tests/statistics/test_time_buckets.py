"""Time buckets: days of 23 and 25 hours, weeks, months, and how many there may be."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput
from execution_monitor.statistics.time_buckets import MAX_BUCKETS, Interval, buckets_between, time_zone
from tests.storage.strategies import bounded

BERLIN = time_zone("Europe/Berlin")
_zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
)
_times = st.datetimes(timezones=st.just(UTC))


def hours_of_days(first: int, last: int, month: int) -> list[float]:
    start, end = (datetime(2026, month, day, 12, tzinfo=UTC) for day in (first, last))
    return [(day.end - day.start) / timedelta(hours=1) for day in buckets_between(start, end, Interval.DAY, BERLIN)]


def test_days_follow_the_clock_that_is_set_forward_and_back() -> None:
    assert hours_of_days(28, 30, month=3) == [24, 23, 24]
    assert hours_of_days(24, 26, month=10) == [24, 25, 24]


def test_an_hour_that_clocks_show_twice_has_two_buckets() -> None:
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)

    hours = buckets_between(start, start + timedelta(hours=3), Interval.HOUR, BERLIN)

    assert [hour.start.astimezone(BERLIN).hour for hour in hours] == [2, 2, 3]


def test_weeks_begin_on_mondays_and_months_on_their_first_day() -> None:
    start, end = datetime(2026, 2, 12, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)

    weeks, months = (buckets_between(start, end, each, BERLIN) for each in (Interval.WEEK, Interval.MONTH))

    assert {week.start.astimezone(BERLIN).isoweekday() for week in weeks} == {1}
    assert [(month.start.astimezone(BERLIN).month, month.start.astimezone(BERLIN).day) for month in months] == [
        (2, 1),
        (3, 1),
        (4, 1),
    ]


@bounded(max_examples=600)
@given(start=_times, span=st.timedeltas(timedelta(0), timedelta(days=2_000)), zone=_zones)
def test_buckets_without_gaps_hold_the_range(start: datetime, span: timedelta, zone: str) -> None:
    end = start + span if start.year < 9_990 else start

    buckets = buckets_between(start, end, None, time_zone(zone))

    assert 1 <= len(buckets) <= MAX_BUCKETS
    assert all(one.end == other.start for one, other in pairwise(buckets))
    assert all(bucket.start < bucket.end for bucket in buckets)
    if start.year > 2 and end.year < 9_999:
        assert buckets[0].start <= start < buckets[0].end
        assert buckets[-1].start <= end <= buckets[-1].end or len(buckets) == 1


@pytest.mark.parametrize("year", [1, 9_999])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Apia", "America/New_York"])
@pytest.mark.parametrize("interval", Interval)
def test_the_ends_of_the_calendar_have_a_bucket(year: int, zone: str, interval: Interval) -> None:
    start = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime.max.replace(tzinfo=UTC)

    assert 1 <= len(buckets_between(start, start, interval, time_zone(zone))) <= 2


@pytest.mark.parametrize(
    ("days", "interval", "advice"),
    [
        pytest.param(5, Interval.HOUR, r"interval HOURS_3 \(3h\) would do", id="a longer interval"),
        pytest.param(101, Interval.DAY, r"interval WEEK \(1w\) would do", id="one too many"),
        pytest.param(40_000, Interval.MONTH, "choose a shorter range of createdAt", id="no interval"),
        pytest.param(40_000, None, "choose a shorter range of createdAt", id="none chosen"),
    ],
)
def test_more_than_100_buckets_are_refused_with_what_would_do(
    days: int, interval: Interval | None, advice: str
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(BadUserInput, match=f"at most 100 buckets; {advice}"):
        buckets_between(start, start + timedelta(days=days), interval, time_zone("UTC"))


def test_100_buckets_are_allowed() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert len(buckets_between(start, start + timedelta(days=100), Interval.DAY, time_zone("UTC"))) == 100


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../UTC", "europe/berlin", "UTC\0", "/etc/localtime", "localtime", "Factory"]
)
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(BadUserInput, match="IANA name"):
        time_zone(name)
