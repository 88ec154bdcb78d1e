"""A primary that is killed, told to end, or stopped: another is elected, and no subscriber loses anything.

The members elect as those of one data centre do, after 2 s without a word of the primary; what a subscriber feels as
silence contains that. Servers and members are otherwise configured as they are by default. A primary that is stopped
keeps its connections: the other secondary takes 13 s to notice that nobody answers there, and until it has turned to
the new primary there is no majority that could acknowledge a write.
"""

import asyncio
from collections.abc import Callable, Generator

import pytest

from tests.faults.replica_set import ReplicaSet
from tests.faults.results import Row
from tests.faults.scenes import Scene, is_full, scene, sized
from tests.support.mongod import Mongod
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Generator[ReplicaSet]:
    replica_set = ReplicaSet(tmp_path_factory.mktemp("mongod"))
    try:
        replica_set.start()
        yield replica_set
    finally:
        replica_set.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, replica_set: ReplicaSet) -> Generator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), replica_set.uri)
    try:
        server.start()
        yield server
    finally:
        server.close()


async def kill(primary: Mongod, staged: Scene) -> None:
    await asyncio.to_thread(primary.kill)
    await staged.hear_more()
    primary.launch()


async def terminate(primary: Mongod, staged: Scene) -> None:
    primary.terminate()
    # It takes 15 s to go, in which it is still asked what it knows.
    await asyncio.to_thread(primary.wait_until_ended)
    await staged.hear_more()
    primary.launch()


async def stop(primary: Mongod, staged: Scene) -> None:
    primary.freeze()
    await asyncio.sleep(25 if is_full() else 5)
    await staged.hear_more()
    primary.thaw()


@pytest.mark.parametrize(
    ("fault", "fail", "full", "limit"),
    [
        pytest.param("`kill -9` of the primary of three", kill, 10, 4, id="killed"),
        pytest.param("SIGTERM to the primary of three", terminate, 10, 4, id="terminated"),
        pytest.param("SIGSTOP of the primary of three for 25 s", stop, 5, 15, id="stopped"),
    ],
)
async def test_a_primary_that_fails_costs_nobody_a_change(  # noqa: PLR0913, PLR0917 - the columns of the table
    replica_set: ReplicaSet,
    server: ServerProcess,
    report: Callable[[Row], None],
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
        Row(
            fault,
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="silence",
            worst=max(each.silence for each in scenes),
            limit=limit,
            note=f"MongoDB took no write for {max(each.outage for each in scenes):.3g} s",
        )
    )
