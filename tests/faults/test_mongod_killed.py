"""A MongoDB that is killed and restarted: no subscriber loses a change, and each goes on at once."""

import asyncio
import time
from collections.abc import Callable

from tests.faults.results import FaultResult
from tests.faults.scenes import Scene, scene, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess


async def test_no_subscriber_loses_a_change_when_mongod_is_killed_and_restarted(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=20, small=2)
    scenes: list[Scene] = []
    firsts: list[float] = []
    for trial in trials:
        async with scene([server.url], mongod.uri) as killed:
            mongod.kill()
            # Down for a moment, and for longer than the longest pause between attempts to connect.
            await asyncio.sleep(trial % 4)
            firsts.append(await killed.first_event_after(await asyncio.to_thread(restart, mongod)))
        scenes.append(killed)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        FaultResult(
            "`kill -9` of mongod, and its restart",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="first event after",
            worst=max(firsts),
            limit=3,
        )
    )


async def test_changes_written_before_the_server_reconnects_are_sent(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    """Writers reconnect first: the server is frozen meanwhile."""
    trials = sized(full=10, small=1)
    scenes: list[Scene] = []
    for _ in trials:
        async with scene([server.url], mongod.uri) as killed:
            server.freeze()
            mongod.kill()
            await asyncio.to_thread(restart, mongod)
            await killed.write_more()
            server.thaw()
        scenes.append(killed)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        FaultResult(
            "`kill -9` of mongod; writers find it again before the server does",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
        )
    )


def restart(mongod: SingleNodeReplicaSet) -> float:
    """Start it again; the last time at which it did not take writes yet."""
    mongod.launch()
    before = checked_at = time.monotonic()
    while not mongod.is_primary():
        before, checked_at = checked_at, time.monotonic()
    return before
