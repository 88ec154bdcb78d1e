"""Alternatives: conditions multiplied out into ranges that MongoDB merges."""

from typing import Any

import pytest

from execution_monitor.storage.alternatives import one_of_each, split_list
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.sorting import Order, SortKey

BY_CREATION = Order((SortKey("created"),))


@pytest.mark.parametrize(
    ("factors", "query"),
    [
        pytest.param((), {}, id="no condition"),
        pytest.param(([{"a": 1}],), {"a": 1}, id="a single one needs no $or"),
        pytest.param(
            ([{"a": 1}], [{"b": 1}, {"b": 2}]), {"$or": [{"a": 1, "b": 1}, {"a": 1, "b": 2}]}, id="each with each"
        ),
        pytest.param(([{"a": 1}], [{"a": 2}]), {"$and": [{"a": 1}, {"a": 2}]}, id="nothing is overwritten"),
        pytest.param(([{"a": 1}], list[Any]()), {"_id": {"$in": []}}, id="one of nothing is nothing"),
    ],
)
def test_conditions_are_multiplied_out(factors: Any, query: dict[str, Any]) -> None:
    assert one_of_each(*factors) == query


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("query", "parts"),
    [
        pytest.param(
            {"tenant_id": "t", "status": {"$in": ["failed", None]}},
            [{"tenant_id": "t", "status": "failed"}, {"tenant_id": "t", "status": None}],
            id="a list of statuses, each in order of creation by an index",
        ),
        pytest.param({"status": {"$in": list("abcde")}}, None, id="not a list longer than there is room"),
        pytest.param({"status": {"$in": []}}, None, id="not an empty list"),
        pytest.param({"status": {"$ne": "failed"}}, None, id="not another operator"),
        pytest.param({"triggered_by": {"$in": ["a", "b"]}}, None, id="not a field without such an index"),
        pytest.param({"$and": [{"status": {"$in": ["a", "b"]}}]}, None, id="not within a combination"),
    ],
)
def test_a_list_is_split_where_an_index_has_the_rows_of_each_value_in_order(
    query: dict[str, Any], parts: list[dict[str, Any]] | None
) -> None:
    assert split_list(query, Execution, BY_CREATION, room=4) == ([query] if parts is None else parts)


async def test_a_list_is_not_split_for_another_order(database: Database) -> None:
    assert database.trouble is None
    query = {"status": {"$in": ["failed", None]}}

    assert split_list(query, Execution, Order((SortKey("total_cost"),)), room=4) == [query]
