"""The choice of an index: named where its range is the list, left to MongoDB elsewhere."""

from typing import Any

import pytest

from execution_monitor.storage.documents import Execution
from execution_monitor.storage.index_choice import index_for
from execution_monitor.storage.sorting import Order, SortKey

OWN = {"tenant_id": "acme", "user_id": "ada"}
NEWEST_FIRST = Order((SortKey("created", descending=True),))
SINCE = {"created": {"$gte": 1, "$lt": 2}}


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param({"tenant_id": "acme"}, ["tenant_id"], id="all of a tenant"),
        pytest.param(OWN, ["tenant_id", "user_id"], id="all of a user"),
        pytest.param({**OWN, "status": "failed"}, ["tenant_id", "user_id", "status"], id="of one status"),
        pytest.param({**OWN, **SINCE, "status": None}, ["tenant_id", "user_id", "status"], id="of none, of a time"),
        pytest.param({**OWN, "status": {"$in": ["failed"]}}, None, id="not a list of values"),
        pytest.param({**OWN, "status": ["failed"]}, None, id="not an array"),
        pytest.param({**OWN, "created": {"$ne": None}}, None, id="not another operator"),
        pytest.param({**OWN, "started_at": {"$gt": 1}}, None, id="not a range of another field"),
        pytest.param({**OWN, "workflow_name": "etl"}, None, id="not where a condition is left over"),
        pytest.param({"user_id": "ada"}, None, id="not where the tenant is missing"),
        pytest.param({"$and": [OWN, OWN]}, None, id="not a combination"),
        pytest.param({}, None, id="not everything"),
    ],
)
def test_an_index_is_named_when_the_list_is_one_range_of_it(query: dict[str, Any], fields: list[str] | None) -> None:
    key = None if fields is None else dict.fromkeys([*fields, "created", "_id"], 1)

    assert index_for(Execution, query, NEWEST_FIRST) == key
    assert index_for(Execution, query, NEWEST_FIRST.reversed()) == key


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param((SortKey("created"), SortKey("total_cost", descending=True)), id="both ways"),
        pytest.param((SortKey("created"), SortKey("total_cost")), id="two fields"),
        pytest.param((SortKey("final_result"),), id="a field that no index has"),
    ],
)
def test_no_index_is_named_for_an_order_that_none_has(keys: tuple[SortKey, ...]) -> None:
    assert index_for(Execution, OWN, Order(keys)) is None
