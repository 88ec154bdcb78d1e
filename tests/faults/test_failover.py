"""A primary that is killed, terminated or frozen: another is elected, and no subscriber loses a change.

The election timeout is 2 s, as is usual in one data centre; the silence that a subscriber sees contains it. Servers and
members have the default configuration otherwise. A frozen primary keeps its connections: the other secondary takes 13 s
to notice that it does not answer, and until it follows the new primary no majority can acknowledge a write.
"""

import asyncio
from collections.abc import Callable, Generator

import pytest

from tests.faults.replica_set import ReplicaSet
from tests.faults.results import FaultResult
from tests.faults.scenes import Scene, is_full, result_of, scene, sized
from tests.faults.webhook_scene import webhook_scene_at
from tests.support.mongod import Mongod
from tests.support.processes import running
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Generator[ReplicaSet]:
    with running(ReplicaSet(tmp_path_factory.mktemp("mongod"))) as replica_set:
        yield replica_set


@pytest.fixture(scope="module")
def uri(replica_set: ReplicaSet) -> str:
    return replica_set.uri


async def kill(primary: Mongod, staged: Scene) -> None:
    await asyncio.to_thread(primary.kill)
    await staged.receive_more()
    primary.launch()


async def terminate(primary: Mongod, staged: Scene) -> None:
    primary.send_signal()
    # It takes 15 s to end, and answers meanwhile.
    await asyncio.to_thread(primary.wait_for_exit)
    await staged.receive_more()
    primary.launch()


async def freeze(primary: Mongod, staged: Scene) -> None:
    primary.freeze()
    await asyncio.sleep(25 if is_full() else 5)
    await staged.receive_more()
    primary.thaw()


@pytest.mark.parametrize(
    ("fault", "fail", "full", "limit"),
    [
        pytest.param("`kill -9` of the primary of three", kill, 10, 4, id="killed"),
        pytest.param("SIGTERM to the primary of three", terminate, 10, 4, id="terminated"),
        pytest.param("SIGSTOP of the primary of three for 25 s", freeze, 5, 15, id="stopped"),
    ],
)
async def test_no_subscriber_loses_a_change_when_the_primary_fails(  # noqa: PLR0913, PLR0917 - the columns of the table
    replica_set: ReplicaSet,
    server: ServerProcess,
    report: Callable[[FaultResult], None],
    fault: str,
    fail: Callable[[Mongod, Scene], asyncio.Future[None]],
    full: int,
    limit: float,
):
    trials = sized(full=full, small=1)
    scenes: list[Scene] = []
    for _ in trials:
        primary = await asyncio.to_thread(replica_set.primary)
        async with scene([server.url], replica_set.uri) as failed:
            await fail(primary, failed)
            await asyncio.to_thread(replica_set.wait_until_whole)
        scenes.append(failed)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        result_of(
            fault,
            scenes,
            measure="silence",
            worst=max(each.silence for each in scenes),
            limit=limit,
            note=f"MongoDB took no write for {max(each.outage for each in scenes):.3g} s",
        )
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of processes that are started with fork
async def test_webhooks_lose_no_change_and_enqueue_none_twice_when_the_primary_is_killed(
    replica_set: ReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=20, small=1)
    async with webhook_scene_at(replica_set.uri, "failover") as staged:
        for _ in trials:
            primary = await asyncio.to_thread(replica_set.primary)
            async with staged.outage():
                await asyncio.to_thread(primary.kill)
            primary.launch()
            await asyncio.to_thread(replica_set.wait_until_whole)
        await staged.finish()
        result = await staged.result("`kill -9` of the primary of three", len(trials))

    report(result)
