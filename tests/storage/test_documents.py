"""Indexes, each held to its purpose at 50,000 executions: a page examines few more keys than it has rows."""

from datetime import timedelta

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.children import ChildCollection, ChildrenRequest, log_filter
from execution_monitor.executions.services import Monitor
from execution_monitor.ingest.silence import Patience, Silence
from execution_monitor.ingest.writer.pipelines import REFERENCES
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS, SORTED_FIELDS, Execution, LogLevel
from execution_monitor.storage.filters import EVERYTHING, Filter, HasTag, OneOf, Range, StartsWith, all_of, equals
from execution_monitor.storage.indexes import FACTS_INDEX, ODD_FACTS_INDEX, indexes_of
from execution_monitor.storage.pagination import BOTH, NEITHER, Listing, PageRequest, PageSelection
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.large_collections import LONG_EXECUTION, START
from tests.support.sent_commands import Explained, SentCommands, explain

OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
OPERATOR = Caller("olga", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))

NEWEST_FIRST = Order((SortKey("created", descending=True),))
BY_NAME = Order((SortKey("workflow_name"),))
A_WEEK = Range("created", gte=START + timedelta(days=8), lt=START + timedelta(days=15))
A_TEMPLATE = equals("workflow_template_id", "template-train-model")

A_TAG = HasTag("team", "team-7")


def by(*keys: str) -> Order:
    """The order of stored fields; that of one with a dash before it descends."""
    return Order(tuple(SortKey(key.removeprefix("-"), key.startswith("-")) for key in keys))


# What people look at most, also of their own.
COMMON_LISTS: dict[str, tuple[Filter, Order]] = {
    "everything by created": (EVERYTHING, by("created")),
    "one status": (equals("status", "failed"), NEWEST_FIRST),
    "the most frequent status": (equals("status", "completed"), NEWEST_FIRST),
    "pending, or no status at all": (OneOf("status", ("pending", None)), NEWEST_FIRST),
    "three statuses": (OneOf("status", ("running", "paused", "failed")), NEWEST_FIRST),
    "a week": (A_WEEK, NEWEST_FIRST),
    "one status of a week": (all_of(equals("status", "failed"), A_WEEK), NEWEST_FIRST),
    "two statuses of a week": (all_of(OneOf("status", ("failed", "timed_out")), A_WEEK), NEWEST_FIRST),
}
LISTS: dict[str, tuple[Filter, Order]] = {
    **{f"everything by {field}": (EVERYTHING, by(field)) for field in SORTED_FIELDS},
    **COMMON_LISTS,
    "one template": (A_TEMPLATE, NEWEST_FIRST),
    "two templates": (OneOf("workflow_template_id", ("template-invoice", "template-ingest")), NEWEST_FIRST),
    "one template of a week": (all_of(A_TEMPLATE, A_WEEK), NEWEST_FIRST),
    "one name": (equals("workflow_name", "invoice"), NEWEST_FIRST),
    "two names of a week": (all_of(OneOf("workflow_name", ("invoice", "ingest")), A_WEEK), NEWEST_FIRST),
    "names that start alike, by name": (StartsWith("workflow_name", "train"), BY_NAME),
    "everything by name, then newest": (EVERYTHING, by("workflow_name", "-created")),
    "everything by status, then newest": (EVERYTHING, by("status", "-created")),
    "one that runs for longest": (equals("status", "running"), by("started_at")),
    "active for longest": (OneOf("status", ("running", "paused")), by("started_at")),
    "one parent": (equals("parent_execution_id", "run-9"), NEWEST_FIRST),
    "one session": (equals("session_id", "session-9"), NEWEST_FIRST),
    "two sessions": (OneOf("session_id", ("session-9", "session-11")), NEWEST_FIRST),
    "one error code": (equals("error_details.code", "E3"), NEWEST_FIRST),
    "one trigger": (equals("triggered_by", "api"), NEWEST_FIRST),
    "one tag": (A_TAG, NEWEST_FIRST),
    "one tag of a week": (all_of(A_TAG, A_WEEK), NEWEST_FIRST),
}
NO_INDEX = [("$natural", 1)]
# From the first page to the last: amid what is missing, amid long ties, amid all else.
DEPTHS = (0, 0.01, 0.1, 0.5, 0.95, 0.9995)

callers = pytest.mark.parametrize("caller", [pytest.param(OWNER, id="owner"), pytest.param(OPERATOR, id="operator")])


def reads_few_keys(explained: Explained) -> bool:
    # The row of a cursor is sorted, too.
    return explained.keys <= 3 * explained.rows + 10 and (explained.keys <= 1 or "SORT" not in explained.stages)


# Of those that have ended and those that run.
MERGED = frozenset({"everything by total_duration"})


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        *(pytest.param(name, OPERATOR, id=f"{name}-operator") for name in LISTS if name not in MERGED),
        *(pytest.param(name, OWNER, id=f"{name}-owner") for name in COMMON_LISTS if name not in MERGED),
    ],
)
async def test_every_page_of_a_list_reads_few_keys(
    large_database: tuple[Database, SentCommands], name: str, caller: Caller
) -> None:
    database, commands = large_database
    where, order = LISTS[name]
    executions = _monitor(database).executions
    listing = Listing(executions.visible(caller, where), order)
    rows = await _sort_values(database, listing)

    for depth in DEPTHS:
        cursor = listing.cursor_of(rows[int(len(rows) * depth)]) if depth else None
        # Backward pages are read in the other direction, so each list stands for two.
        for page in (PageRequest(20, after=cursor), PageRequest(20, backward=True, before=cursor)):
            commands.reads.clear()
            # What lies around a page is looked up by its cursor, the same at every depth.
            await executions.list(
                caller, where, order, page, PageSelection(neighbours=BOTH if depth == 0.5 else NEITHER)
            )

            explained = [await explain(database, read) for read in commands.reads]
            assert explained
            assert all(map(reads_few_keys, explained)), (depth, page.backward, commands.reads, explained)


@callers
async def test_a_page_between_two_cursors_reads_no_further_than_the_second(
    large_database: tuple[Database, SentCommands], caller: Caller
) -> None:
    database, commands = large_database
    executions, where = _monitor(database).executions, OneOf("status", ("completed", "failed"))
    listing = Listing(executions.visible(caller, where), NEWEST_FIRST)
    rows = await _sort_values(database, listing)
    after, before = (listing.cursor_of(rows[place]) for place in (1_000, 1_006))
    commands.reads.clear()

    await executions.list(caller, where, NEWEST_FIRST, PageRequest(20, after=after, before=before), PageSelection())

    explained = [await explain(database, read) for read in commands.reads]
    assert explained[0].rows == 5
    assert all(map(reads_few_keys, explained)), (commands.reads, explained)


@callers
async def test_a_count_reads_no_further_than_its_limit(
    large_database: tuple[Database, SentCommands], caller: Caller
) -> None:
    database, commands = large_database

    counted = await _monitor(database, count_limit=500).executions.count(caller, equals("status", "completed"))

    (read,) = commands.reads
    assert (counted.total, counted.is_exact) == (500, False)
    assert (await explain(database, read)).keys <= 501 + 10


@callers
async def test_an_execution_is_found_by_its_id(large_database: tuple[Database, SentCommands], caller: Caller) -> None:
    database, commands = large_database

    assert await _monitor(database).executions.find(caller, LONG_EXECUTION) is not None

    (read,) = commands.reads
    assert (await explain(database, read)).keys == 1


CHILD_PAGES = [
    pytest.param(PageRequest(20), id="the first"),
    pytest.param(PageRequest(20, backward=True), id="the last"),
]


@callers
@pytest.mark.parametrize("kind", ["steps", "logs"])
@pytest.mark.parametrize("page", CHILD_PAGES)
async def test_the_ends_of_many_executions_children_read_few_keys(
    large_database: tuple[Database, SentCommands], kind: str, page: PageRequest, caller: Caller
) -> None:
    database, commands = large_database
    mine = await _monitor(database).executions.list(
        caller, EVERYTHING, NEWEST_FIRST.reversed(), PageRequest(20), PageSelection()
    )
    commands.reads.clear()

    pages = await _children(database, kind).list(
        caller, [row["execution_id"] for row in mine.rows], ChildrenRequest(EVERYTHING, page, frozenset({"message"}))
    )

    seen, together, *beyond = commands.reads
    rows = sum(len(found.rows) + (found.has_next or found.has_previous) for found in pages.values())
    assert rows > 20 * 20
    assert (await explain(database, seen)).keys <= 2 * 20
    assert (await explain(database, together)).keys <= 2 * rows + 20
    # The one with 3,000 children is the first by id, so that the pages of all others are beyond the bound.
    assert len(beyond) == (0 if page.backward else 1)
    assert all([(await explain(database, read)).keys <= 3 * rows + 10 for read in beyond])


@pytest.mark.parametrize("kind", ["steps", "logs"])
async def test_deep_pages_of_one_executions_children_read_few_keys(
    large_database: tuple[Database, SentCommands], kind: str
) -> None:
    database, commands = large_database
    children, cursor = _children(database, kind), None

    for _ in range(10):
        page = (
            await children.list(OWNER, [LONG_EXECUTION], ChildrenRequest(EVERYTHING, PageRequest(100, after=cursor)))
        )[LONG_EXECUTION]
        cursor = page.cursor_of(page.rows[-1])
        commands.reads.clear()

        for request in (PageRequest(20, after=cursor), PageRequest(20, backward=True, before=cursor)):
            await children.list(OWNER, [LONG_EXECUTION], ChildrenRequest(EVERYTHING, request))

        explained = [await explain(database, read) for read in commands.reads]
        assert max(each.rows for each in explained) == 21
        assert all(map(reads_few_keys, explained)), (commands.reads, explained)


async def test_every_index_serves_a_read(large_database: tuple[Database, SentCommands]) -> None:
    database, commands = large_database
    used = set[str]()

    for caller in (OWNER, OPERATOR):
        for where, order in LISTS.values():
            await _monitor(database).executions.list(caller, where, order, PageRequest(20), PageSelection())
        await _monitor(database).executions.find(caller, LONG_EXECUTION)
        await _monitor(database).retries.list(caller, [LONG_EXECUTION], frozenset({"execution_id"}))
        # A page that is not full ends with the rows that cannot be sorted.
        by_id = equals("execution_id", LONG_EXECUTION)
        await _monitor(database).executions.list(caller, by_id, NEWEST_FIRST, PageRequest(20), PageSelection())
        for kind in ("steps", "logs"):
            request = ChildrenRequest(EVERYTHING, PageRequest(20))
            await _children(database, kind).list(caller, [LONG_EXECUTION], request)
    silence = Silence(database, Patience())
    for found in (silence.silent, silence.revived, silence.unended):
        assert [each async for each in found(await silence.now())] == []
    for read in commands.reads:
        used |= (await explain(database, read)).indexes

    declared = {index.document["name"] for document in DOCUMENTS for index in indexes_of(document)}
    # The writer of reports finds by them what it updates.
    waiting = {f"tenant_id_user_id_{field}" for field in REFERENCES}
    assert declared - used == waiting | {FACTS_INDEX, ODD_FACTS_INDEX}


async def test_severe_lines_are_searched_within_one_execution_only(
    large_database: tuple[Database, SentCommands],
) -> None:
    database, commands = large_database
    where = log_filter(LogLevel.INFO, "line 2999")

    found = await _children(database, "logs").list(OWNER, [LONG_EXECUTION], ChildrenRequest(where, PageRequest(20)))

    (read,) = commands.reads
    assert [row["message"] for row in found[LONG_EXECUTION].rows] == ["line 2999"]
    assert (await explain(database, read)).keys <= 3_000 + 10


def _monitor(database: Database, count_limit: int = 10_000) -> Monitor:
    return Monitor.over(database, timeout_ms=30_000, count_limit=count_limit)


def _children(database: Database, kind: str) -> ChildCollection:
    return getattr(_monitor(database), kind)


async def _sort_values(database: Database, listing: Listing) -> list[BsonDocument]:
    """Every row of a list, as far as cursors need it."""
    sort, fields = listing.order.to_mongo(), listing.order.fields
    # Without an index: weighing them all against each other takes far longer.
    return (
        await database.collection(Execution).find(listing.where.to_mongo(), fields, sort=sort, hint=NO_INDEX).to_list()
    )
