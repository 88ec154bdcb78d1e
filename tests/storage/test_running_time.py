"""The time that executions have run so far: bounds of it are bounds of their start, to the millisecond."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import DatetimeMS, Decimal128
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.storage.raw_values import RawValue
from execution_monitor.storage.running_time import (
    IS_RUNNING,
    milliseconds_of,
    seconds_since,
    sorts_up_to,
    started_before,
)
from tests.storage.strategies import bounded

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STARTED = NOON - timedelta(seconds=5)

_seconds = st.integers(-(10**7), 10**7).map(lambda milliseconds: milliseconds / 1_000) | st.floats(-1e7, 1e7)


@bounded(max_examples=200)
@given(seconds=_seconds, away=st.integers(-2, 2), or_at=st.booleans())
def test_a_bound_of_the_start_is_that_of_the_duration(seconds: float, away: int, *, or_at: bool) -> None:
    latest = started_before(NOON, seconds, or_at=or_at)
    started = DatetimeMS(int(latest) + away)

    duration = seconds_since(started, NOON)

    assert (duration >= seconds if or_at else duration > seconds) is (away <= 0)


@pytest.mark.parametrize(
    ("seconds", "start"),
    [
        pytest.param(math.inf, -(2**63), id="for ever"),
        pytest.param(-math.inf, 2**63 - 1, id="less than nothing"),
        pytest.param(1e300, -(2**63), id="longer than there are dates"),
        pytest.param(Decimal128("1.5"), milliseconds_of(NOON) - 1_500, id="a decimal"),
        pytest.param(3, milliseconds_of(NOON) - 3_000, id="a whole number"),
    ],
)
def test_the_start_of_odd_durations_is_a_date(seconds: Any, start: int) -> None:
    assert int(started_before(NOON, seconds, or_at=True)) == start


@pytest.mark.parametrize(
    ("stored", "is_up_to"),
    [
        pytest.param(None, True, id="nothing"),
        pytest.param(math.nan, True, id="NaN"),
        pytest.param(1, True, id="less"),
        pytest.param(2.0, True, id="as many"),
        pytest.param(Decimal128("2"), True, id="as many in decimals"),
        pytest.param(2.1, False, id="more"),
        pytest.param("1", False, id="text"),
        pytest.param(RawValue(0x0D, b"\0"), False, id="what Python has no value for"),
    ],
)
def test_stored_durations_sort_among_those_so_far(stored: object, *, is_up_to: bool) -> None:
    assert sorts_up_to(stored, 2.0) is is_up_to


@pytest.mark.parametrize(
    ("fields", "is_running"),
    [
        pytest.param({}, True, id="running"),
        pytest.param({"status": "paused", "total_duration": None}, True, id="paused"),
        pytest.param({"status": "pending"}, True, id="waiting again"),
        pytest.param({"started_at": DatetimeMS(2**62)}, True, id="started beyond the calendar"),
        pytest.param({"status": "failed"}, False, id="failed"),
        pytest.param({"status": ["running"]}, False, id="a list of statuses"),
        pytest.param({"started_at": None}, False, id="not started"),
        pytest.param({"started_at": "2026-01-01"}, False, id="started at a text"),
        pytest.param({"started_at": [STARTED]}, False, id="started at several times"),
        pytest.param({"total_duration": 0.0}, False, id="with a duration"),
        pytest.param({"completed_at": STARTED}, False, id="with an end"),
    ],
)
def test_an_execution_runs_from_its_start_to_its_end(fields: dict[str, Any], *, is_running: bool) -> None:
    assert IS_RUNNING.matches({"status": "running", "started_at": STARTED, **fields}) is is_running
