"""Orders: their sort documents, and the queries that seek after a position."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.sorting import Order, SortKey, SortPosition

NEWEST_FIRST = Order((SortKey("created", descending=True),))
BY_STATUS = Order((SortKey("status"), SortKey("total_cost", descending=True)))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWN_ID = ObjectId("0" * 24)


def less(field: str, value: Any) -> dict[str, Any]:
    return {"$expr": {"$lt": [f"${field}", {"$literal": value}]}}


def more(field: str, value: Any) -> dict[str, Any]:
    return {"$expr": {"$gt": [f"${field}", {"$literal": value}]}}


@pytest.mark.parametrize(
    ("order", "sort"),
    [
        pytest.param(NEWEST_FIRST, {"created": -1, "_id": -1}, id="the id breaks ties in the same direction"),
        pytest.param(NEWEST_FIRST.reversed(), {"created": 1, "_id": 1}, id="backwards"),
        pytest.param(BY_STATUS, {"status": 1, "total_cost": -1, "_id": -1}, id="in the direction of the last key"),
        pytest.param(
            Order((SortKey("status"),)), {"status": 1, "created": -1, "_id": -1}, id="the newest of a status first"
        ),
        pytest.param(
            Order((SortKey("workflow_name", descending=True),)),
            {"workflow_name": -1, "created": 1, "_id": 1},
            id="the oldest of a name first, backwards",
        ),
    ],
)
def test_an_order_is_a_sort_document(order: Order, sort: dict[str, int]) -> None:
    assert list(order.to_mongo().items()) == list(sort.items())


@pytest.mark.parametrize("order", [NEWEST_FIRST, BY_STATUS, Order((SortKey("status"),))])
def test_an_order_and_its_reverse_have_one_pattern(order: Order) -> None:
    assert order.pattern == order.reversed().pattern
    assert order.reversed().reversed() == order


def test_a_pattern_says_how_directions_differ() -> None:
    assert NEWEST_FIRST.pattern == (("created", 1), ("_id", 1))
    assert BY_STATUS.pattern == (("status", 1), ("total_cost", -1), ("_id", -1))


@pytest.mark.parametrize(
    ("order", "values", "after"),
    [
        pytest.param(
            NEWEST_FIRST,
            (NOON, OWN_ID),
            ({"created": NOON, **less("_id", OWN_ID)}, less("created", NOON)),
            id="the rest of the ties, then the rest",
        ),
        pytest.param(
            NEWEST_FIRST,
            (None, OWN_ID),
            ({"created": None, **less("_id", OWN_ID)},),
            id="nothing is less than null",
        ),
        pytest.param(
            NEWEST_FIRST.reversed(),
            (None, OWN_ID),
            ({"created": None, **more("_id", OWN_ID)}, {"created": {"$ne": None}}),
            id="everything else is more than null",
        ),
        pytest.param(
            NEWEST_FIRST, (None, None), ({"created": None, **less("_id", None)},), id="an id may be less than null"
        ),
        pytest.param(
            BY_STATUS,
            ("$failed", 0.5, OWN_ID),
            (
                {"status": "$failed", "total_cost": 0.5, **less("_id", OWN_ID)},
                {"status": "$failed", **less("total_cost", 0.5)},
                more("status", "$failed"),
            ),
            id="key by key, and a value is never a field path",
        ),
    ],
)
def test_rows_after_a_position_are_one_range_per_key(
    order: Order, values: tuple[Any, ...], after: tuple[dict[str, Any], ...]
) -> None:
    assert order.seek(SortPosition(values)) == after


def test_a_missing_value_stands_where_null_does() -> None:
    assert BY_STATUS.position_of({"_id": OWN_ID, "status": "failed"}) == SortPosition(("failed", None, OWN_ID))


def test_the_row_at_a_position_is_found_by_its_values() -> None:
    assert NEWEST_FIRST.at(SortPosition((NOON, OWN_ID))) == {"created": NOON, "_id": OWN_ID}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        pytest.param((), "Sort by 1 to 3 keys.", id="none"),
        pytest.param(tuple(map(SortKey, "abcd")), "Sort by 1 to 3 keys.", id="four"),
        pytest.param((SortKey("a"), SortKey("a", descending=True)), "Each sort field may be named once.", id="twice"),
    ],
)
def test_impossible_orders_are_refused_with_a_sentence(keys: tuple[SortKey, ...], sentence: str) -> None:
    with pytest.raises(BadUserInput) as refusal:
        Order(keys)

    assert refusal.value.message == sentence
