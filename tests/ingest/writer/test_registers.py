from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest

from execution_monitor.ingest.writer.bson_encoding import document_of
from execution_monitor.ingest.writer.registers import Constants, Register, rank_of, time_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, 1), (1, 1.0), (0.0, -0.0), ("1", 1), (None, "None"), ([1, 2], [2, 1]), ({"a": None}, {}), (NOON, LATER)],
)
def test_values_that_differ_have_different_stamps(one: Any, other: Any):
    def stamp(value: Any) -> bytes:
        return Register.of({"result": value}, rank=5, at=NOON).stamp

    assert stamp(one) == stamp(one) != stamp(other)


def test_a_stamp_tells_rank_and_time():
    stamp = Register.of({"status": "running"}, rank=4_000_003, at=LATER).stamp
    assert (rank_of(stamp), time_of(stamp)) == (4_000_003, LATER)
    assert time_of(Register.of_time("last_heartbeat_at", LATER, rank=5).stamp) == LATER


@pytest.mark.parametrize("at", [NOON, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_the_register_of_a_time_holds_the_same_as_that_of_any_field(at: datetime):
    one, other = Register.of_time("created", at, rank=5), Register.of({"created": at}, rank=5, at=at)
    assert (one.fields, one.elements) == (other.fields, other.elements)
    assert other.stamp.startswith(one.stamp)


def test_times_that_stamps_cannot_hold_are_told_from_each_other():
    one, other = (Register.of_time("created", datetime(year, 1, 1, tzinfo=UTC), rank=5) for year in (1901, 1902))
    assert one.stamp != other.stamp


def test_the_elements_of_registers_make_a_document():
    registers = (
        Register.of({"model": "m", "result": None}, rank=1, at=NOON),
        Register.of_time("created", NOON, rank=1),
    )
    found: dict[str, Any] = bson.decode(document_of(*(each.elements for each in registers)).raw)  # pyright: ignore[reportUnknownMemberType] - an overload is open
    assert found == {"model": "m", "created": NOON.replace(tzinfo=None)}


def test_a_time_beside_constants_has_a_digest_of_these_alone():
    def register(at: datetime, **fields: Any) -> Register:
        return Register.of_time("completed_at", at, rank=6, constants=Constants.of(fields))

    ended, later = register(NOON, status="completed", detail=None), register(LATER, status="completed", detail=None)
    assert ended.stamp < later.stamp
    assert ended.stamp != register(NOON, status="cancelled", detail=None).stamp
    assert ended.fields == {"status": "completed", "detail": None, "completed_at": NOON}
    assert ended.elements == Register.of(ended.fields, rank=6, at=NOON).elements
