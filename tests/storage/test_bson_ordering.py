"""The order of BSON values, held against MongoDB's own."""

import itertools
import math
from typing import Any

import pytest
from bson import Code, Decimal128, Int64, MaxKey, MinKey, Regex

from execution_monitor.storage.bson_ordering import SCALAR_RANKS, TypeRank, comparable, equal, is_nan, rank_of, to_float
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.storage.strategies import SCALARS


async def test_scalars_are_ranked_and_equal_as_mongodb_sorts_and_groups_them(database: Database) -> None:
    collection = database.collection(Execution)
    await collection.insert_many([{"execution_id": str(place), "a": value} for place, value in enumerate(SCALARS)])

    found = [row["a"] async for row in collection.find().sort([("a", 1), ("_id", 1)])]
    groups = await (await collection.aggregate([{"$group": {"_id": "$a"}}])).to_list()

    assert [rank_of(value) for value in found] == sorted(map(rank_of, found))
    assert sum(1 for one, next_ in itertools.pairwise(found) if not equal(one, next_)) == len(groups) - 1
    numbers = [value for value in found if rank_of(value) is TypeRank.NUMBER and not is_nan(value)]
    assert all(comparable(one) <= comparable(next_) for one, next_ in itertools.pairwise(numbers))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": 1}, id="an object"),
        pytest.param([1], id="an array"),
        pytest.param(Regex("a"), id="a pattern"),
        pytest.param(Code("a"), id="code, although it is a str"),
        pytest.param(MinKey(), id="the least value"),
        pytest.param(MaxKey(), id="the greatest value"),
    ],
)
def test_what_is_no_scalar_is_known_as_such(value: Any) -> None:
    assert rank_of(value) not in SCALAR_RANKS


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param(1, Decimal128("1.00"), True, id="numbers by value, whatever their width"),
        pytest.param(0.0, -0.0, True, id="zero has no sign"),
        pytest.param(2**53 + 1, float(2**53), False, id="without rounding"),
        pytest.param(math.nan, Decimal128("NaN"), True, id="NaN is itself"),
        pytest.param(math.nan, 0, False, id="NaN is nothing else"),
        pytest.param(1, True, False, id="a number is no boolean"),
        pytest.param(0, False, False, id="nor is zero"),
        pytest.param("1", 1, False, id="text is no number"),
        pytest.param(None, "", False, id="null is no text"),
    ],
)
def test_scalars_are_equal_within_a_type(left: Any, right: Any, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert equal(left, right) is expected
    assert equal(right, left) is expected


@pytest.mark.parametrize(
    ("value", "number"),
    [
        pytest.param(Int64(3), 3.0, id="a long integer"),
        pytest.param(Decimal128("0.5"), 0.5, id="a decimal"),
        pytest.param(Decimal128("9E999"), None, id="a decimal beyond floats"),
        pytest.param(Decimal128("sNaN"), None, id="a NaN that signals"),
        pytest.param(math.inf, None, id="infinity"),
        pytest.param(True, None, id="a boolean"),
        pytest.param("1", None, id="text"),
    ],
)
def test_a_stored_number_is_a_finite_float_or_none(value: Any, number: float | None) -> None:
    assert to_float(value) == number
