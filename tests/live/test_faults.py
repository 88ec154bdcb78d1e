"""What a real server may do to the stream. Whatever it is: nothing is lost or repeated, or a gap is delivery."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs

from execution_monitor.live.changes import GapReason
from execution_monitor.live.events import EventKind
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import DOCUMENTS, Execution
from tests.faults.faulty_proxy import faulty_proxy
from tests.live.factories import ADA, CURSORS, execution
from tests.live.subscriber import PATIENCE, CheckingSubscriber, eventually, read_page, stored_versions, writing
from tests.support.mongod import SingleNodeReplicaSet, roll_the_oplog

_NAME = "faults"
INDEX_BUILD_IN_PROGRESS = 12587


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"), oplog_mb=16)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
async def database(mongod: SingleNodeReplicaSet) -> AsyncGenerator[Database]:
    async with open_database(mongod.uri, _NAME) as database:
        await database.connect()
        await database.prepare()
        for document in DOCUMENTS:
            await database.collection(document).delete_many({})
        yield database


@pytest.fixture
def mongodb_uri(mongod: SingleNodeReplicaSet) -> str:
    return mongod.uri


def readers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "change stream reader"]


async def fail(database: Database, *, times: int, **data: Any) -> None:
    await database.client.admin.command(
        "configureFailPoint", "failCommand", mode={"times": times}, data={"failCommands": ["getMore"], **data}
    )


@contextlib.asynccontextmanager
async def nothing_lost(database: Database, live: Live) -> AsyncGenerator[CheckingSubscriber]:
    """A time of faults under writers, of which a subscriber must not notice anything."""
    follower = CheckingSubscriber()
    subscriber = await live.subscribe(ADA)
    async with follower.receiving(subscriber) as reader:
        async with writing(database, pause=0.005):
            await eventually(lambda: follower.received > 20 or reader.done())
            yield follower
            received = follower.received
            await eventually(lambda: follower.received > received + 20 or reader.done())
        present = await stored_versions(database, ADA)
        await eventually(lambda: follower.versions == present or reader.done())
    assert follower.versions == present
    assert live.stats.totals.gaps == {}


async def test_a_server_that_is_killed_and_comes_back(database: Database, live: Live, mongod: SingleNodeReplicaSet):
    async with nothing_lost(database, live) as follower:
        mongod.kill()
        received = follower.received
        await asyncio.to_thread(mongod.start)
        await eventually(lambda: follower.received > received, 3)


async def test_a_server_that_stops_answering_is_abandoned_and_found_again(
    database: Database, live: Live, mongod: SingleNodeReplicaSet
):
    with capture_logs() as logs:
        async with nothing_lost(database, live):
            mongod.freeze()
            await asyncio.sleep(3)
            mongod.thaw()

    # A second of silence is usual on a busy machine.
    silences = [each for each in logs if each["event"] == "change_stream_silent"]
    assert (silences[0]["seconds"], silences[0]["log_level"]) == (1.0, "info")
    assert live.stats.stream.opened > 1


async def test_a_loop_that_stood_still_loses_nothing_and_keeps_the_stream(database: Database, live: Live):
    async with nothing_lost(database, live):
        time.sleep(2.5)  # noqa: ASYNC251 - the fault itself

    assert live.stats.stream.opened == 1


async def test_a_reader_that_is_cancelled_is_replaced(database: Database, live: Live):
    async with nothing_lost(database, live):
        for number in range(1, 11):
            for task in readers():
                task.cancel()
            await eventually(lambda least=number: live.stats.stream.opened > least)


async def test_connections_that_break_lose_nothing(database: Database, live: Live):
    async with nothing_lost(database, live):
        for _ in range(5):
            await fail(database, times=3, closeConnection=True)
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("code", "reason"), [(286, GapReason.HISTORY_LOST), (280, GapReason.FAILED), (10334, GapReason.FAILED)]
)
async def test_a_history_that_ends_is_a_gap_and_a_new_one_begins(
    database: Database, live: Live, code: int, reason: GapReason
):
    subscriber = await live.subscribe(ADA)
    await database.collection(Execution).insert_one(execution("before"))
    assert (await anext(subscriber)).execution_id == "before"

    await fail(database, times=1, errorCode=code)
    async with asyncio.timeout(PATIENCE):
        gap = await anext(subscriber)
    await database.collection(Execution).insert_one(execution("after"))
    async with asyncio.timeout(PATIENCE):
        following = await anext(subscriber)

    assert (gap.kind, gap.reason, gap.row) == (EventKind.GAP, reason, None)
    assert following.execution_id == "after"
    resumed = await live.subscribe(ADA, after=gap.cursor)
    async with asyncio.timeout(PATIENCE):
        assert (await anext(resumed)).cursor == following.cursor


async def test_history_that_has_rolled_past_a_client_is_a_gap_at_once(
    database: Database, live: Live, mongod: SingleNodeReplicaSet, mongodb_uri: str
):
    _, cursor = await read_page(database, ADA, live)
    await asyncio.to_thread(roll_the_oplog, mongodb_uri)

    async with Live(database, mongodb_uri, CURSORS, LiveLimits(lookback_seconds=0)) as second:
        fresh = await second.subscribe(ADA)
        subscriber = await second.subscribe(ADA, after=cursor)
        async with asyncio.timeout(1):
            gap = await anext(subscriber)
        await database.collection(Execution).insert_one(execution("after"))

        async with asyncio.timeout(PATIENCE):
            assert (await anext(subscriber)).execution_id == (await anext(fresh)).execution_id == "after"
        assert (gap.kind, gap.reason) == (EventKind.GAP, GapReason.HISTORY_LOST)
        assert second.stats.totals.gaps == {GapReason.HISTORY_LOST: 1}


@pytest.mark.parametrize("replacing", ["drop", "rename", "rename_onto", "drop_database"])
async def test_a_collection_that_is_replaced_is_a_gap_and_watched_again(database: Database, live: Live, replacing: str):
    collection = database.collection(Execution)
    subscriber = await live.subscribe(ADA)
    await collection.insert_one(execution("before"))
    before = await anext(subscriber)

    if replacing == "drop":
        await collection.drop()
    elif replacing == "rename":
        await rename(collection, "elsewhere")
    elif replacing == "rename_onto":
        await database.handle["restored"].insert_one(execution("restored"))
        await rename(database.handle["restored"], collection.name)
    else:
        await database.client.drop_database(_NAME)

    async with asyncio.timeout(PATIENCE):
        gap = await anext(subscriber)
        assert (gap.kind, gap.reason) == (EventKind.GAP, GapReason.COLLECTION_REPLACED)
        # Images are turned on again; until then every change is a gap, never silence.
        number = 0
        while (delivery := await changed_once_more(database, subscriber, number)).kind is EventKind.GAP:
            number += 1
    assert delivery.kind is EventKind.UPDATED
    # Whoever comes from before is delivery as well.
    resumed = await live.subscribe(ADA, after=before.cursor)
    async with asyncio.timeout(PATIENCE):
        assert (await anext(resumed)).kind is EventKind.GAP


async def rename(collection: AsyncCollection[Any], name: str) -> None:
    """Rename `collection`, as soon as no index of it is being built: a test before may have let that begin."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await collection.rename(name, dropTarget=True)
            except OperationFailure as error:
                if error.code != INDEX_BUILD_IN_PROGRESS:
                    raise
                await asyncio.sleep(0.05)
            else:
                return


async def changed_once_more(database: Database, subscriber: Any, number: int) -> Any:
    collection = database.collection(Execution)
    await collection.insert_one(execution(f"after-{number}"))
    await collection.update_one({"execution_id": f"after-{number}"}, {"$inc": {"version": 1}})
    while (delivery := await anext(subscriber)).kind is EventKind.ENTERED:
        pass
    await asyncio.sleep(0.1)
    return delivery


async def test_events_over_16_megabytes_come_whole(database: Database, live: Live, mongodb_uri: str):
    collection = database.collection(Execution)
    subscriber = await live.subscribe(ADA)
    _, cursor = await read_page(database, ADA, live)
    await collection.insert_one(execution("large", final_result="x" * 9_000_000))
    inserted = await anext(subscriber)
    await collection.update_one(
        {"execution_id": "large"}, {"$set": {"final_result": "y" * 9_000_000}, "$inc": {"version": 1}}
    )
    updated = await anext(subscriber)
    await collection.update_one({"execution_id": "large"}, {"$inc": {"version": 1}})
    following = await anext(subscriber)

    assert [delivery.row["version"] for delivery in (inserted, updated, following) if delivery.row] == [1, 2, 3]
    assert updated.row is not None
    assert updated.row["final_result"] == "y" * 9_000_000
    assert updated.changed == {"final_result", "version"}
    assert updated.size > 16 * 1024 * 1024
    async with Live(database, mongodb_uri, CURSORS, LiveLimits(replay_buffer_bytes=0, lookback_seconds=0)) as forgetful:
        await forgetful.subscribe(ADA)
        for after, rest in (
            (cursor, [inserted, updated, following]),
            (inserted.cursor, [updated, following]),
            (updated.cursor, [following]),
        ):
            for server in (live, forgetful):
                resumed = await server.subscribe(ADA, after=after)
                async with asyncio.timeout(PATIENCE):
                    assert [(await anext(resumed)).cursor for _ in rest] == [delivery.cursor for delivery in rest]
                resumed.close()


async def slow_replies(database: Database, milliseconds: int) -> None:
    await database.client.admin.command(
        "configureFailPoint",
        "failCommand",
        mode="alwaysOn" if milliseconds else "off",
        data={"failCommands": ["getMore"], "blockConnection": True, "blockTimeMS": milliseconds},
    )


async def test_replies_that_take_longer_than_a_second_silence_no_subscriber(database: Database, live: Live):
    subscriber = await live.subscribe(ADA)
    follower = CheckingSubscriber()
    await slow_replies(database, 1_200)
    try:
        async with follower.receiving(subscriber) as reader:
            for number in range(10):
                await database.collection(Execution).insert_many(
                    [execution(f"run-{number}-{each}") for each in range(50)]
                )
            await eventually(lambda: follower.received == 500 or reader.done())
            opened = live.stats.stream.opened
            await database.collection(Execution).insert_one(execution("later"))
            await eventually(lambda: "later" in follower.versions or reader.done())
    finally:
        await slow_replies(database, 0)

    assert follower.received == 501
    # The patience that the first silence taught is kept while replies are slow.
    assert live.stats.stream.opened == opened <= 3
    assert live.stats.totals.gaps == {}


async def test_a_change_that_no_reader_gets_past_is_left_out_with_a_gap(
    database: Database, mongod: SingleNodeReplicaSet
):
    host, port = mongod.address.split(":")
    async with (
        faulty_proxy(host, int(port)) as proxy,
        Live(database, proxy.uri, CURSORS, LiveLimits(lookback_seconds=0)) as live,
    ):
        subscriber = await live.subscribe(ADA)
        proxy.clog(after_bytes=2_000_000)
        await database.collection(Execution).insert_one(execution("large", final_result="x" * 4_000_000))
        await database.collection(Execution).insert_one(execution("after"))
        async with asyncio.timeout(PATIENCE):
            gap, following = await anext(subscriber), await anext(subscriber)
        left_out = live.stats.stream.left_out

    assert (gap.kind, gap.reason) == (EventKind.GAP, GapReason.UNREADABLE)
    assert following.execution_id == "after"
    assert left_out == 1


async def test_a_database_that_answers_nothing_for_long_costs_no_gap(
    database: Database, live: Live, mongod: SingleNodeReplicaSet
):
    """However often the stream falls silent meanwhile: it is not one change that cannot be read."""
    async with nothing_lost(database, live):
        mongod.freeze()
        await asyncio.sleep(9)
        mongod.thaw()

    assert live.stats.stream.left_out == 0
