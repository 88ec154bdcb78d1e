"""A server that is killed while it sends events: its subscribers go on at another one, after their last event."""

import asyncio
from collections.abc import Callable, Generator

import pytest

from tests.faults.results import FaultResult
from tests.faults.scenes import Scene, scene, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, uri: str) -> Generator[list[ServerProcess]]:
    folder = tmp_path_factory.mktemp("servers")
    one, other = (ServerProcess(folder, uri) for _ in range(2))
    with running(one), running(other):
        yield [one, other]


async def test_no_subscriber_loses_a_change_when_a_server_is_killed_while_it_sends(
    servers: list[ServerProcess], mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
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
        FaultResult(
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
