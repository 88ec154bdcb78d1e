"""The find command, against a mongod that can be made to fail."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, ExecutionTimeout, OperationFailure

from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.find_command import Search, find_rows
from execution_monitor.storage.query_planning import IndexRange
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.sent_commands import SentCommands

MEGABYTE = 1_000_000
ALL = Search({}, None, {"number": 1}, skip=0, limit=200, timeout_ms=5_000)


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"))
    server.start()
    yield server
    server.close()


@pytest.fixture(params=[""])
async def database(mongod: SingleNodeReplicaSet, request: pytest.FixtureRequest) -> AsyncGenerator[Database]:
    async with open_database(mongod.uri + request.param, "rows") as database:
        await database.connect()
        await database.collection(Execution).drop()
        yield database


async def fill(database: Database, count: int, **fields: Any) -> None:
    await database.collection(Execution).insert_many([{"number": number, **fields} for number in range(count)])


async def fail_finds(database: Database, times: int) -> None:
    await database.client.admin.command(
        "configureFailPoint",
        "failCommand",
        mode={"times": times},
        data={"failCommands": ["find"], "closeConnection": True},
    )


async def numbers(database: Database, search: Search = ALL) -> list[int]:
    return [row["number"] for row in await find_rows(database.rows(Execution), search)]


async def test_all_rows_come_in_one_answer_however_many(database: Database):
    await fill(database, 150)

    assert await numbers(database) == list(range(150))


async def test_a_search_may_skip_and_stop(database: Database):
    await fill(database, 10)

    assert await numbers(database, Search({"number": {"$gt": 2}}, None, {"number": -1}, 1, 3, timeout_ms=5_000)) == [
        8,
        7,
        6,
    ]


async def test_rows_beyond_what_one_answer_holds_come_too_and_nothing_stays_open(database: Database):
    await fill(database, 4, payload="x" * 6 * MEGABYTE)

    found = await numbers(database)

    status = await database.client.admin.command("serverStatus")
    assert found == [0, 1, 2, 3]
    assert status["metrics"]["cursor"]["open"]["noTimeout"] == 0
    assert status["metrics"]["cursor"]["open"]["total"] == 0


async def test_a_read_that_is_cut_off_is_tried_once_more(database: Database):
    await fill(database, 2)
    await fail_finds(database, 1)

    assert await numbers(database) == [0, 1]


async def test_a_read_that_is_cut_off_again_fails(database: Database):
    await fail_finds(database, 2)

    with pytest.raises(AutoReconnect):
        await numbers(database)


@pytest.mark.parametrize("database", ["&retryReads=false"], indirect=True)
async def test_without_retries_a_read_is_sent_once(database: Database):
    await fail_finds(database, 1)

    with pytest.raises(AutoReconnect):
        await numbers(database)
    assert await numbers(database) == []


async def test_a_search_ends_at_its_time_limit(database: Database):
    await fill(database, 100)
    slow = {"$where": "sleep(50) || true"}

    with pytest.raises(ExecutionTimeout):
        await numbers(database, Search(slow, None, None, 0, 100, timeout_ms=100))


@pytest.mark.parametrize("in_session", [False, True])
async def test_a_hint_is_used_and_not_needed(database: Database, *, in_session: bool):
    await fill(database, 5)
    by_number = replace(ALL, hint={"number": 1})
    async with database.client.start_session(snapshot=in_session) as session:
        within = session if in_session else None

        without = await find_rows(database.rows(Execution), by_number, within)
    await database.collection(Execution).create_index("number")
    found = await find_rows(database.rows(Execution), by_number)

    assert without == found
    assert [row["number"] for row in found] == [0, 1, 2, 3, 4]


async def test_a_range_of_an_index_is_read_and_where_that_is_missing_the_query_finds_the_same(database: Database):
    await fill(database, 9)
    some = IndexRange({"number": {"$ne": 3}}, lower={"number": 2}, upper={"number": 6})
    search = replace(ALL, query={"number": {"$in": [2, 4, 5]}}, hint={"number": 1}, range=some)

    without = await numbers(database, search)
    await database.collection(Execution).create_index("number")
    found = await numbers(database, replace(search, query={"number": "is not in the range"}))

    assert without == found == [2, 4, 5]


async def test_a_query_that_is_wrong_fails_with_and_without_an_index(database: Database):
    await fill(database, 1)

    with pytest.raises(OperationFailure, match=r"unknown operator: \$wrong"):
        await numbers(database, replace(ALL, query={"number": {"$wrong": 1}}, hint={"_id": 1}))


async def test_dates_are_in_utc_and_do_not_say_so(database: Database):
    at = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    await fill(database, 1, created=at)

    (row,) = await find_rows(database.rows(Execution), ALL)
    aware = await database.collection(Execution).find_one()

    assert row["created"] == at.replace(tzinfo=None)
    assert aware is not None
    assert aware["created"] == at


async def test_reads_are_as_the_connection_string_wants_them(mongod: SingleNodeReplicaSet):
    options, commands = "&readConcernLevel=majority&readPreference=secondaryPreferred", SentCommands()
    database = Database.at(mongod.uri + options, "options", [commands])
    await database.connect()

    await find_rows(database.rows(Execution), ALL)
    await database.close()

    (read,) = commands.reads
    assert read["readConcern"] == {"level": "majority"}
    assert read["$readPreference"] == {"mode": "secondaryPreferred"}
