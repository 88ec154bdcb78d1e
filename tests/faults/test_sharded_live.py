"""Live updates through mongos, which closes a change stream one reply after its invalidate event."""

import asyncio
import random
from collections.abc import Generator

import pytest
from bson import MinKey

from execution_monitor.live.events import EventKind
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.statistics.path_a import PathA
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import ExecutionRollup
from tests.faults.sharded_cluster import ShardedCluster
from tests.live.factories import ADA, CURSORS, execution
from tests.statistics.questions import OPERATOR, shown
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import NOON, change_at_random, differences
from tests.statistics.rollups.test_path_b import REQUEST
from tests.support.processes import running

_NAME = "sharded"
# By default the stream of a mongos lags 10 s where a shard is idle; here a second.
_SECONDS = 15.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[ShardedCluster]:
    with running(ShardedCluster(tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


@pytest.mark.parametrize("replacing", ["drop", "rename", "drop_database"])
async def test_a_subscription_goes_on_after_an_invalidate_event(cluster: ShardedCluster, replacing: str):
    async with open_database(cluster.uri, _NAME) as database:
        await database.connect()
        await database.prepare()
        collection = database.collection(Execution)
        await collection.delete_many({})
        async with Live(database, cluster.uri, CURSORS, LiveLimits(lookback_seconds=0)) as live:
            subscriber = await live.subscribe(ADA)
            await collection.insert_one(execution("before"))
            async with asyncio.timeout(_SECONDS):
                before = await anext(subscriber)

            if replacing == "drop":
                await collection.drop()
            elif replacing == "rename":
                await collection.rename("elsewhere", dropTarget=True)
            else:
                await database.client.drop_database(_NAME)
            kinds = [await _kind_after_a_write(database, subscriber, 0)]
            async with asyncio.timeout(_SECONDS):
                # Until pre- and post-images are enabled again, every change is a gap.
                while kinds[-1] is EventKind.GAP:
                    kinds.append(await _kind_after_a_write(database, subscriber, len(kinds)))

            assert before.execution_id == "before"
            assert kinds[0] is EventKind.GAP
            assert kinds[-1] is EventKind.ENTERED
            assert live.stats.stream.opened <= 3


async def test_a_subscription_without_a_cursor_receives_no_earlier_change(cluster: ShardedCluster):
    """Though the stream of a mongos has always some of them still to read."""
    async with open_database(cluster.uri, _NAME) as database:
        await database.connect()
        await database.prepare()
        collection = database.collection(Execution)
        async with Live(database, cluster.uri, CURSORS, LiveLimits(lookback_seconds=0)) as live:
            for number in range(20):
                await collection.insert_one(execution(f"before-{number}"))
            subscriber = await live.subscribe(ADA)
            await collection.insert_one(execution("now"))
            async with asyncio.timeout(_SECONDS):
                received = (await anext(subscriber)).execution_id

    assert received == "now"


async def test_rollups_of_tenants_on_two_shards_are_what_a_recount_gives(cluster: ShardedCluster):
    name, random_ = "sharded_rollups", random.Random(5)  # noqa: S311
    async with open_database(cluster.uri, name) as database:
        await database.connect()
        await database.prepare()
        for document, second in ((Execution, "execution_id"), (ExecutionRollup, "_id")):
            at, key = {"tenant_id": "b", second: MinKey()}, {"tenant_id": 1, second: 1}
            await cluster.split(name, document.get_collection_name(), at=at, key=key)
        executions, reader = database.collection(Execution), Reader(database, 10_000)
        # Here only one who names the old tenant may move an execution to another.
        await change_at_random(executions, random_, 30, moves=False)
        async with feeding(database):
            await change_at_random(executions, random_, 60, moves=False)
            await caught_up(database)
            found = await differences(database)
            tables, expected = StatisticsTables(), StatisticsTables()
            question = Question.of(OPERATOR, REQUEST, NOON)
            filled = await PathB(reader, min_executions=0).fill(question, tables)

        assert found == []
        assert filled is not None
        await PathA(reader).fill(question, expected, at=filled.read_at, every_group=True)
        assert shown(question, tables) == shown(question, expected)
        assert tables.totals.count > 10


async def _kind_after_a_write(database: Database, subscriber: Subscriber, number: int) -> EventKind:
    await database.collection(Execution).insert_one(execution(f"after-{number}"))
    return (await anext(subscriber)).kind
