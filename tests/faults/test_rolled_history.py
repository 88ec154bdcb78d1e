"""A client that was away for longer than the oplog reaches back: it gets a GAP at once, and goes on from a new page."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient

from execution_monitor.storage.documents import Execution
from tests.faults.client import Client
from tests.faults.oracle import Writers
from tests.faults.results import FaultResult
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


async def test_a_client_whose_history_is_gone_receives_a_gap(
    server: ServerProcess, mongod: SingleNodeReplicaSet, oplog_mb: int, report: Callable[[FaultResult], None]
):
    trials = sized(full=5, small=1) if oplog_mb == _SMALL_MB else range(1)
    delays: list[float] = []
    scenes: list[Scene] = []
    for _ in trials:
        user = new_user()
        client = Client([server.url], token_of(user))
        writers = Writers(mongod.uri, "live", user)
        away = Scene(writers, client)
        async with writers.writing():
            await client.read_page()
            async with client.following():
                await away.receive_more()
            await roll_history(server, mongod.uri)
            resumed_at = time.monotonic()
            async with client.following():
                await client.until(lambda client=client: bool(client.gap_times), PATIENCE)
                delays.append(client.gap_times[0] - resumed_at)
                await away.receive_more()
                await away.finish()
        scenes.append(away)

    assert [each.ledger.gaps for each in scenes] == [1 for _ in trials]
    report(
        FaultResult(
            "oplog rolled past a paused client"
            if oplog_mb == _SMALL_MB
            else "an oplog of 990 MB rolled past one client, under the load of another that hears all of it",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="`GAP` after",
            worst=max(delays),
            limit=1,
        )
    )


async def roll_history(server: ServerProcess, uri: str) -> None:
    """Write executions of another user until neither the oplog nor the replay buffer reaches back to now.

    It writes no faster than the server sends them: the server must not lose its own place in so short a history.
    """
    other = new_user()
    follower = Client([server.url], token_of(other))
    with MongoClient[dict[str, Any]](uri) as mongodb:
        collection = mongodb.get_database("live").get_collection(Execution.Settings.name)
        now = mongodb.admin.command("ping")["operationTime"]
        await follower.read_page()
        async with follower.following(), asyncio.timeout(_ROLLING_SECONDS):
            while oldest_in_oplog(mongodb) <= now or follower.ledger.received < _LINES:
                batch = [execution(user_id=other, tokens_used=1, final_result=_LINE) for _ in range(5)]
                expected = follower.ledger.received + len(batch)
                await asyncio.to_thread(collection.insert_many, batch)
                await follower.until(lambda expected=expected: follower.ledger.received >= expected, PATIENCE)
    assert (follower.ledger.lost, follower.ledger.gaps) == (0, 0)
