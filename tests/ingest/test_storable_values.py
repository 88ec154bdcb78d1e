from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import bson
import pytest
from bson import Decimal128

from execution_monitor.ingest.storable_values import (
    storable_count,
    storable_integer,
    storable_measure,
    storable_other,
    storable_text,
    storable_time,
)


def test_halves_of_surrogate_pairs_are_written_out():
    assert storable_text("a\ud83dé😀") == "a\\ud83dé😀"


def test_integers_beyond_64_bits_keep_their_digits():
    assert storable_integer(2**63 - 1) == 2**63 - 1
    assert storable_integer(2**63) == "9223372036854775808"
    assert storable_integer(10**5_000) == hex(10**5_000)


def test_counts_and_measures_stay_numbers_that_can_be_summed():
    assert (storable_count(2**70), storable_count(-(2**70))) == (2**63 - 1, -(2**63))
    assert [storable_measure(each) for each in (0.5, float("nan"), float("inf"))] == [0.5, None, None]


@pytest.mark.parametrize(
    ("time", "stored"),
    [
        (datetime(2026, 1, 1, 12, 0, 0, 1_999), datetime(2026, 1, 1, 12, 0, 0, 1_000, UTC)),  # noqa: DTZ001 - as given
        (datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 1, 1, 10, tzinfo=UTC)),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=2))), datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_times_are_in_utc_and_whole_milliseconds(time: datetime, stored: datetime):
    assert storable_time(time) == stored
    assert storable_time(time).tzinfo is UTC


def test_other_values_are_kept_where_bson_has_them_and_written_out_otherwise():
    values = [Decimal("1.5"), Decimal("1" * 40), b"\0", UUID(int=1), date(2026, 1, 1), 1j]
    stored = [storable_other(each) for each in values]
    assert stored[:3] == [Decimal128("1.5"), "1" * 40, b"\0"]
    assert stored[3:] == ["00000000-0000-0000-0000-000000000001", "2026-01-01", "1j"]
    assert bson.encode({"values": stored})
