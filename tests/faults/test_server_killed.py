"""A server that is killed while it delivers: its subscribers go on at another one, behind what they heard last."""

import asyncio
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
def servers(tmp_path_factory: pytest.TempPathFactory, mongod: SingleNodeReplicaSet) -> Generator[list[ServerProcess]]:
    folder = tmp_path_factory.mktemp("servers")
    servers = [ServerProcess(folder, mongod.uri) for _ in range(2)]
    try:
        for each in servers:
            each.start()
        yield servers
    finally:
        for each in servers:
            each.close()


async def test_a_server_that_is_killed_while_it_delivers_costs_nobody_a_change(
    servers: list[ServerProcess], mongod: SingleNodeReplicaSet, report: Callable[[Row], None]
):
    trials = sized(full=50, small=2)
    scenes: list[Scene] = []
    for trial in trials:
        doomed, other = servers[trial % 2], servers[1 - trial % 2]
        async with scene([doomed.url, other.url], mongod.uri) as killed:
            doomed.kill()
        scenes.append(killed)
        await asyncio.to_thread(doomed.start)

    report(
        Row(
            "`kill -9` of the server; the client goes on at another",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="silence",
            worst=max(each.silence for each in scenes),
            limit=2,
        )
    )
    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 2 for each in scenes)
