"""Stored values: whatever an engine wrote becomes what clients are promised."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import orjson
import pytest
from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from hypothesis import given

from execution_monitor.storage.coercion import to_big_int, to_datetime, to_int, to_json, to_text
from tests.storage.bson_codec import stored
from tests.storage.strategies import anything, bounded

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LARGEST = 2**31 - 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, None, id="null stays null"),
        pytest.param("a", "a", id="text stays"),
        pytest.param("", "", id="empty text is no null"),
        pytest.param(3, "3", id="a number becomes text"),
        pytest.param(ObjectId("0" * 24), "0" * 24, id="an id becomes text"),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        pytest.param(3, 3, id="an integer"),
        pytest.param(3.9, 3, id="a float, cut"),
        pytest.param(Decimal128("7"), 7, id="a decimal"),
        pytest.param(Int64(2**40), LARGEST, id="too large for GraphQL"),
        pytest.param(-(2**40), -LARGEST, id="too small for GraphQL"),
        pytest.param(math.nan, 5, id="NaN"),
        pytest.param(math.inf, 5, id="infinity"),
        pytest.param(Decimal128("sNaN"), 5, id="a NaN that signals"),
        pytest.param("3", 5, id="text"),
        pytest.param(True, 5, id="a boolean"),
        pytest.param(None, 5, id="null"),
    ],
)
def test_integers_have_32_bits_or_are_the_default(value: Any, number: int) -> None:
    assert to_int(value, 5) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        pytest.param(Int64(14_162_275_774), 14_162_275_774, id="beyond 32 bits"),
        pytest.param(2**53, 2**53, id="the largest"),
        pytest.param(Int64(2**63 - 1), 2**53, id="beyond what JSON is exact for"),
        pytest.param(-(2**63), -(2**53), id="far below zero"),
        pytest.param(3e9, 3_000_000_000, id="a float"),
        pytest.param(Decimal128("9E999"), 5, id="beyond doubles"),
        pytest.param("3", 5, id="text"),
        pytest.param(True, 5, id="a boolean"),
    ],
)
def test_big_integers_have_up_to_2_to_the_53_or_are_the_default(value: Any, number: int) -> None:
    assert to_big_int(value, 5) == number


@pytest.mark.parametrize(
    ("value", "date"),
    [
        pytest.param(NOON, NOON, id="in UTC"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=9))), NOON, id="elsewhere"),
        pytest.param(NOON.replace(tzinfo=None), NOON, id="without an offset, which BSON means as UTC"),
        pytest.param(DatetimeMS(1_767_268_800_000), NOON, id="as a number of milliseconds"),
        pytest.param(DatetimeMS(2**62), datetime.max.replace(microsecond=999_000, tzinfo=UTC), id="too late"),
        pytest.param(DatetimeMS(-(2**62)), datetime.min.replace(tzinfo=UTC), id="too early"),
        pytest.param("2026-01-01", None, id="text"),
        pytest.param(1_767_268_800_000, None, id="a number"),
        pytest.param(None, None, id="null"),
    ],
)
def test_dates_are_in_utc_and_within_the_calendar(value: Any, date: datetime | None) -> None:
    assert to_datetime(value) == date


@pytest.mark.parametrize(
    ("value", "json"),
    [
        pytest.param({"a": [1, "x", None, True]}, '{"a":[1,"x",null,true]}', id="what JSON knows stays"),
        pytest.param(Int64(2**53), "9007199254740992", id="a long integer"),
        pytest.param(math.nan, "null", id="NaN"),
        pytest.param([math.inf, -math.inf], "[null,null]", id="infinities"),
        pytest.param(Decimal128("1.50"), '"1.50"', id="a decimal keeps its digits"),
        pytest.param(NOON, '"2026-01-01T12:00:00.000+00:00"', id="a date"),
        pytest.param(DatetimeMS(2**62), '"9999-12-31T23:59:59.999+00:00"', id="a date beyond the calendar"),
        pytest.param(b"\0\xff", '"AP8="', id="bytes"),
        pytest.param(Binary(b"\0\xff", 128), '"AP8="', id="bytes of an own kind"),
        pytest.param(UUID(int=1), '"00000000-0000-0000-0000-000000000001"', id="a UUID"),
        pytest.param(ObjectId("0" * 24), '"000000000000000000000000"', id="an id"),
        pytest.param(Code("f()"), '"f()"', id="code"),
    ],
)
def test_json(value: Any, json: str) -> None:
    assert orjson.dumps(to_json(stored({"a": value})["a"])).decode() == json


@pytest.mark.parametrize(
    "value", [Regex("a"), DBRef("a", 1), Timestamp(1, 2), MaxKey(), Code("f()", {"a": 1})], ids=str
)
def test_what_json_does_not_know_is_spelt_out(value: Any) -> None:
    assert isinstance(to_json(stored({"a": value})["a"]), str)


@bounded(max_examples=300)
@given(anything)
def test_every_value_becomes_json(value: Any) -> None:
    back = orjson.loads(orjson.dumps(to_json(stored({"a": value})["a"])))

    assert to_json(back) == back
