"""Steps and log lines: reached through visible executions alone, in few queries."""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden, InvalidCursor
from execution_monitor.executions.children import ChildCollection, ChildrenRequest, child_key
from execution_monitor.executions.executions import NEWEST_FIRST
from execution_monitor.executions.services import Monitor
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, NoneOf, OneOf, equals
from execution_monitor.storage.pagination import PageRequest, PageSelection
from tests.executions.callers import (
    CHILDREN,
    COLLEAGUE,
    EVERY_ID,
    NAMESAKE,
    NOON,
    OPERATOR,
    OWNER,
    SEES,
    UNSCOPED,
    WITHOUT_EXECUTIONS,
    own,
)
from tests.support.sent_commands import SentCommands, explain

callers = pytest.mark.parametrize(
    "caller", [pytest.param(each, id=f"{each.subject} of {each.tenant}") for each in SEES]
)
kinds = pytest.mark.parametrize("kind", ["steps", "logs"])

# Filters that try to reach other executions than the requested one.
WIDE: dict[str, Filter] = {
    "everything": EVERYTHING,
    "another tenant": equals("tenant_id", "globex"),
    "either tenant": AnyOf((equals("tenant_id", "acme"), equals("tenant_id", "globex"))),
    "another execution": NoneOf("execution_id", ("ada-0",)),
    "every execution": OneOf("execution_id", tuple(EVERY_ID)),
}


def monitor_of(database: Database) -> Monitor:
    return Monitor.over(database, timeout_ms=5_000, count_limit=1_000)


def collection_of(database: Database, kind: str) -> ChildCollection:
    return getattr(monitor_of(database), kind)


def everything(page: PageRequest, fields: frozenset[str] | None = None) -> ChildrenRequest:
    return ChildrenRequest(EVERYTHING, page, fields)


@callers
@kinds
async def test_a_page_shows_children_of_visible_executions_alone(
    populated: tuple[Database, SentCommands], kind: str, caller: Caller
) -> None:
    children, pages = collection_of(populated[0], kind), (PageRequest(100), PageRequest(100, backward=True))

    for (name, where), page in itertools.product(WIDE.items(), pages):
        found = await children.list(caller, [*EVERY_ID, "unknown"], ChildrenRequest(where, page))

        assert set(found) == {*EVERY_ID, "unknown"}
        for execution_id, child_page in found.items():
            assert all(own(row, caller) and row["execution_id"] == execution_id for row in child_page.rows), name
            if where == EVERYTHING:
                assert len(child_page.rows) == (CHILDREN if execution_id in SEES[caller] else 0)


@kinds
@pytest.mark.parametrize(
    "other", [COLLEAGUE, NAMESAKE, WITHOUT_EXECUTIONS], ids=lambda caller: f"{caller.subject} of {caller.tenant}"
)
async def test_a_cursor_opens_no_execution_of_others(
    populated: tuple[Database, SentCommands], kind: str, other: Caller
) -> None:
    children = collection_of(populated[0], kind)
    page = (await children.list(OWNER, ["ada-0"], everything(PageRequest(1))))["ada-0"]
    cursor = page.cursor_of(page.rows[0])

    for request in (PageRequest(1, after=cursor), PageRequest(1, backward=True, before=cursor)):
        found = (await children.list(other, ["ada-0"], everything(request)))["ada-0"]

        assert (found.rows, found.has_previous, found.has_next) == ((), False, False)


@kinds
async def test_a_cursor_of_another_execution_is_refused(populated: tuple[Database, SentCommands], kind: str) -> None:
    children = collection_of(populated[0], kind)
    page = (await children.list(OWNER, ["ada-0"], everything(PageRequest(1))))["ada-0"]

    with pytest.raises(InvalidCursor):
        await children.list(OWNER, ["ada-1"], everything(PageRequest(1, after=page.cursor_of(page.rows[0]))))


@callers
@kinds
async def test_children_are_found_by_their_ids_when_their_execution_is_visible(
    populated: tuple[Database, SentCommands], kind: str, caller: Caller
) -> None:
    database, commands = populated
    keys = [(execution_id, f"{tenant}/{execution_id}/1") for execution_id in EVERY_ID for tenant in ("acme", "globex")]

    found = await collection_of(database, kind).find_many(caller, keys, frozenset({"tenant_id", "execution_id"}))

    assert set(found) == {child_key(each, f"{caller.tenant}/{each}/1") for each in SEES[caller]}
    assert all(own(row, caller) for row in found.values())
    assert len(commands.reads) == 1


@kinds
async def test_a_child_is_not_found_through_another_execution(
    populated: tuple[Database, SentCommands], kind: str
) -> None:
    keys: list[tuple[str, object]] = [
        ("ada-0", "acme/ben-0/1"),
        ("ada-0", "acme/ada-1/1"),
        ("ada-0", "globex/shared/1"),
    ]

    assert await collection_of(populated[0], kind).find_many(OWNER, keys, frozenset()) == {}


async def test_without_keys_no_query_is_sent(populated: tuple[Database, SentCommands]) -> None:
    database, commands = populated

    assert await monitor_of(database).steps.find_many(OWNER, [], frozenset()) == {}
    assert commands.reads == []


async def test_a_child_without_an_execution_is_visible_to_no_caller(populated: tuple[Database, SentCommands]) -> None:
    database, _ = populated
    await database.collection(Step).insert_one({"_id": "lost", "tenant_id": "acme", "execution_id": "lost"})
    steps = monitor_of(database).steps

    pages = await steps.list(OPERATOR, ["lost"], everything(PageRequest(1)))

    assert len(pages["lost"].rows) == 0
    assert await steps.find_many(OPERATOR, [("lost", "lost")], frozenset()) == {}


READS: dict[str, Callable[[ChildCollection, Caller], Awaitable[Any]]] = {
    "the first": lambda children, caller: children.list(caller, ["ada-0"], everything(PageRequest())),
    "the last": lambda children, caller: children.list(caller, ["ada-0"], everything(PageRequest(backward=True))),
    "after a cursor": lambda children, caller: children.list(caller, ["ada-0"], everything(PageRequest(after="x"))),
    "by id": lambda children, caller: children.find_many(caller, [("ada-0", "acme/ada-0/1")], frozenset()),
}


@kinds
@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("caller", UNSCOPED, ids=["no scope", "the tenant's scope alone"])
async def test_without_the_scope_no_query_is_sent(
    populated: tuple[Database, SentCommands],
    kind: str,
    caller: Caller,
    read: Callable[[ChildCollection, Caller], Awaitable[Any]],
) -> None:
    database, commands = populated

    with pytest.raises(Forbidden, match="executions:read"):
        await read(collection_of(database, kind), caller)

    assert commands.reads == []


@kinds
@pytest.mark.parametrize("size", [1, 2, 3, 4])
async def test_walking_children_forward_and_backward_shows_each_once(
    populated: tuple[Database, SentCommands], kind: str, size: int
) -> None:
    children = collection_of(populated[0], kind)
    expected = [f"acme/ada-0/{number}" for number in range(CHILDREN)]

    for backward in (False, True):
        seen: list[str] = []
        request = PageRequest(size, backward)
        while True:
            page = (await children.list(OWNER, ["ada-0"], everything(request, frozenset())))["ada-0"]
            found = [row["_id"] for row in page.rows]
            seen = [*found, *seen] if backward else [*seen, *found]
            remaining, passed = len(expected) - len(seen) > 0, len(seen) - len(found) > 0
            assert (page.has_previous, page.has_next) == ((remaining, passed) if backward else (passed, remaining))
            if not remaining:
                break
            cursor = page.cursor_of(page.rows[0 if backward else -1])
            request = PageRequest(size, backward, None if backward else cursor, cursor if backward else None)

        assert seen == expected


async def insert_executions(database: Database, kind: str, sizes: Mapping[str, int]) -> None:
    """Store executions of `OWNER` by id, each with so many children, the newest first."""
    await database.collection(Execution).insert_many(
        [{"tenant_id": "acme", "user_id": "ada", "execution_id": each, "created": NOON} for each in sizes]
    )
    await database.collection(collection_of(database, kind).document).insert_many(
        [
            {
                "_id": f"{each}/{number:04}",
                "tenant_id": "acme",
                "execution_id": each,
                "step_index": number,
                "timestamp": NOON + timedelta(seconds=number),
                "result": "x" * 1_000,
            }
            for each, size in sizes.items()
            for number in reversed(range(size))
        ]
    )


@kinds
async def test_the_children_of_twenty_executions_are_read_by_one_query_of_the_index(
    populated: tuple[Database, SentCommands], kind: str
) -> None:
    database, commands = populated
    await insert_executions(database, kind, {f"more-{number:02}": 25 for number in range(20)})
    children = collection_of(database, kind)
    commands.reads.clear()

    listed = await monitor_of(database).executions.list(
        OWNER, EVERYTHING, NEWEST_FIRST, PageRequest(20), PageSelection(frozenset({"execution_id"}))
    )
    pages = await children.list(
        OWNER, [row["execution_id"] for row in listed.rows], everything(PageRequest(20), frozenset({"message"}))
    )

    assert sum(len(page.rows) for page in pages.values()) == 20 * 20
    assert all(page.has_next for page in pages.values())
    # The list, which of the executions are visible, and the children of all.
    assert len(commands.reads) == 3
    explained = [await explain(database, command) for command in commands.reads]
    assert max(each.keys for each in explained) == 20 * 25 + 1


@kinds
@pytest.mark.parametrize("backward", [False, True], ids=["first", "last"])
async def test_an_execution_with_many_children_does_not_shorten_the_pages_of_others(
    populated: tuple[Database, SentCommands], kind: str, *, backward: bool
) -> None:
    database, commands = populated
    sizes = {"many-a": 400, "many-b": 0, "many-c": 3, "many-d": 4, "many-e": 300, "many-f": 5, "many-g": 0}
    await insert_executions(database, kind, sizes)
    children = collection_of(database, kind)
    commands.reads.clear()

    pages = await children.list(OWNER, [*sizes, "ben-0"], everything(PageRequest(4, backward), frozenset()))

    for each, size in sizes.items():
        ids = [f"{each}/{number:04}" for number in range(size)]
        assert [row["_id"] for row in pages[each].rows] == (ids[-4:] if backward else ids[:4])
        assert (pages[each].has_previous, pages[each].has_next) == (
            (size > 4, False) if backward else (False, size > 4)
        )
    assert len(pages["ben-0"].rows) == 0
    # Which are visible, the children up to a bound, and the pages of those that this bound cut off.
    assert len(commands.reads) == 3


def as_read(execution_id: str, owner: Caller = OWNER, *hidden: str) -> dict[str, Any]:
    """A row of an execution as a list reads it, without the fields `hidden`."""
    row = {"execution_id": execution_id, "tenant_id": owner.tenant, "user_id": owner.subject, "status": "failed"}
    return {name: value for name, value in row.items() if name not in hidden}


@kinds
async def test_children_of_executions_that_were_just_read_are_one_query(
    populated: tuple[Database, SentCommands], kind: str
) -> None:
    children, request = collection_of(populated[0], kind), everything(PageRequest(), frozenset({"message"}))

    pages = await children.list(OWNER, ["ada-0", "ada-1"], request, [as_read("ada-0"), as_read("ada-1")])

    assert [len(page.rows) for page in pages.values()] == [CHILDREN, CHILDREN]
    assert len(populated[1].reads) == 1


@kinds
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(as_read("ada-0", COLLEAGUE), id="of another owner"),
        pytest.param(as_read("ada-0", NAMESAKE), id="of another tenant"),
        pytest.param(as_read("ada-1"), id="of another execution"),
        pytest.param(as_read("ada-0", OWNER, "user_id"), id="without its owner"),
        pytest.param(as_read("ada-0", OWNER, "tenant_id"), id="without its tenant"),
    ],
)
async def test_a_row_that_does_not_show_that_its_execution_is_visible_is_read_again(
    populated: tuple[Database, SentCommands], kind: str, row: dict[str, Any]
) -> None:
    children, request = collection_of(populated[0], kind), everything(PageRequest(), frozenset({"message"}))

    found = (await children.list(OWNER, ["ada-0"], request, [row]))["ada-0"]
    denied = (await children.list(COLLEAGUE, ["ada-0"], request, [as_read("ada-0")]))["ada-0"]

    assert (len(found.rows), len(denied.rows)) == (CHILDREN, 0)
    assert len(populated[1].reads) == 4


@callers
@kinds
async def test_a_row_decides_as_a_query_does(
    populated: tuple[Database, SentCommands], kind: str, caller: Caller
) -> None:
    database = populated[0]
    rows = await database.collection(Execution).find({"tenant_id": caller.tenant}).to_list()
    request = everything(PageRequest(), frozenset({"message"}))

    pages = await collection_of(database, kind).list(caller, EVERY_ID, request, rows)

    assert {each for each, page in pages.items() if page.rows} == SEES[caller]


@kinds
async def test_rows_that_no_cursor_is_made_of_are_read_without_the_fields_of_one(
    populated: tuple[Database, SentCommands], kind: str
) -> None:
    request = ChildrenRequest(EVERYTHING, PageRequest(2), frozenset({"message"}), cursors=False)

    page = (await collection_of(populated[0], kind).list(OWNER, ["ada-0"], request))["ada-0"]

    assert (list(page.rows), page.has_next) == ([{"message": "Line 0"}, {"message": "Line 1"}], True)
    with pytest.raises(ValueError, match="cursors"):
        page.cursor_of(page.rows[0])


@kinds
async def test_payloads_are_read_for_pages_alone(populated: tuple[Database, SentCommands], kind: str) -> None:
    database, commands = populated
    await insert_executions(database, kind, {"large": 50})
    commands.reads.clear()

    pages = await collection_of(database, kind).list(
        OWNER, ["large"], everything(PageRequest(2), frozenset({"result"}))
    )

    assert [row["result"] for row in pages["large"].rows] == ["x" * 1_000] * 2
    assert len(commands.reads) == 1


@kinds
async def test_only_the_wanted_fields_are_read(populated: tuple[Database, SentCommands], kind: str) -> None:
    children = collection_of(populated[0], kind)
    first = everything(PageRequest(1), frozenset({"message"}))
    page = (await children.list(OWNER, ["ada-0"], first))["ada-0"]
    following = everything(PageRequest(1, after=page.cursor_of(page.rows[0])), frozenset({"message"}))

    (row,) = (await children.list(OWNER, ["ada-0"], following))["ada-0"].rows

    assert set(page.rows[0]) == set(row) == {"message", *children.order.fields}
