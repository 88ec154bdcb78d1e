"""Lists that are searched in slices: nothing about their search tells of executions that the caller may not see."""

from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.executions.counts import CountResult
from execution_monitor.executions.executions import Executions
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import SORTED_FIELDS
from execution_monitor.storage.filters import Contains, equals
from execution_monitor.storage.pagination import PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.slices import SearchLimits
from execution_monitor.storage.sorting import Order, SortKey
from tests.support.documents import NOON, execution, store

READ = frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT})
OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
OF_A_ROLE = Caller("mel", "acme", READ, grants=(Grant(Scope.EXECUTIONS_READ_TENANT, equals("workflow_name", "train")),))
# No index serves it; three of the visible ones match.
WHERE = Contains("error_details.message", "disk full")
SELECTION = PageSelection(fields=frozenset({"execution_id", *SORTED_FIELDS}))
VISIBLE = 24
ORDERS = {
    "newest first": (SortKey("created", descending=True),),
    "cheapest first": (SortKey("total_cost"),),
    "costly first, then the newest": (SortKey("total_cost", descending=True), SortKey("created", descending=True)),
    "cheapest first, then the oldest": (SortKey("total_cost"), SortKey("created")),
    "by status": (SortKey("status"),),
}


def executions_of(user: str, workflow: str, offset: float) -> list[dict[str, Any]]:
    """Executions between those with another `offset`, in every order."""
    return [
        execution(
            number,
            execution_id=f"{user}-{number}",
            user_id=user,
            workflow_name=workflow,
            created=NOON + timedelta(minutes=number + offset),
            total_cost=number // 2 + offset,
            status=("failed", "completed", "running")[number % 3],
            error_details={"message": "disk full" if number in {3, 11, 20} else "out of memory"},
        )
        for number in range(VISIBLE)
    ]


async def searched(executions: Executions, caller: Caller, order: Order, *, backward: bool) -> list[Any]:
    """What a caller learns on the way through a list."""
    learned: list[Any] = []
    request = PageRequest(2, backward)
    while True:
        page = await executions.list(caller, WHERE, order, request, SELECTION)
        ids = [row["execution_id"] for row in page.rows]
        cursors = [page.start_cursor, page.end_cursor, *map(page.cursor_of, page.rows)]
        learned.append((ids, cursors, page.search, page.reached_at, page.has_next, page.has_previous))
        if not (page.has_previous if backward else page.has_next):
            return learned
        after, before = (None, page.start_cursor) if backward else (page.end_cursor, None)
        request = PageRequest(2, backward, after, before)


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("caller", [OWNER, OF_A_ROLE], ids=["their own alone", "those of a role"])
@pytest.mark.parametrize("name", ORDERS)
async def test_a_search_is_the_same_with_and_without_what_the_caller_may_not_see(
    database: Database, name: str, caller: Caller, *, backward: bool
):
    limits = SearchLimits(few=1, few_of_many=1, whole_ms=0, sliced_ms=0, entries=4)
    executions = Executions(Reader(database, 5_000), 1_000, search_limits=limits)
    order = Order(ORDERS[name])
    mine = executions_of("ada", "train", 0.0)
    await store(*mine)
    for each in mine:
        each.pop("_id", None)

    alone = await searched(executions, caller, order, backward=backward)
    counted = await executions.count(caller, WHERE)
    await store(*executions_of("grace", "etl", 0.3), *executions_of("hal", "etl", 0.6))
    await store(*({**each, "execution_id": f"globex-{each['execution_id']}", "tenant_id": "globex"} for each in mine))
    among_others = await searched(executions, caller, order, backward=backward)

    assert among_others == alone
    assert await executions.count(caller, WHERE) == counted
    ids = [each for page in alone for each in page[0]]
    assert sorted(ids) == ["ada-11", "ada-20", "ada-3"]


async def test_a_search_in_slices_stops_and_shows_how_far_it_came(database: Database):
    limits = SearchLimits(few=1, few_of_many=1, whole_ms=0, sliced_ms=0, entries=4)
    executions = Executions(Reader(database, 5_000), 1_000, search_limits=limits)
    await store(*executions_of("ada", "train", 0.0))

    pages = await searched(executions, OWNER, Order(ORDERS["newest first"]), backward=False)

    assert [each for page in pages for each in page[0]] == ["ada-20", "ada-11", "ada-3"]
    *stopped, (_, _, last, last_reached, goes_on, _) = pages
    assert len(stopped) > 3
    assert [(page[2].is_complete, page[2].examined, page[4]) for page in stopped] == [(False, 4, True)] * len(stopped)
    reached = [page[3] for page in stopped]
    assert reached == sorted(reached, reverse=True)
    assert reached[0] == NOON + timedelta(minutes=VISIBLE - 4)
    assert (last.is_complete, last.examined, last_reached, goes_on) == (True, 4, None, False)


async def test_a_count_goes_as_far_as_the_time_allows_and_says_so(database: Database):
    await store(*executions_of("ada", "train", 0.0))
    limits = SearchLimits(few=1, few_of_many=1, whole_ms=0, sliced_ms=0, entries=16)
    short, long = (Executions(Reader(database, 5_000), 1_000, search_limits=each) for each in (limits, SearchLimits()))

    found = [await each.count(OWNER, WHERE) for each in (short, long)]

    # Of the newest 16 two match.
    assert found == [CountResult(2, is_exact=False), CountResult(3, is_exact=True)]
