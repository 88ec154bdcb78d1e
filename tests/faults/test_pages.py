"""A page and the subscription from its `liveCursor` fit together, whatever is written meanwhile."""

import asyncio
import random
from collections.abc import Callable

from tests.faults.client import Client
from tests.faults.oracle import Writers
from tests.faults.results import FaultResult
from tests.faults.scenes import Scene, new_user, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

_WRITERS = 8


async def test_nothing_is_lost_between_a_page_and_the_subscription_from_its_cursor(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=200, small=8)
    scenes = [await follow_from_a_page(server, mongod, random.Random(trial)) for trial in trials]  # noqa: S311 - the same in every run

    assert not any(scene.ledger.gaps for scene in scenes)
    assert all(scene.ledger.received > 0 for scene in scenes)
    report(
        FaultResult(
            "page, `liveCursor`, subscribe, under 8 writers",
            len(trials),
            lost=sum(scene.ledger.lost for scene in scenes),
            repeated=sum(scene.ledger.repeated for scene in scenes),
        )
    )


async def follow_from_a_page(server: ServerProcess, mongod: SingleNodeReplicaSet, generator: random.Random) -> Scene:
    """Read the page at some time while writers work, and subscribe at a later one."""
    user = new_user()
    client = Client([server.url], token_of(user))
    writers = Writers(mongod.uri, "live", user, count=_WRITERS, pause=0.01)
    scene = Scene(writers, client)
    async with writers.writing():
        await asyncio.sleep(generator.uniform(0, 0.3))
        await client.read_page()
        await asyncio.sleep(generator.choice([0, generator.uniform(0, 0.5)]))
        async with client.following():
            await scene.receive_more()
            await scene.finish()
    return scene
