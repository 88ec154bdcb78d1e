"""A server that is frozen while there are writes, and goes on: all changes of the meantime are sent."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from pymongo import AsyncMongoClient

from tests.faults.bulks import Bulk
from tests.faults.results import FaultResult
from tests.faults.scenes import Scene, is_full, scene, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess

_STOPPED_SECONDS = 15.0 if is_full() else 2.0
_ALONGSIDE = 100_000 if is_full() else 5_000


async def test_a_server_that_was_frozen_sends_the_changes_of_the_meantime(
    shared_server: ServerProcess, shared_mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=3, small=1)
    scenes: list[Scene] = []
    firsts: list[float] = []
    stops: list[float] = []
    async with AsyncMongoClient[dict[str, Any]](shared_mongod.uri) as mongo:
        bulk = Bulk(mongo, _ALONGSIDE)
        await bulk.insert()
        for _ in trials:
            async with scene([shared_server.url], shared_mongod.uri) as stopped:
                shared_server.freeze()
                # In the same oplog as the changes of the writers: the server must read all of it.
                await bulk.update()
                await asyncio.sleep(_STOPPED_SECONDS)
                shared_server.thaw()
                stops.append(time.monotonic() - stopped.fault_at)
                firsts.append(await stopped.first_event_after(time.monotonic()))
            scenes.append(stopped)

    assert not any(each.ledger.gaps for each in scenes)
    report(
        FaultResult(
            "SIGSTOP of the server for 15 s, under 100,000 changes of others",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="silence after SIGCONT",
            worst=max(each.silence - stop for each, stop in zip(scenes, stops, strict=True)),
            note=f"first event {max(firsts):.3g} s after SIGCONT",
        )
    )
