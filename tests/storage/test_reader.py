"""Reading: what is sent for a page, and what becomes of trouble."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from bson import Timestamp

from execution_monitor.errors import DatabaseUnavailable, QueryTimeout
from execution_monitor.storage import database as database_module
from execution_monitor.storage.counting import Count
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution, LogEntry
from execution_monitor.storage.filters import EVERYTHING, Contains, Filter, Range, all_of, equals
from execution_monitor.storage.pagination import NEITHER, Listing, Neighbours, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage.large_collections import START
from tests.support.sent_commands import SentCommands, explain

NEWEST_FIRST = Order((SortKey("created", descending=True),))
MINE = equals("tenant_id", "acme")
LISTING = Listing(MINE, NEWEST_FIRST)
FIELDS = frozenset({"created", "status"})


async def fill(database: Database, count: int = 30) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    await database.collection(Execution).insert_many(
        [
            {
                "tenant_id": "acme",
                "execution_id": str(place),
                "status": "failed",
                "created": noon + timedelta(seconds=place),
                "final_result": {"rows": 1},
            }
            for place in range(count)
        ]
    )


async def test_a_page_costs_one_query_when_nothing_else_is_selected(
    recorded_database: tuple[Database, SentCommands],
) -> None:
    database, commands = recorded_database
    await fill(database)
    reader, selection = Reader(database, 5_000), PageSelection(FIELDS, neighbours=NEITHER)

    page = await reader.read_page(Execution, LISTING, PageRequest(10), selection)
    page = await reader.read_page(Execution, LISTING, PageRequest(10, after=page.cursor_of(page.rows[-1])), selection)

    assert len(page.rows) == 10
    assert [read["limit"] for read in commands.reads] == [11, 11]


async def test_the_end_of_a_list_costs_a_look_at_an_empty_index(
    recorded_database: tuple[Database, SentCommands],
) -> None:
    database, commands = recorded_database
    await fill(database)
    reader, selection = Reader(database, 5_000), PageSelection(FIELDS, neighbours=NEITHER)

    page = await reader.read_page(Execution, LISTING, PageRequest(50), selection)

    assert len(page.rows) == 30
    assert [read["limit"] for read in commands.reads] == [51, 21]
    assert (await explain(database, commands.reads[1])).keys == 0


async def test_a_neighbour_costs_one_short_query(recorded_database: tuple[Database, SentCommands]) -> None:
    database, commands = recorded_database
    await fill(database)
    reader = Reader(database, 5_000)
    first = await reader.read_page(Execution, LISTING, PageRequest(10), PageSelection(FIELDS))
    commands.reads.clear()

    page = await reader.read_page(
        Execution, LISTING, PageRequest(10, after=first.cursor_of(first.rows[-1])), PageSelection(FIELDS)
    )

    assert (page.has_previous, page.has_next) == (True, True)
    assert [(read["limit"], read["projection"]) for read in commands.reads[1:]] == [(1, {"_id": 1})]


@pytest.mark.parametrize(
    ("request_", "neighbours", "limits"),
    [
        pytest.param(PageRequest(10, after="10"), Neighbours(next=True), [11], id="on and on"),
        pytest.param(PageRequest(10, after="10"), Neighbours(previous=True), [11, 1], id="back"),
        pytest.param(PageRequest(10, backward=True, before="20"), Neighbours(previous=True), [11], id="on, backward"),
        pytest.param(PageRequest(10, backward=True, before="10"), Neighbours(next=True), [11, 1], id="back, backward"),
        pytest.param(PageRequest(10, after="10", before="20"), Neighbours(next=True), [11, 1], id="the end of a range"),
    ],
)
async def test_only_the_selected_side_is_searched(
    recorded_database: tuple[Database, SentCommands], request_: PageRequest, neighbours: Neighbours, limits: list[int]
) -> None:
    database, commands = recorded_database
    await fill(database)
    reader = Reader(database, 5_000)
    rows = (await reader.read_page(Execution, LISTING, PageRequest(30), PageSelection(FIELDS))).rows
    places = {
        side: place and LISTING.cursor_of(rows[int(place)])
        for side, place in (("after", request_.after), ("before", request_.before))
    }
    commands.reads.clear()

    page = await reader.read_page(
        Execution, LISTING, replace(request_, **places), PageSelection(FIELDS, neighbours=neighbours)
    )

    assert [read["limit"] for read in commands.reads] == limits
    assert (neighbours.previous and page.has_previous) or (neighbours.next and page.has_next)


@pytest.mark.parametrize("backward", [False, True])
async def test_rows_before_a_cursor_are_known_when_its_row_is_deleted(database: Database, *, backward: bool) -> None:
    await fill(database)
    reader, collection = Reader(database, 5_000), database.collection(Execution)
    first = await reader.read_page(Execution, LISTING, PageRequest(2, backward), PageSelection(FIELDS))
    inner, outer = first.rows if backward else first.rows[::-1]
    cursor = first.cursor_of(inner)
    request = PageRequest(2, backward, None if backward else cursor, cursor if backward else None)

    beyond: list[bool] = []
    for deleted in (inner, outer):
        await collection.delete_one({"_id": deleted["_id"]})
        page = await reader.read_page(Execution, LISTING, request, PageSelection(FIELDS))
        beyond.append(page.has_next if backward else page.has_previous)

    assert beyond == [True, False]


@pytest.mark.parametrize(
    ("fields", "projection"),
    [
        pytest.param(FIELDS, {"_id": 1, "created": 1, "status": 1}, id="some"),
        pytest.param(frozenset[str](), {"_id": 1}, id="none is not all"),
    ],
)
async def test_only_the_wanted_fields_are_read(
    recorded_database: tuple[Database, SentCommands], fields: frozenset[str], projection: dict[str, int]
) -> None:
    database, commands = recorded_database
    await fill(database)
    reader = Reader(database, 5_000)

    page = await reader.read_page(Execution, LISTING, PageRequest(1), PageSelection(fields))
    (row,) = await reader.read_some(Execution, MINE, fields, limit=1)

    assert [read["projection"] for read in commands.reads] == [projection, projection]
    assert set(page.rows[0]) == set(row) == set(projection)


async def test_whole_documents_are_read_when_all_is_wanted(recorded_database: tuple[Database, SentCommands]) -> None:
    database, commands = recorded_database
    await fill(database)

    (row,) = await Reader(database, 5_000).read_some(Execution, MINE, None, limit=1)

    assert "final_result" in row
    assert "projection" not in commands.reads[0]


async def test_every_query_has_a_time_limit(recorded_database: tuple[Database, SentCommands]) -> None:
    database, commands = recorded_database
    reader = Reader(database, 1_234)

    await reader.read_page(Execution, LISTING, PageRequest(), PageSelection())
    await reader.count(Execution, MINE, 10)
    await reader.read_some(Execution, MINE, None, limit=1)
    await reader.aggregate(Execution, [], MINE)

    assert [read["maxTimeMS"] for read in commands.reads] == [1_234] * 5


async def test_a_large_result_comes_in_one_answer(recorded_database: tuple[Database, SentCommands]) -> None:
    database, commands = recorded_database
    await fill(database, 500)

    rows = await Reader(database, 5_000).aggregate(Execution, [{"$project": {"execution_id": 1}}], MINE)

    assert len(rows) == 500
    assert len(commands.reads) == 1


async def test_a_count_stops_at_its_limit(database: Database) -> None:
    await fill(database)
    reader = Reader(database, 5_000)

    assert await reader.count(Execution, MINE, 7) == Count(7)
    assert await reader.count(Execution, MINE, 100) == Count(30)
    assert await reader.count(Execution, equals("tenant_id", "globex"), 100) == Count(0)


async def test_a_snapshot_is_taken_only_when_it_is_selected(recorded_database: tuple[Database, SentCommands]) -> None:
    database, commands = recorded_database
    await fill(database)
    reader = Reader(database, 5_000)

    plain = await reader.read_page(Execution, LISTING, PageRequest(10), PageSelection(FIELDS))
    snapshot = await reader.read_page(Execution, LISTING, PageRequest(10), PageSelection(FIELDS, snapshot=True))

    assert plain.read_at is None
    assert isinstance(snapshot.read_at, Timestamp)
    assert [read.get("readConcern", {}).get("level") for read in commands.reads] == [None, "snapshot"]


async def test_what_lies_around_a_page_is_read_at_the_same_instant(
    recorded_database: tuple[Database, SentCommands],
) -> None:
    database, commands = recorded_database
    await fill(database)
    reader, selection = Reader(database, 5_000), PageSelection(FIELDS, snapshot=True)
    first = await reader.read_page(Execution, LISTING, PageRequest(10), selection)
    commands.reads.clear()

    page = await reader.read_page(Execution, LISTING, PageRequest(10, after=first.cursor_of(first.rows[-1])), selection)

    _, neighbour = commands.reads
    assert neighbour["readConcern"]["atClusterTime"] == page.read_at


async def test_changes_after_the_snapshot_are_later_than_its_instant(database: Database) -> None:
    await fill(database, 3)
    page = await Reader(database, 5_000).read_page(Execution, LISTING, PageRequest(), PageSelection(snapshot=True))

    async with database.client.start_session() as session:
        await database.collection(Execution).insert_one({"execution_id": "later"}, session=session)

    assert page.read_at is not None
    assert session.operation_time is not None
    assert session.operation_time > page.read_at


SLOW = Contains("error_details.message", "no such words")


OTHERS = "workflowName, workflowTemplateId, triggeredBy, sessionId, parentExecutionId or errorCode"


@pytest.mark.parametrize(
    ("where", "advice"),
    [
        pytest.param(
            all_of(MINE, SLOW),
            f"A filter on createdAt, status, {OTHERS} would make it fast.",
            id="no filter that an index serves",
        ),
        pytest.param(
            all_of(MINE, equals("status", "completed"), SLOW),
            f"A filter on createdAt, {OTHERS} would make it fast.",
            id="a status",
        ),
        pytest.param(
            all_of(MINE, Range("created", gte=START), SLOW),
            "A shorter range in the filter on createdAt would make it fast.",
            id="a long time",
        ),
    ],
)
async def test_a_query_beyond_its_time_names_a_filter_that_would_make_it_fast(
    large_database: tuple[Database, SentCommands], where: Filter, advice: str
) -> None:
    reader = Reader(large_database[0], timeout_ms=1)

    for query in (
        reader.read_page(Execution, Listing(where, NEWEST_FIRST), PageRequest(), PageSelection()),
        reader.count(Execution, where, 10_000),
        reader.aggregate(Execution, [], where),
    ):
        with pytest.raises(QueryTimeout) as timeout:
            await query

        assert timeout.value.message == f"MongoDB stopped this query at its time limit. {advice}"


async def test_a_search_of_an_execution_beyond_its_time_advises_to_ask_for_less(
    large_database: tuple[Database, SentCommands],
) -> None:
    lines = {"$unionWith": {"coll": LogEntry.get_collection_name(), "pipeline": [{"$match": SLOW.to_mongo()}]}}

    with pytest.raises(QueryTimeout) as timeout:
        await Reader(large_database[0], timeout_ms=1).aggregate(
            Execution, [lines] * 30, equals("execution_id", "run-1")
        )

    assert timeout.value.message == (
        "MongoDB stopped this query at its time limit. Asking for fewer executions at once, or for log "
        "lines without a search, would make it fast."
    )


async def test_an_unreachable_database_is_reported_without_its_address(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setattr(database_module, "SERVER_SELECTION_TIMEOUT_MS", 50)
    async with open_database(f"mongodb://127.0.0.1:{closed_port}", "test") as database:
        database.trouble = None  # it had been there before
        reader = Reader(database, 5_000)

        for query in (
            reader.read_page(Execution, LISTING, PageRequest(), PageSelection(snapshot=True)),
            reader.count(Execution, EVERYTHING, 1),
        ):
            with pytest.raises(DatabaseUnavailable) as trouble:
                await query

            assert trouble.value.message == (
                "MongoDB cannot be reached; check that it runs and that EXECUTION_MONITOR_MONGODB_URI is right."
            )
