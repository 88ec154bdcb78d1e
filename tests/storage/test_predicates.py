"""Predicates beside the plain comparison of every value with every other, as MongoDB's manual describes it."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Code, DatetimeMS, Decimal128, Int64
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.storage.bson_ordering import comparable, equal, is_nan, rank_of
from execution_monitor.storage.predicates import (
    all_hold,
    always,
    any_holds,
    is_one_of,
    lies_within,
    negate,
    never,
    reader_of,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCALARS = (
    *("a", "b", "", None, True, False, 0, 1, 1.0, Int64(1), math.nan, math.inf, Decimal128("1"), Decimal128("NaN")),
    *(NOON, NOON + timedelta(milliseconds=1), DatetimeMS(NOON), Code("a"), b"a"),
)
values = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)
documents = st.dictionaries(st.sampled_from("xy"), values, max_size=2)
paths = st.sampled_from(["x", "x.y", "x.y.x"])
bounds = st.dictionaries(
    st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
    st.sampled_from([each for each in SCALARS if each is not None and not is_nan(each)]),
    max_size=2,
)


def plainly_within(found: Any, operator: str, bound: Any) -> bool:
    if rank_of(found) is not rank_of(bound) or is_nan(found):
        return False
    left, right = comparable(found), comparable(bound)
    return {"$gt": left > right, "$gte": left >= right, "$lt": left < right, "$lte": left <= right}[operator]


@given(documents, paths, st.lists(st.sampled_from(SCALARS), max_size=3))
def test_a_document_has_one_of_some_values_where_one_that_is_read_equals_one_of_them(
    document: dict[str, Any], path: str, wanted: list[Any]
):
    expected = any(equal(found, value) for found in reader_of(path)(document) for value in wanted)

    assert is_one_of(path, wanted)(document) is expected


@given(documents, paths, bounds)
def test_a_document_lies_within_bounds_where_a_value_meets_each(
    document: dict[str, Any], path: str, wanted: dict[str, Any]
):
    found = reader_of(path)(document)
    expected = all(any(plainly_within(each, name, bound) for each in found) for name, bound in wanted.items())

    assert lies_within(path, wanted)(document) is expected


@pytest.mark.parametrize("parts", [(), (True,), (True, False), (True, True, True), (False, False, True, False)])
def test_parts_are_joined_as_all_and_any_join_them(parts: tuple[bool, ...]):
    predicates = [always if part else never for part in parts]

    assert all_hold(predicates)({}) is all(parts)
    assert any_holds(predicates)({}) is any(parts)
    assert negate(all_hold(predicates))({}) is not all(parts)
