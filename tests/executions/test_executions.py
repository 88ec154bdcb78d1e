"""Executions: every way to read them shows a caller what is theirs, and nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden, InvalidCursor
from execution_monitor.executions.counts import CountResult
from execution_monitor.executions.executions import NEWEST_FIRST, Executions
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, NoneOf, Not, OneOf, equals, is_null
from execution_monitor.storage.pagination import PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey
from tests.executions.callers import (
    COLLEAGUE,
    EVERY_ID,
    NAMESAKE,
    OPERATOR,
    OWNER,
    SEES,
    UNSCOPED,
    WITHOUT_EXECUTIONS,
)
from tests.support.sent_commands import SentCommands

callers = pytest.mark.parametrize(
    "caller", [pytest.param(each, id=f"{each.subject} of {each.tenant}") for each in SEES]
)

# Filters that try to reach further than their caller may see.
WIDE: dict[str, Filter] = {
    "everything": EVERYTHING,
    "another owner": equals("user_id", "ben"),
    "another tenant": equals("tenant_id", "globex"),
    "all but the caller": NoneOf("user_id", ("ada",)),
    "either of both tenants": AnyOf((equals("tenant_id", "acme"), equals("tenant_id", "globex"))),
    "everything, or one's own": AnyOf((EVERYTHING, equals("user_id", "ada"))),
    "not one's own": Not(equals("user_id", "ada")),
    "any owner at all": is_null("user_id", wanted=False),
    "every id": OneOf("execution_id", tuple(EVERY_ID)),
}


def executions_of(database: Database, count_limit: int = 1_000) -> Executions:
    return Executions(Reader(database, timeout_ms=5_000), count_limit)


@callers
async def test_a_list_and_its_count_show_what_is_visible_alone(
    populated: tuple[Database, SentCommands], caller: Caller
) -> None:
    executions = executions_of(populated[0])

    for name, where in WIDE.items():
        page = await executions.list(caller, where, NEWEST_FIRST, PageRequest(100), PageSelection())
        counted = await executions.count(caller, where)

        shown = {(row["tenant_id"], row["execution_id"]) for row in page.rows}
        assert shown <= {(caller.tenant, each) for each in SEES[caller]}, name
        assert counted == CountResult(len(page.rows), is_exact=True), name
        if where == EVERYTHING:
            assert shown == {(caller.tenant, each) for each in SEES[caller]}


@callers
async def test_an_execution_is_found_by_callers_who_may_see_it(
    populated: tuple[Database, SentCommands], caller: Caller
) -> None:
    executions = executions_of(populated[0])

    found = {each: await executions.find(caller, each) for each in [*EVERY_ID, "unknown"]}

    assert {each for each, row in found.items() if row is not None} == SEES[caller]
    assert {row["tenant_id"] for row in found.values() if row is not None} <= {caller.tenant}


@callers
async def test_many_executions_are_found_in_one_query(populated: tuple[Database, SentCommands], caller: Caller) -> None:
    database, commands = populated

    found = await executions_of(database).find_many(caller, [*EVERY_ID, "unknown"], frozenset({"tenant_id"}))

    assert set(found) == SEES[caller]
    assert {row["tenant_id"] for row in found.values()} <= {caller.tenant}
    assert len(commands.reads) == 1


async def test_without_ids_no_query_is_sent(populated: tuple[Database, SentCommands]) -> None:
    database, commands = populated

    assert await executions_of(database).find_many(OWNER, []) == {}
    assert commands.reads == []


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(COLLEAGUE, id="a colleague"),
        pytest.param(OPERATOR, id="an operator, who sees more"),
        pytest.param(NAMESAKE, id="a namesake elsewhere"),
        pytest.param(WITHOUT_EXECUTIONS, id="someone who sees nothing"),
    ],
)
async def test_a_cursor_is_of_no_use_to_another_caller(populated: tuple[Database, SentCommands], other: Caller) -> None:
    database, commands = populated
    executions = executions_of(database)
    page = await executions.list(OWNER, EVERYTHING, NEWEST_FIRST, PageRequest(1), PageSelection())
    cursor = page.cursor_of(page.rows[0])
    commands.reads.clear()

    for request in (PageRequest(1, after=cursor), PageRequest(1, backward=True, before=cursor)):
        with pytest.raises(InvalidCursor):
            await executions.list(other, EVERYTHING, NEWEST_FIRST, request, PageSelection())

    assert commands.reads == []


@pytest.mark.parametrize("order", [NEWEST_FIRST, Order((SortKey("status"), SortKey("total_cost", descending=True)))])
async def test_what_lies_beyond_a_page_is_visible_too(populated: tuple[Database, SentCommands], order: Order) -> None:
    executions = executions_of(populated[0])

    page = await executions.list(COLLEAGUE, EVERYTHING, order, PageRequest(1), PageSelection())
    page = await executions.list(
        COLLEAGUE, EVERYTHING, order, PageRequest(1, after=page.cursor_of(page.rows[0])), PageSelection()
    )

    # Others' executions tie with these in every sort value, and lie around them by their ids.
    assert (page.has_previous, page.has_next) == (True, False)


async def test_a_count_says_when_there_are_more(populated: tuple[Database, SentCommands]) -> None:
    executions = executions_of(populated[0], count_limit=3)

    assert await executions.count(OWNER, EVERYTHING) == CountResult(3, is_exact=True)
    assert await executions.count(OPERATOR, EVERYTHING) == CountResult(3, is_exact=False)


READS: dict[str, Callable[[Executions, Caller], Awaitable[Any]]] = {
    "list": lambda executions, caller: executions.list(
        caller, EVERYTHING, NEWEST_FIRST, PageRequest(), PageSelection()
    ),
    "count": lambda executions, caller: executions.count(caller, EVERYTHING),
    "find": lambda executions, caller: executions.find(caller, "ada-0"),
    "find many": lambda executions, caller: executions.find_many(caller, ["ada-0"]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("caller", UNSCOPED, ids=["no scope", "the tenant's scope alone"])
async def test_without_the_scope_no_query_is_sent(
    populated: tuple[Database, SentCommands], caller: Caller, read: Callable[[Executions, Caller], Awaitable[Any]]
) -> None:
    database, commands = populated

    with pytest.raises(Forbidden, match="executions:read"):
        await read(executions_of(database), caller)

    assert commands.reads == []
