"""Index choice: every query of executions names its index, and `explain` shows that it is a good one."""

from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.services import Monitor
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import (
    EVERYTHING,
    AnyOf,
    Contains,
    Filter,
    NoneOf,
    OneOf,
    Range,
    StartsWith,
    all_of,
    equals,
)
from execution_monitor.storage.index_choice import Conditions, covering_index, index_uses, narrowest_index
from execution_monitor.storage.pagination import PageRequest, PageSelection
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.storage.times import has_time
from tests.storage.large_collections import START
from tests.support.sent_commands import SentCommands, explain

OPERATOR = Caller("omar", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))
OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
NEWEST_FIRST = Order((SortKey("created", descending=True),))
CHEAPEST_FIRST = Order((SortKey("total_cost"),))


def test_the_conditions_of_a_query_are_values_lists_ranges_and_a_rest() -> None:
    query = {
        "tenant_id": "acme",
        "status": {"$in": ["failed", None]},
        "created": {"$gte": 1, "$lt": 2},
        "workflow_name": {"$regex": "etl"},
        "$or": [{"a": 1}, {"b": 2}],
    }

    conditions = Conditions.of(query)

    assert conditions == Conditions(
        {"tenant_id": "acme"}, {"status": ["failed", None]}, {"created": {"$gte": 1, "$lt": 2}}, residual=2
    )
    assert conditions.count == 5
    assert conditions.on(["tenant_id", "status"]) == {"tenant_id": "acme", "status": {"$in": ["failed", None]}}


def test_what_lies_outside_of_a_range_is_ranges() -> None:
    conditions = Conditions.of({"tenant_id": "acme", **has_time("completed_at", wanted=False).to_mongo()})

    assert (set(conditions.bounds), conditions.residual) == ({"completed_at"}, 0)


def test_of_two_conditions_on_a_field_the_second_is_left_to_the_documents() -> None:
    query = {"$and": [{"user_id": "ada"}, {"$and": [{"user_id": {"$in": ["ada", "ben"]}}, {"tenant_id": "acme"}]}]}

    assert Conditions.of(query) == Conditions({"user_id": "ada", "tenant_id": "acme"}, {}, {}, residual=1)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("query", "order", "fields", "is_ordered"),
    [
        pytest.param({"tenant_id": "t"}, NEWEST_FIRST, "created", True, id="the order of the list"),
        pytest.param(
            {"tenant_id": "t", "workflow_name": {"$regex": "x"}},
            NEWEST_FIRST,
            "created",
            True,
            id="the order, where a condition has no index",
        ),
        pytest.param(
            {"tenant_id": "t", "status": "failed", "error_details.code": "E1"},
            NEWEST_FIRST,
            "status created",
            True,
            id="the order within the longest prefix",
        ),
        pytest.param(
            {"tenant_id": "t", "status": "failed", "created": {"$gt": 1}},
            CHEAPEST_FIRST,
            "status created",
            False,
            id="a prefix and a range, for another order",
        ),
        pytest.param(
            {"tenant_id": "t", "user_id": "u", "total_duration": {"$gt": 9}},
            NEWEST_FIRST,
            "user_id total_duration",
            False,
            id="a range, before the order without it",
        ),
    ],
)
def test_the_narrowest_use_of_an_index_comes_first(
    query: dict[str, Any], order: Order, fields: str, *, is_ordered: bool
) -> None:
    use = index_uses(Execution, query, order)[0]

    assert (list(use.key), use.is_ordered) == (["tenant_id", *fields.split(), "_id"], is_ordered)


@pytest.mark.usefixtures("database")
def test_a_list_of_more_values_than_mongodb_merges_is_in_no_order() -> None:
    def is_ordered(values: int) -> bool:
        query = {"tenant_id": "t", "status": {"$in": list(range(values))}}
        return index_uses(Execution, query, NEWEST_FIRST)[0].is_ordered

    assert (is_ordered(200), is_ordered(201)) == (True, False)


@pytest.mark.usefixtures("database")
def test_indexes_with_the_same_entries_are_one_choice() -> None:
    uses = index_uses(Execution, {"tenant_id": "t", "user_id": "u", "session_id": "s"}, CHEAPEST_FIRST)

    assert [(list(use.key), use.is_ordered) for use in uses] == [
        (["tenant_id", "user_id", "total_cost", "_id"], True),
        (["tenant_id", "total_cost", "_id"], True),
    ]


@pytest.mark.usefixtures("database")
def test_without_the_tenant_there_is_no_index() -> None:
    assert index_uses(Execution, {"user_id": "ada"}, NEWEST_FIRST) == []
    assert narrowest_index(Execution, {"user_id": "ada"}) is None


@pytest.mark.usefixtures("database")
def test_a_count_reads_an_index_that_covers_all_conditions() -> None:
    query = {"tenant_id": "t", "status": "failed"}

    assert list(covering_index(Execution, query) or ())[:2] == ["tenant_id", "status"]
    assert covering_index(Execution, {**query, "session_id": "s"}) is None


RARE = all_of(equals("workflow_name", "invoice"), equals("status", "paused"))
LISTS: dict[str, tuple[Filter, Order, str | None]] = {
    "text that is nowhere": (Contains("workflow_name", "nowhere"), NEWEST_FIRST, "created"),
    "text that is rare": (StartsWith("workflow_name", "inv"), NEWEST_FIRST, "workflow_name"),
    "a field without an index": (equals("session_id", "none"), NEWEST_FIRST, "created"),
    "a rare status by cost": (equals("status", "paused"), CHEAPEST_FIRST, "status"),
    "a common status by cost": (equals("status", "completed"), CHEAPEST_FIRST, "total_cost"),
    "a rare name and status": (RARE, NEWEST_FIRST, "status"),
    "an hour by cost": (Range("created", gte=START, lt=START.replace(hour=1)), CHEAPEST_FIRST, "created"),
    "one of two statuses, with a text": (
        all_of(OneOf("status", ("failed", "timed_out")), Contains("error_details.message", "task 1")),
        NEWEST_FIRST,
        "status",
    ),
    "either of two fields": (
        AnyOf((equals("status", "failed"), Range("total_cost", gte=0.9))),
        NEWEST_FIRST,
        "created",
    ),
    "no completed ones": (NoneOf("status", ("completed",)), NEWEST_FIRST, "created"),
    "by two fields": (EVERYTHING, Order((SortKey("total_cost", descending=True), SortKey("created"))), None),
}


@pytest.mark.parametrize("caller", [pytest.param(OWNER, id="own"), pytest.param(OPERATOR, id="of the tenant")])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_names_its_index_so_that_no_plan_is_tried(
    large_database: tuple[Database, SentCommands], name: str, caller: Caller
) -> None:
    database, commands = large_database
    where, order, field = LISTS[name]

    await Monitor.over(database, timeout_ms=30_000, count_limit=10_000).executions.list(
        caller, where, order, PageRequest(20), PageSelection()
    )

    finds = [read for read in commands.reads if "find" in read]
    assert all("hint" in read for read in finds), finds
    explained = await explain(database, finds[0])
    assert explained.rejected == 0
    expected = ["tenant_id", *(["user_id"] if caller is OWNER else []), *([] if field is None else [field])]
    assert list(finds[0]["hint"])[: len(expected)] == expected


async def test_a_list_of_few_reads_no_more_than_there_are(large_database: tuple[Database, SentCommands]) -> None:
    database, commands = large_database
    monitor = Monitor.over(database, timeout_ms=30_000, count_limit=10_000)

    page = await monitor.executions.list(
        OPERATOR, equals("status", "paused"), CHEAPEST_FIRST, PageRequest(20), PageSelection()
    )
    paused = await monitor.executions.count(OPERATOR, equals("status", "paused"))

    assert len(page.rows) == 20
    keys = [(await explain(database, read)).keys for read in commands.reads]
    assert max(keys) <= paused.total + 1


async def test_a_count_reads_index_entries_alone(large_database: tuple[Database, SentCommands]) -> None:
    database, commands = large_database
    monitor = Monitor.over(database, timeout_ms=30_000, count_limit=100_000)

    for where in (EVERYTHING, equals("status", "completed"), Range("created", gte=START.replace(day=9))):
        commands.reads.clear()
        found = await monitor.executions.count(OPERATOR, where)

        (read,) = commands.reads
        explained = await explain(database, read)
        assert found.total > 1_000
        assert (explained.documents, explained.rejected) == (0, 0)
