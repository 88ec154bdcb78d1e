"""Relative filters: what they mean at an instant, and that they mean nothing without one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import DatetimeMS

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.filters import AllOf, AnyOf, DurationSource, Filter, Not, Range, all_of, equals
from execution_monitor.storage.relative_filters import Duration, HasDuration, Within, split_by_duration
from execution_monitor.storage.running_time import IS_RUNNING

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINE = equals("tenant_id", "acme")


@pytest.mark.parametrize("where", [Within("created", 1), Duration(gt=1), HasDuration(wanted=True)], ids=repr)
def test_a_relative_filter_finds_nothing_until_it_is_bound(where: Filter) -> None:
    for each in (where, all_of(MINE, where), AnyOf((where,)), Not(where)):
        assert each.is_relative
        assert not each.bind(NOON).is_relative
        with pytest.raises(ValueError, match="Bind"):
            each.to_mongo()
        with pytest.raises(ValueError, match="Bind"):
            each.matches({"tenant_id": "acme"})


def test_other_filters_stay_as_they_are() -> None:
    where = all_of(MINE, Not(AnyOf((Range("created", gte=NOON),))))

    assert where.bind(NOON) is where


def test_a_time_within_some_seconds_is_a_range_of_an_index() -> None:
    bound = Within("created", 60).bind(NOON)

    assert bound.to_mongo() == {"created": {"$gte": DatetimeMS(NOON - timedelta(minutes=1))}}


@pytest.mark.parametrize("seconds", [0, -1, 2**31])
def test_seconds_out_of_bounds_are_refused_with_a_sentence(seconds: int) -> None:
    with pytest.raises(BadUserInput) as refusal:
        Within("created", seconds)

    assert refusal.value.message == f"withinSeconds must be from 1 to 2147483647, not {seconds}."


@pytest.mark.parametrize(
    ("bounds", "matches"),
    [
        pytest.param({"gte": 0}, True, id="at least none"),
        pytest.param({"gt": 0}, False, id="more than none"),
        pytest.param({"lte": 0}, True, id="at most none"),
        pytest.param({"lt": 0}, False, id="less than none"),
        pytest.param({"lt": 1}, True, id="less than one"),
    ],
)
def test_an_execution_that_starts_in_the_future_has_run_for_no_time(bounds: dict[str, Any], *, matches: bool) -> None:
    starting = {"status": "running", "started_at": NOON + timedelta(seconds=2)}

    assert Duration(**bounds).bind(NOON).matches(starting) is matches
    assert Duration(**bounds).predicate_at()(starting, NOON) is matches


MOMENTS = (
    *(NOON - timedelta(milliseconds=number) for number in (-1, 0, 999, 1_000, 1_001, 3_100, 60_000)),
    *(None, "noon", [NOON], DatetimeMS(NOON - timedelta(seconds=1)), DatetimeMS(2**62), datetime(2026, 1, 1, 11)),  # noqa: DTZ001
)


@pytest.mark.parametrize(
    "where",
    [
        *(Within("started_at", seconds) for seconds in (1, 60)),
        *(Duration(**{name: bound}) for name in ("gt", "gte", "lt", "lte") for bound in (-1, 0, 1, 3.1, 1e300)),
        *(HasDuration(wanted=wanted) for wanted in (True, False)),
        AllOf((equals("status", "running"), Duration(gte=1), Not(Within("started_at", 2)))),
        AnyOf((Duration(gt=1, lt=2), Within("started_at", 1))),
    ],
    ids=repr,
)
def test_a_filter_compiled_for_any_instant_is_the_filter_bound_to_it(where: Filter) -> None:
    matches_at, bound = where.predicate_at(), where.bind(NOON)
    for status in ("running", "completed", None):
        for moment in MOMENTS:
            for duration in ({}, {"total_duration": 1.0}, {"total_duration": "long"}):
                document = {"status": status, "started_at": moment, **duration}
                assert matches_at(document, NOON) is bound.matches(document), document


def test_a_condition_on_the_duration_is_split_for_an_index_each() -> None:
    longer = all_of(MINE, Duration(gte=60))

    ended, running = split_by_duration(longer, NOON)

    assert ended == AllOf((MINE, Range("total_duration", gte=60)))
    assert running == all_of(longer.bind(NOON, DurationSource.RUNNING), IS_RUNNING)
    assert split_by_duration(all_of(MINE, Within("created", 60)), NOON) == (
        all_of(MINE, Within("created", 60)).bind(NOON),
    )
