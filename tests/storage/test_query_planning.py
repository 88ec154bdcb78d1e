"""Query planning: branches that MongoDB merges, and a hint where one range of an index is the list."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import MaxKey, MinKey

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import all_of, equals
from execution_monitor.storage.pagination import NEITHER, Listing, PageRequest, PageSelection
from execution_monitor.storage.query_planning import (
    FindPlan,
    IndexRange,
    choose_index,
    combine_branches,
    plan_find,
    range_after,
    split_by_value,
)
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey, SortPosition
from tests.support.sent_commands import SentCommands

OWN = {"tenant_id": "acme", "user_id": "ada"}
NEWEST_FIRST = Order((SortKey("created", descending=True),))
OLDEST_FIRST = NEWEST_FIRST.reversed()
SINCE = {"created": {"$gte": 1, "$lt": 2}}


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
def test_branches_are_combined_each_with_each(factors: Any, query: dict[str, Any]) -> None:
    assert combine_branches(*factors) == query


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("query", "branches"),
    [
        pytest.param(
            {"tenant_id": "t", "status": {"$in": ["failed", None]}},
            [{"tenant_id": "t", "status": "failed"}, {"tenant_id": "t", "status": None}],
            id="a list of statuses, each in order of creation by an index",
        ),
        pytest.param({"status": {"$in": list("abcde")}}, None, id="not a list longer than there is room"),
        pytest.param({"status": {"$in": []}}, None, id="not an empty list"),
        pytest.param({"status": {"$ne": "failed"}}, None, id="not another operator"),
        pytest.param({"execution_name": {"$in": ["a", "b"]}}, None, id="not a field without such an index"),
        pytest.param(
            {"session_id": {"$in": ["a", "b"]}},
            [{"session_id": "a"}, {"session_id": "b"}],
            id="a field whose index has those with a value",
        ),
        pytest.param({"session_id": {"$in": ["a", None]}}, None, id="not where that index lacks those without one"),
        pytest.param({"$and": [{"status": {"$in": ["a", "b"]}}]}, None, id="not within a combination"),
    ],
)
def test_a_list_is_split_where_an_index_has_the_rows_of_each_value_in_order(
    query: dict[str, Any], branches: list[dict[str, Any]] | None
) -> None:
    assert split_by_value(query, Execution, OLDEST_FIRST, room=4) == ([query] if branches is None else branches)


async def test_a_list_is_not_split_for_another_order(database: Database) -> None:
    assert database.trouble is None
    query = {"status": {"$in": ["failed", None]}}

    assert split_by_value(query, Execution, Order((SortKey("total_cost"),)), room=4) == [query]


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
def test_an_index_is_chosen_when_the_list_is_one_range_of_it(query: dict[str, Any], fields: list[str] | None) -> None:
    key = None if fields is None else dict.fromkeys([*fields, "created", "_id"], 1)

    assert choose_index(Execution, query, NEWEST_FIRST) == key
    assert choose_index(Execution, query, NEWEST_FIRST.reversed()) == key


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "keys",
    [
        pytest.param((SortKey("created"), SortKey("total_cost", descending=True)), id="both ways"),
        pytest.param((SortKey("created"), SortKey("total_cost")), id="two fields"),
        pytest.param((SortKey("final_result"),), id="a field that no index has"),
    ],
)
def test_no_index_is_chosen_for_an_order_that_none_has(keys: tuple[SortKey, ...]) -> None:
    assert choose_index(Execution, OWN, Order(keys)) is None


BY_NAME = Order((SortKey("workflow_name"),))
NAME_KEY = {"tenant_id": 1, "workflow_name": 1, "created": -1, "_id": -1}
STATUS_KEY = {"tenant_id": 1, "status": 1, "created": -1, "_id": -1}
ACTIVE_KEY = {"tenant_id": 1, "status": 1, "started_at": 1, "_id": 1}
SESSION_KEY = {"tenant_id": 1, "session_id": 1, "created": 1, "_id": 1}
LONGEST_FIRST = Order((SortKey("started_at"),))


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("conditions", "order", "key"),
    [
        pytest.param({}, BY_NAME, NAME_KEY, id="by name"),
        pytest.param({}, Order((SortKey("status"),)), STATUS_KEY, id="by status"),
        pytest.param({}, Order((SortKey("status"), SortKey("created"))), None, id="not the oldest of each first"),
        pytest.param({"workflow_name": "etl"}, NEWEST_FIRST, NAME_KEY, id="one name"),
        pytest.param({"status": "failed"}, NEWEST_FIRST, STATUS_KEY, id="one status"),
        pytest.param({"status": None}, NEWEST_FIRST, STATUS_KEY, id="without a status"),
        pytest.param({"status": "running"}, LONGEST_FIRST, ACTIVE_KEY, id="those that run, from the first one started"),
        pytest.param({"status": "failed"}, LONGEST_FIRST, None, id="not the ended ones, which that index lacks"),
        pytest.param({"status": None}, LONGEST_FIRST, None, id="not those without a status, which it lacks, too"),
        pytest.param({"session_id": "s"}, NEWEST_FIRST, SESSION_KEY, id="one session"),
        pytest.param({"session_id": None}, NEWEST_FIRST, None, id="not those without a session, which no index has"),
    ],
)
def test_an_order_and_its_reverse_have_the_same_index(
    conditions: dict[str, Any], order: Order, key: dict[str, int] | None
) -> None:
    query = {"tenant_id": "acme", **conditions}

    assert choose_index(Execution, query, order) == key
    assert choose_index(Execution, query, order.reversed()) == key


def test_in_an_index_of_two_directions_a_range_goes_up_in_one_field_and_down_in_the_next() -> None:
    tenant, here = {"tenant_id": "acme"}, SortPosition(("etl", 7, "b"))

    assert range_after(NAME_KEY, tenant, BY_NAME, here) == IndexRange(
        {**tenant, "_id": {"$ne": "b"}},
        {**tenant, "workflow_name": "etl", "created": 7, "_id": "b"},
        {**tenant, "workflow_name": MaxKey(), "created": MinKey(), "_id": MinKey()},
    )
    assert range_after(NAME_KEY, tenant, BY_NAME.reversed(), here) == IndexRange(
        tenant,
        {**tenant, "workflow_name": MinKey(), "created": MaxKey(), "_id": MaxKey()},
        {**tenant, "workflow_name": "etl", "created": 7, "_id": "b"},
    )


KEY = dict.fromkeys(["tenant_id", "user_id", "created", "_id"], 1)
HERE = SortPosition((7, "b"))


def test_after_a_position_of_a_descending_order_lies_all_that_comes_before_it_in_the_index() -> None:
    assert range_after(KEY, OWN, NEWEST_FIRST, HERE) == IndexRange(
        OWN, {**OWN, "created": MinKey(), "_id": MinKey()}, {**OWN, "created": 7, "_id": "b"}
    )


def test_after_a_position_of_an_ascending_order_lies_the_rest_of_the_index_without_the_row_there() -> None:
    assert range_after(KEY, OWN, NEWEST_FIRST.reversed(), HERE) == IndexRange(
        {**OWN, "_id": {"$ne": "b"}}, {**OWN, "created": 7, "_id": "b"}, {**OWN, "created": MaxKey(), "_id": MaxKey()}
    )


def test_the_fields_of_a_range_stand_as_they_do_in_the_index() -> None:
    found = range_after(KEY, {"user_id": "ada", "tenant_id": "acme"}, NEWEST_FIRST, HERE)

    assert found is not None
    assert list(found.lower) == list(found.upper) == list(KEY)


def test_a_query_with_bounds_of_its_own_is_no_range_after_a_position() -> None:
    assert range_after(KEY, {**OWN, **SINCE}, NEWEST_FIRST, HERE) is None


@pytest.mark.parametrize(
    ("order", "where"),
    [
        pytest.param(NEWEST_FIRST, OWN, id="newest first"),
        pytest.param(OLDEST_FIRST, OWN, id="oldest first"),
        pytest.param(BY_NAME, {"tenant_id": "acme"}, id="by name"),
        pytest.param(BY_NAME.reversed(), {"tenant_id": "acme"}, id="by name, backwards"),
        pytest.param(NEWEST_FIRST, {"tenant_id": "acme", "workflow_name": "etl"}, id="newest of a name first"),
        pytest.param(OLDEST_FIRST, {"tenant_id": "acme", "workflow_name": "etl"}, id="oldest of a name first"),
    ],
)
async def test_pages_after_cursors_are_ranges_and_show_each_row_once(
    recorded_database: tuple[Database, SentCommands], order: Order, where: dict[str, Any]
) -> None:
    database, commands = recorded_database
    await database.prepare()
    stored = [None, None, math.nan, 3, 3, 3, "a", "a", True, datetime(2026, 1, 1, tzinfo=UTC)]
    names = ["etl", "report", "etk"]
    rows = [
        {"execution_id": f"{name}-{number}", **OWN, "created": value, "workflow_name": name}
        for name in names
        for number, value in enumerate(stored)
    ]
    missing = [{"execution_id": f"lacks-{number}", **OWN} for number in range(2)]
    others = [{"execution_id": "run", "tenant_id": who, "user_id": "ada", "created": 3} for who in ("acm", "acmf")]
    await database.collection(Execution).insert_many([*rows, *missing, *others])
    listing = Listing(all_of(*(equals(field, value) for field, value in where.items())), order)
    reader, selection = Reader(database, 5_000), PageSelection(None, neighbours=NEITHER)

    walked: list[str] = []
    page = await reader.read_page(Execution, listing, PageRequest(1), selection)
    commands.reads.clear()
    while page.rows:
        walked.append(page.rows[0]["execution_id"])
        page = await reader.read_page(Execution, listing, PageRequest(1, after=page.cursor_of(page.rows[0])), selection)

    expected = database.rows(Execution).find(where).sort(list(order.to_mongo().items()))
    # At the end of the list, the rows that cannot be sorted are searched.
    unsortable = [read for read in commands.reads if "created" not in read["hint"]]
    assert walked
    assert ["max" in read for read in commands.reads if read not in unsortable] == [True] * len(walked)
    assert len(unsortable) == 2
    assert walked == [row["execution_id"] async for row in expected]


@pytest.mark.usefixtures("database")
def test_a_plan_has_a_hint_and_its_branch_where_one_range_of_an_index_is_the_list() -> None:
    after = NEWEST_FIRST.seek(HERE)

    plan = plan_find(Execution, OWN, NEWEST_FIRST, [after], [{"a": 1}])

    assert plan == FindPlan(combine_branches([{**OWN, "a": 1}], after), KEY, OWN)


@pytest.mark.usefixtures("database")
def test_a_plan_of_several_branches_has_a_hint_and_no_branch_of_its_own() -> None:
    plan = plan_find(Execution, {**OWN, "status": {"$in": ["failed", None]}}, NEWEST_FIRST)

    key = dict.fromkeys(["tenant_id", "user_id", "status", "created", "_id"], 1)
    assert plan == FindPlan({"$or": [{**OWN, "status": "failed"}, {**OWN, "status": None}]}, key, None)


@pytest.mark.usefixtures("database")
def test_a_plan_leaves_a_list_that_no_index_has_to_mongodb() -> None:
    assert plan_find(Execution, {"user_id": "ada"}, NEWEST_FIRST) == FindPlan({"user_id": "ada"}, None, None)
