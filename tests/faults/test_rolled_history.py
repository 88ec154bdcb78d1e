"""A client that was away for longer than anybody remembers: it is told at once, and goes on from a new page."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from pymongo import MongoClient

from execution_monitor.storage.documents import Execution
from tests.faults.client import Client
from tests.faults.oracle import Writers
from tests.faults.results import Row
from tests.faults.scenes import PATIENCE, Scene, is_full, new_user, sized
from tests.live.factories import execution
from tests.support.mongod import SingleNodeReplicaSet, oldest_in_oplog
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

_LINE = "y" * 500_000
# Beyond what the server keeps in memory, 32 MiB.
_LINES = 100
_ROLLING_SECONDS = 600.0


# The least that MongoDB takes by default, 990 MB, needs minutes to roll.
_SMALL_MB, _USUAL_MB = 16, 990
_full_only = pytest.mark.skipif(not is_full(), reason="990 MB are rolled by `make chaos` alone; 16 MB always")


@pytest.fixture(
    scope="module", params=[_SMALL_MB, pytest.param(_USUAL_MB, marks=_full_only)], ids=lambda size: f"{size} MB"
)
def oplog_mb(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory, oplog_mb: int) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"), oplog_mb=oplog_mb)
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


async def test_a_client_whose_history_is_gone_is_told_so(
    server: ServerProcess, mongod: SingleNodeReplicaSet, oplog_mb: int, report: Callable[[Row], None]
):
    trials = sized(full=5, small=1) if oplog_mb == _SMALL_MB else range(1)
    told: list[float] = []
    scenes: list[Scene] = []
    for _ in trials:
        user = new_user()
        client = Client([server.url], token_of(user))
        writers = Writers(mongod.uri, "live", user)
        paused = Scene(writers, client)
        async with writers.writing():
            await client.read_page()
            async with client.following():
                await paused.hear_more()
            await outlive_history(server, mongod.uri)
            resumed_at = time.monotonic()
            async with client.following():
                await client.until(lambda client=client: bool(client.gap_times), PATIENCE)
                told.append(client.gap_times[0] - resumed_at)
                await paused.hear_more()
                await paused.finish()
        scenes.append(paused)

    assert [each.ledger.gaps for each in scenes] == [1 for _ in trials]
    report(
        Row(
            "oplog rolled past a paused client"
            if oplog_mb == _SMALL_MB
            else "an oplog of 990 MB rolled past one client, under the load of another that hears all of it",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="`GAP` after",
            worst=max(told),
            limit=1,
        )
    )


async def outlive_history(server: ServerProcess, uri: str) -> None:
    """Let executions of another happen until neither MongoDB nor the server remembers what happened up to now.

    No faster than the server is told of them: it must not lose its own place in so short a history.
    """
    other = new_user()
    follower = Client([server.url], token_of(other))
    with MongoClient[dict[str, Any]](uri) as mongodb:
        collection = mongodb.get_database("live").get_collection(Execution.Settings.name)
        now = mongodb.admin.command("ping")["operationTime"]
        await follower.read_page()
        async with follower.following(), asyncio.timeout(_ROLLING_SECONDS):
            while oldest_in_oplog(mongodb) <= now or follower.ledger.heard < _LINES:
                batch = [execution(user_id=other, tokens_used=1, final_result=_LINE) for _ in range(5)]
                expected = follower.ledger.heard + len(batch)
                await asyncio.to_thread(collection.insert_many, batch)
                await follower.until(lambda expected=expected: follower.ledger.heard >= expected, PATIENCE)
    assert (follower.ledger.lost, follower.ledger.gaps) == (0, 0)
