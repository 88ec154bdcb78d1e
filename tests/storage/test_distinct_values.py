"""Distinct values: a text search becomes a list of stored values, and finds what it found."""

import contextlib
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.storage import distinct_values
from execution_monitor.storage.counting import Count
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.distinct_values import resolve_texts
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import (
    AllOf,
    AnyOf,
    Contains,
    Filter,
    Not,
    OneOf,
    StartsWith,
    all_of,
    equals,
)
from execution_monitor.storage.multikey import MultikeyFields
from execution_monitor.storage.pagination import Listing, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.sorting import Order, SortKey
from tests.storage import large_collections
from tests.storage.reference import NOW
from tests.storage.strategies import bounded, executions, filters
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.sent_commands import SentCommands, explain, recording_commands

TENANT = equals("tenant_id", "acme")
NEWEST_FIRST = Order((SortKey("created", descending=True),))
NAMES = ["nightly-report", "Report of the week", "ingest", "a.b"]
ROWS = [
    {"workflow_name": name, "error_details": {"code": f"E{place}"}, "triggered_by": None}
    for place, name in enumerate((*NAMES, *NAMES))
]


async def store(database: Database, rows: list[dict[str, Any]]) -> None:
    collection = database.collection(Execution)
    await collection.delete_many({})
    if rows:
        await collection.insert_many(
            [{"tenant_id": "acme", "execution_id": f"run-{place}", **row} for place, row in enumerate(rows)]
        )
    # Which fields hold arrays is otherwise looked up every ten seconds.
    database.multikey = MultikeyFields()


async def resolve(database: Database, where: Filter) -> Filter:
    return await resolve_texts(database, Execution, where, session=None, timeout_ms=5_000)


@pytest.fixture(scope="module")
def scalar_database_name(mongodb_uri: str, database_name: str) -> Generator[str]:
    """The name of a database in which no field ever holds an array: MongoDB never forgets one."""
    name = f"{database_name}_scalar"
    large_collections.drop(mongodb_uri, name)
    yield name
    large_collections.drop(mongodb_uri, name)


@pytest.fixture
async def named(mongodb_uri: str, scalar_database_name: str) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """A database of executions of four names, and the read commands that it is sent."""
    async with recording_commands(mongodb_uri, scalar_database_name) as (database, commands):
        await database.prepare()
        await store(database, ROWS)
        theirs = {"tenant_id": "globex", "execution_id": "theirs", "workflow_name": "their report"}
        await database.collection(Execution).insert_one(theirs)
        commands.reads.clear()
        yield database, commands


REPORTS = OneOf("workflow_name", ("Report of the week", "nightly-report"))
NO_ROW = AnyOf()


@pytest.mark.parametrize(
    ("where", "resolved"),
    [
        pytest.param(Contains("workflow_name", "REPORT"), REPORTS, id="those that contain it, in any case"),
        pytest.param(StartsWith("workflow_name", "R"), equals("workflow_name", "Report of the week"), id="a beginning"),
        pytest.param(Contains("workflow_name", "a.b"), equals("workflow_name", "a.b"), id="no pattern"),
        pytest.param(Contains("workflow_name", "repotr"), NO_ROW, id="nothing"),
        pytest.param(Contains("workflow_name", "their"), NO_ROW, id="not those of another tenant"),
        pytest.param(Contains("error_details.code", "e3"), equals("error_details.code", "E3"), id="a field in a field"),
        pytest.param(Contains("triggered_by", ""), NO_ROW, id="no text is stored"),
        pytest.param(Not(Contains("workflow_name", "report")), Not(REPORTS), id="what does not contain it"),
        pytest.param(
            AnyOf((Contains("workflow_name", "report"), Contains("error_details.message", "x"))),
            AnyOf((REPORTS, Contains("error_details.message", "x"))),
            id="one of several conditions",
        ),
        pytest.param(
            AllOf((StartsWith("workflow_name", "i"), Contains("workflow_name", "EST"))),
            AllOf((equals("workflow_name", "ingest"),) * 2),
            id="two searches in one field",
        ),
    ],
)
async def test_a_text_search_becomes_a_list_of_the_values_that_match(
    named: tuple[Database, SentCommands], where: Filter, resolved: Filter
) -> None:
    database, commands = named

    found = await resolve(database, AllOf((TENANT, where)))

    assert found == AllOf((TENANT, resolved))
    for read in commands.reads:
        explained = await explain(database, read)
        assert explained.documents == 0
        assert "DISTINCT_SCAN" in explained.stages


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(all_of(TENANT, equals("status", "failed")), id="no text"),
        pytest.param(all_of(TENANT, Contains("error_details.message", "x")), id="a field without an index"),
        pytest.param(Contains("workflow_name", "x"), id="without a tenant"),
        pytest.param(all_of(TENANT, equals("user_id", "ada"), Contains("workflow_name", "x")), id="of one user alone"),
        pytest.param(AnyOf((TENANT, Contains("workflow_name", "x"))), id="where the tenant is an alternative"),
    ],
)
async def test_other_filters_stay_as_they_are_and_ask_nothing(
    named: tuple[Database, SentCommands], where: Filter
) -> None:
    database, commands = named

    assert await resolve(database, where) == where
    assert commands.reads == []


@pytest.mark.parametrize("array", [["report", "x"], [["report"]]])
async def test_where_a_field_holds_an_array_the_search_stays(database: Database, array: Any) -> None:
    where = all_of(TENANT, Contains("workflow_name", "report"))
    await store(database, [*ROWS, {"workflow_name": array}])

    assert await resolve(database, where) == where


async def test_where_an_array_came_a_moment_ago_the_search_stays(database: Database) -> None:
    where = all_of(TENANT, Contains("triggered_by", "report"))
    await store(database, ROWS)
    await resolve(database, where)
    await database.collection(Execution).insert_one({"tenant_id": "acme", "triggered_by": ["report"]})

    assert await resolve(database, where) == where


async def test_values_that_are_no_text_are_found_by_no_search(named: tuple[Database, SentCommands]) -> None:
    database, _ = named
    await store(database, [*ROWS, *({"workflow_name": odd} for odd in (7, {"report": "report"}, None, b"report"))])

    found = await resolve(database, all_of(TENANT, Contains("workflow_name", "report")))

    assert found == all_of(TENANT, REPORTS)


async def test_where_a_field_has_many_values_the_search_stays(
    monkeypatch: pytest.MonkeyPatch, named: tuple[Database, SentCommands]
) -> None:
    database, _ = named
    where = all_of(TENANT, Contains("workflow_name", "report"))

    monkeypatch.setattr(distinct_values, "_MOST_VALUES", len(NAMES))
    assert await resolve(database, where) == all_of(TENANT, REPORTS)
    monkeypatch.setattr(distinct_values, "_MOST_VALUES", len(NAMES) - 1)
    assert await resolve(database, where) == where


async def test_where_the_values_take_too_long_the_search_stays(tmp_path: Path) -> None:
    where = all_of(TENANT, Contains("workflow_name", "report"))
    with contextlib.closing(SingleNodeReplicaSet(tmp_path)) as mongod:
        mongod.start()
        async with open_database(mongod.uri, "slow") as database:
            await database.connect()
            await database.prepare()
            await store(database, ROWS)
            # As MongoDB answers when the limit is reached.
            fail = {"failCommands": ["aggregate"], "errorCode": 50}
            await database.client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=fail)

            slow, quick = await resolve(database, where), await resolve(database, where)

    assert slow == where
    assert quick == all_of(TENANT, REPORTS)


async def test_without_the_index_the_search_stays(named: tuple[Database, SentCommands]) -> None:
    database, _ = named
    where = all_of(TENANT, Contains("workflow_name", "report"))
    await database.collection(Execution).drop_index("tenant_id_workflow_name_newest")

    assert await resolve(database, where) == where


async def test_text_that_is_not_valid_is_not_searched_for_by_its_value(named: tuple[Database, SentCommands]) -> None:
    database, _ = named
    where = all_of(TENANT, Contains("workflow_name", "report"))
    # A text of one byte that no UTF-8 begins with.
    broken = b"\x02workflow_name\x00\x02\x00\x00\x00\xff\x00" + b"\x02tenant_id\x00\x05\x00\x00\x00acme\x00"
    raw = RawBSONDocument((len(broken) + 5).to_bytes(4, "little") + broken + b"\x00")
    await database.collection(Execution).insert_one(raw)  # pyright: ignore[reportArgumentType] - raw bytes are stored as they are

    assert await resolve(database, where) == where


async def test_the_values_are_those_of_the_snapshot(named: tuple[Database, SentCommands]) -> None:
    database, _ = named
    where = all_of(TENANT, Contains("workflow_name", "report"))

    async with database.client.start_session(snapshot=True) as session:
        before = await resolve_texts(database, Execution, where, session=session, timeout_ms=5_000)
        await database.collection(Execution).insert_one(
            {"tenant_id": "acme", "execution_id": "new", "workflow_name": "new report"}
        )
        same = await resolve_texts(database, Execution, where, session=session, timeout_ms=5_000)

    assert before == same == all_of(TENANT, REPORTS)
    assert await resolve(database, where) == all_of(
        TENANT, OneOf("workflow_name", (*REPORTS.values[:1], "new report", *REPORTS.values[1:]))
    )


async def test_a_search_for_a_text_that_is_nowhere_reads_nothing(named: tuple[Database, SentCommands]) -> None:
    database, commands = named
    where = await resolve(database, all_of(TENANT, Contains("workflow_name", "repotr")))
    commands.reads.clear()

    page = await Reader(database, 5_000).read_page(
        Execution, Listing(where, NEWEST_FIRST), PageRequest(20), PageSelection()
    )
    count = await Reader(database, 5_000).count(Execution, where, 100)

    assert (page.rows, count) == ([], Count(0))
    assert commands.reads
    for read in commands.reads:
        explained = await explain(database, read)
        assert (explained.keys, explained.documents) == (0, 0)


_fields = st.sampled_from(["workflow_name", "triggered_by", "error_details.code", "session_id"])
_searches = st.builds(StartsWith, _fields, st.sampled_from(["", "a", "A", "a.", "^a", "\0"])) | st.builds(
    Contains, _fields, st.sampled_from(["", "a", "K", "\u0130", "i", "\u017f", "*", "\0"])
)


async def check(database: Database, documents: list[BsonDocument], search: Filter, where: Filter) -> None:
    """The search, alone and in combinations, finds the same before and after it is resolved."""
    await store(database, documents)
    collection = database.collection(Execution)
    rows = await collection.find({}).to_list()
    for given_ in (all_of(TENANT, search), all_of(TENANT, where, Not(search)), all_of(TENANT, AnyOf((search, where)))):
        each, resolved = given_.bind(NOW), (await resolve(database, given_)).bind(NOW)

        before, after = [
            {row["execution_id"] async for row in collection.find(filter_.to_mongo())} for filter_ in (each, resolved)
        ]
        assert before == after
        assert [each.matches(row) for row in rows] == [resolved.matches(row) for row in rows]


@bounded(max_examples=25)
@given(documents=executions(size=20), search=_searches, where=filters)
async def test_the_resolved_filter_finds_what_the_search_finds(
    named: tuple[Database, SentCommands], documents: list[BsonDocument], search: Filter, where: Filter
) -> None:
    await check(named[0], documents, search, where)


@bounded(max_examples=10)
@given(documents=executions(size=20), search=_searches, where=filters, odd=st.sampled_from([["a"], [["a"], 1], []]))
async def test_so_it_does_among_arrays(
    database: Database, documents: list[BsonDocument], search: Filter, where: Filter, odd: Any
) -> None:
    arrays = [{"workflow_name": odd}, {"error_details": [{"code": "a"}, {"code": odd}]}, {"session_id": odd}]

    await check(database, [*documents, *arrays], search, where)
