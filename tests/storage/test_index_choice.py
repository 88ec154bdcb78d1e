"""Index choice: every query of executions names its index, and `explain` shows that it is a good one."""

from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.services import Monitor
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import SORTED_FIELDS, Execution
from execution_monitor.storage.filters import (
    EVERYTHING,
    AnyOf,
    Contains,
    Filter,
    HasTag,
    NoneOf,
    OneOf,
    Range,
    StartsWith,
    all_of,
    equals,
    is_null,
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
        "tags": {"$elemMatch": {"key": "team", "value": "a"}},
    }

    conditions = Conditions.of(query)

    assert conditions == Conditions(
        {"tenant_id": "acme"},
        {"status": ["failed", None]},
        {"created": {"$gte": 1, "$lt": 2}},
        elements={"tags": {"key": "team", "value": "a"}},
        residual=2,
    )
    assert conditions.count == 6
    assert conditions.fixed == {"tenant_id", "status", "tags.key", "tags.value"}
    assert conditions.on(["tenant_id", "tags.key"]) == {
        "tenant_id": "acme",
        "tags": {"$elemMatch": {"key": "team", "value": "a"}},
    }
    assert conditions.on(["tenant_id", "status"]) == {"tenant_id": "acme", "status": {"$in": ["failed", None]}}


def test_what_lies_outside_of_a_range_is_ranges() -> None:
    conditions = Conditions.of({"tenant_id": "acme", **has_time("completed_at", wanted=False).to_mongo()})

    assert (set(conditions.bounds), conditions.residual) == ({"completed_at"}, 0)


def test_of_two_conditions_on_a_field_the_second_is_left_to_the_documents() -> None:
    query = {"$and": [{"user_id": "ada"}, {"$and": [{"user_id": {"$in": ["ada", "ben"]}}, {"tenant_id": "acme"}]}]}

    assert Conditions.of(query) == Conditions({"user_id": "ada", "tenant_id": "acme"}, {}, {}, residual=1)


EXISTS = {"session_id": {"$exists": True}}
ONE_OF_TWO = {"session_id": {"$in": ["a", "b"]}}


@pytest.mark.parametrize(
    ("query", "condition", "is_implied"),
    [
        pytest.param({"session_id": "a"}, EXISTS, True, id="a value"),
        pytest.param({"session_id": {"$in": ["a", 1]}}, EXISTS, True, id="values"),
        pytest.param({"session_id": {"$gte": "a"}}, EXISTS, True, id="a range"),
        pytest.param({"session_id": {"$regex": "^a"}}, EXISTS, True, id="a beginning"),
        pytest.param({"tags": {"$elemMatch": {"key": "a"}}}, {"tags": {"$exists": True}}, True, id="an element"),
        pytest.param({"session_id": None}, EXISTS, False, id="not null, which is missing, too"),
        pytest.param({"session_id": {"$in": ["a", None]}}, EXISTS, False, id="not null among values"),
        pytest.param({"session_id": {"$in": []}}, EXISTS, False, id="not no value"),
        pytest.param({"session_id": {"$ne": "a"}}, EXISTS, False, id="not another value"),
        pytest.param({"$or": [{"session_id": "a"}]}, EXISTS, False, id="not one of several conditions"),
        pytest.param({"user_id": "a"}, EXISTS, False, id="not another field"),
        pytest.param({"session_id": "b"}, ONE_OF_TWO, True, id="one of the values"),
        pytest.param({"session_id": {"$in": ["b", "a"]}}, ONE_OF_TWO, True, id="some of the values"),
        pytest.param({"session_id": {"$in": ["b", "c"]}}, ONE_OF_TWO, False, id="not a value more"),
        pytest.param({"session_id": {"$gte": "a"}}, ONE_OF_TWO, False, id="not a range around the values"),
    ],
)
async def test_a_partial_index_is_used_only_where_it_has_all_that_a_query_finds(
    database: Database, query: dict[str, Any], condition: dict[str, Any], *, is_implied: bool
) -> None:
    assert Conditions.of(query).imply(condition) is is_implied

    # What is implied, MongoDB finds nothing beside.
    sessions = [{}, *({"session_id": value} for value in (None, "a", "b", "c", 1, ["a", None]))]
    rows = [{**session, "tags": tags} for session in sessions for tags in ([], [{"key": "a"}])]
    await database.collection(Execution).insert_many(
        [{"execution_id": str(place), **row} for place, row in enumerate(rows)]
    )
    beyond = await database.collection(Execution).count_documents({"$and": [query, {"$nor": [condition]}]})
    assert beyond == 0 or not is_implied


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("query", "order", "fields", "is_ordered"),
    [
        pytest.param({"tenant_id": "t"}, NEWEST_FIRST, "created", True, id="the order of the list"),
        pytest.param(
            {"tenant_id": "t", "error_details.message": {"$regex": "x"}},
            NEWEST_FIRST,
            "created",
            True,
            id="the order, where a condition has no index",
        ),
        pytest.param(
            {"tenant_id": "t", "status": "failed", "execution_name": "E1"},
            NEWEST_FIRST,
            "status created",
            True,
            id="the order within the longest prefix",
        ),
        pytest.param(
            {"tenant_id": "t", "tags": {"$elemMatch": {"key": "team", "value": "a"}}},
            NEWEST_FIRST,
            "tags.key tags.value created",
            True,
            id="the order within one tag",
        ),
        pytest.param(
            {"tenant_id": "t", "tags": {"$elemMatch": {"key": "team"}}},
            NEWEST_FIRST,
            "tags.key tags.value created",
            False,
            id="the tags of one key, one value after another",
        ),
        pytest.param(
            {"tenant_id": "t", "session_id": None},
            NEWEST_FIRST,
            "created",
            True,
            id="the order, where an index lacks those without a value",
        ),
        pytest.param(
            {"tenant_id": "t", "status": "failed", "created": {"$gt": 1}},
            CHEAPEST_FIRST,
            "status created",
            False,
            id="a prefix and a range, for another order",
        ),
        pytest.param(
            {"tenant_id": "t", "total_duration": {"$gt": 9}},
            NEWEST_FIRST,
            "total_duration",
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
@pytest.mark.parametrize(
    ("conditions", "is_ordered"),
    [
        pytest.param({"status": {"$in": list("abcdefgh")}}, True, id="as many values as there is always room for"),
        pytest.param({"status": {"$in": list("abcdefghi")}}, False, id="not one more"),
        pytest.param({"$and": [{"status": {"$in": ["a", "b"]}}]}, False, id="not within a combination"),
        pytest.param({"attempt": {"$in": [1, 2]}, "status": {"$in": ["a", "b"]}}, False, id="not the second list"),
    ],
)
def test_a_list_of_values_is_in_order_where_it_is_split(conditions: dict[str, Any], *, is_ordered: bool) -> None:
    assert index_uses(Execution, {"tenant_id": "t", **conditions}, NEWEST_FIRST)[0].is_ordered is is_ordered


@pytest.mark.usefixtures("database")
def test_indexes_with_the_same_entries_are_one_choice() -> None:
    uses = index_uses(Execution, {"tenant_id": "t", "status": "running", "execution_name": "s"}, CHEAPEST_FIRST)

    assert [(list(use.key), use.is_ordered) for use in uses] == [
        (["tenant_id", "status", "created", "_id"], False),
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
    assert covering_index(Execution, {"tenant_id": "t", "session_id": "s"}) is not None
    assert covering_index(Execution, {"tenant_id": "t", "session_id": None}) is None
    assert covering_index(Execution, {**query, "session_id": "s"}) is None
    assert covering_index(Execution, {"tenant_id": "t", "tags": {"$elemMatch": {"key": "team"}}}) is None


RARE = all_of(equals("workflow_name", "invoice"), equals("status", "paused"))
# By the tenant, and by one who may see their own alone: the second field of the index, and the user's where it differs.
LISTS: dict[str, tuple[Filter, Order, str | None, str]] = {
    "text that is nowhere": (Contains("execution_name", "nowhere"), NEWEST_FIRST, "created", "user_id"),
    "text that is rare": (StartsWith("workflow_name", "inv"), NEWEST_FIRST, "workflow_name", "workflow_name"),
    "a field without an index": (equals("execution_name", "none"), NEWEST_FIRST, "created", "user_id"),
    "a value of a few": (equals("session_id", "session-3"), CHEAPEST_FIRST, "session_id", "session_id"),
    "without a value": (is_null("session_id", wanted=True), NEWEST_FIRST, "created", "user_id"),
    "a rare status by cost": (equals("status", "paused"), CHEAPEST_FIRST, "status", "user_id"),
    "a common status by cost": (equals("status", "completed"), CHEAPEST_FIRST, "total_cost", "total_cost"),
    "everything by cost": (EVERYTHING, CHEAPEST_FIRST, "total_cost", "total_cost"),
    "a rare name and status": (RARE, NEWEST_FIRST, "status", "user_id"),
    "an hour by cost": (Range("created", gte=START, lt=START.replace(hour=1)), CHEAPEST_FIRST, "created", "user_id"),
    "a tag and a trigger": (
        all_of(HasTag("team", "team-3"), equals("triggered_by", "api")),
        NEWEST_FIRST,
        "tags.key",
        "tags.key",
    ),
    "one of two statuses, with a text": (
        all_of(OneOf("status", ("failed", "timed_out")), Contains("error_details.message", "task 1")),
        NEWEST_FIRST,
        "status",
        "user_id",
    ),
    "either of two fields": (
        AnyOf((equals("status", "failed"), Range("total_cost", gte=0.9))),
        NEWEST_FIRST,
        "created",
        "user_id",
    ),
    "no completed ones": (NoneOf("status", ("completed",)), NEWEST_FIRST, "created", "user_id"),
    "by two fields": (EVERYTHING, Order((SortKey("total_cost", descending=True), SortKey("created"))), None, "user_id"),
}


@pytest.mark.parametrize("caller", [pytest.param(OWNER, id="own"), pytest.param(OPERATOR, id="of the tenant")])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_names_its_index_so_that_no_plan_is_tried(
    large_database: tuple[Database, SentCommands], name: str, caller: Caller
) -> None:
    database, commands = large_database
    where, order, field, own_field = LISTS[name]

    await Monitor.over(database, timeout_ms=30_000, count_limit=10_000).executions.list(
        caller, where, order, PageRequest(20), PageSelection()
    )

    finds = [read for read in commands.reads if "find" in read]
    assert all("hint" in read for read in finds), finds
    explained = await explain(database, finds[0])
    assert explained.rejected == 0
    second = own_field if caller is OWNER else field
    tenant, entered, *_ = finds[0]["hint"]
    assert (tenant, entered) == ("tenant_id", second or entered)


@pytest.mark.parametrize("field", SORTED_FIELDS)
async def test_a_users_own_are_read_and_sorted_for_orders_that_have_no_index_of_their_own(
    large_database: tuple[Database, SentCommands], field: str
) -> None:
    database, commands = large_database
    monitor = Monitor.over(database, timeout_ms=30_000, count_limit=100_000)
    eve = Caller("eve", "acme", frozenset({Scope.EXECUTIONS_READ}))

    page = await monitor.executions.list(
        eve, EVERYTHING, Order((SortKey(field, descending=True),)), PageRequest(20), PageSelection()
    )
    own = await monitor.executions.count(eve, EVERYTHING)

    assert len(page.rows) == 20
    assert 1_000 < own.total < 5_000
    explained = [await explain(database, read) for read in commands.reads]
    assert max(each.keys for each in explained) <= own.total + 1
    assert all(each.rejected == 0 for each in explained)


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
