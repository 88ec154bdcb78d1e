"""A page, its `liveCursor` and the subscription behind it fit together, whatever is written meanwhile."""

import asyncio
import random
from collections.abc import Callable, Generator

import pytest

from tests.faults.client import Client
from tests.faults.oracle import Writers
from tests.faults.results import Row
from tests.faults.scenes import Scene, new_user, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

_WRITERS = 8


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


async def test_nothing_is_lost_between_a_page_and_the_subscription_behind_it(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[Row], None]
):
    trials = sized(full=200, small=8)
    scenes = [await follow_from_a_page(server, mongod, random.Random(trial)) for trial in trials]  # noqa: S311 - the same in every run

    assert not any(scene.ledger.gaps for scene in scenes)
    assert all(scene.ledger.heard > 0 for scene in scenes)
    report(
        Row(
            "page, `liveCursor`, subscribe, under 8 writers",
            len(trials),
            lost=sum(scene.ledger.lost for scene in scenes),
            repeated=sum(scene.ledger.repeated for scene in scenes),
        )
    )


async def follow_from_a_page(server: ServerProcess, mongod: SingleNodeReplicaSet, dice: random.Random) -> Scene:
    """Read the page at one time of the writers' work, and subscribe at a later one."""
    user = new_user()
    client = Client([server.url], token_of(user))
    writers = Writers(mongod.uri, "live", user, count=_WRITERS, pause=0.01)
    scene = Scene(writers, client)
    async with writers.writing():
        await asyncio.sleep(dice.uniform(0, 0.3))
        await client.read_page()
        await asyncio.sleep(dice.choice([0, dice.uniform(0, 0.5)]))
        async with client.following():
            await scene.hear_more()
            await scene.finish()
    return scene
