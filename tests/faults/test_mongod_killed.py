"""A MongoDB that is killed and comes back: no subscriber loses anything, and each goes on at once."""

import asyncio
import time
from collections.abc import Callable, Generator

import pytest

from tests.faults.results import Row
from tests.faults.scenes import Scene, scene, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mongod: SingleNodeReplicaSet) -> Generator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), mongod.uri)
    try:
        server.start()
        yield server
    finally:
        server.close()


async def test_a_mongod_that_is_killed_and_comes_back_costs_nobody_a_change(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[Row], None]
):
    trials = sized(full=20, small=2)
    scenes: list[Scene] = []
    firsts: list[float] = []
    for trial in trials:
        async with scene([server.url], mongod.uri) as killed:
            mongod.kill()
            # Down for a blink, and for longer than the pauses between attempts to connect have grown to.
            await asyncio.sleep(trial % 4)
            firsts.append(await killed.first_event_after(await asyncio.to_thread(bring_back, mongod)))
        scenes.append(killed)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        Row(
            "`kill -9` of mongod, and its restart",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="first event after",
            worst=max(firsts),
            limit=3,
        )
    )


async def test_what_was_written_before_the_server_found_mongodb_again_is_told(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[Row], None]
):
    """Writers come back sooner: the server stands still meanwhile."""
    trials = sized(full=10, small=1)
    scenes: list[Scene] = []
    for _ in trials:
        async with scene([server.url], mongod.uri) as killed:
            server.freeze()
            mongod.kill()
            await asyncio.to_thread(bring_back, mongod)
            await killed.write_more()
            server.thaw()
        scenes.append(killed)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        Row(
            "`kill -9` of mongod; writers find it again before the server does",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
        )
    )


def bring_back(mongod: SingleNodeReplicaSet) -> float:
    """Start it again; the last moment at which it did not take writes yet."""
    mongod.launch()
    before = asked_at = time.monotonic()
    while not mongod.is_primary():
        before, asked_at = asked_at, time.monotonic()
    return before
