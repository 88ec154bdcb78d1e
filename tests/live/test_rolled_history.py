"""A client that was away for longer than anybody remembers: it is told at once, and goes on from a new page."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
from pymongo import MongoClient

from execution_monitor.storage.documents import Execution
from tests.live.client import Client
from tests.live.oracle import Writers
from tests.live.results import Row
from tests.live.scenes import PATIENCE, Scene, new_user, sized, token_of
from tests.live.server_process import ServerProcess
from tests.monitoring.live.making import execution
from tests.monitoring.live.own_mongod import OwnMongod, oldest_in_oplog

_LINE = "y" * 500_000
# Beyond what the server keeps in memory, 32 MiB.
_LINES = 100


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[OwnMongod]:
    server = OwnMongod(tmp_path_factory.mktemp("mongod"), oplog_mb=16)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mongod: OwnMongod) -> Generator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), mongod.uri)
    try:
        server.start()
        yield server
    finally:
        server.close()


async def test_a_client_whose_history_is_gone_is_told_so(
    server: ServerProcess, mongod: OwnMongod, report: Callable[[Row], None]
):
    trials = sized(full=5, small=1)
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
            await asyncio.to_thread(outlive_history, mongod.uri)
            resumed_at = time.monotonic()
            async with client.following():
                await client.until(lambda client=client: bool(client.gap_times), PATIENCE)
                told.append(client.gap_times[0] - resumed_at)
                await paused.hear_more()
                await paused.finish()
        scenes.append(paused)

    report(
        Row(
            "oplog rolled past a paused client",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="`GAP` after",
            worst=max(told),
            limit=1,
        )
    )
    assert [each.ledger.gaps for each in scenes] == [1 for _ in trials]


def outlive_history(uri: str) -> None:
    """Let executions of others happen until neither MongoDB nor the server remembers what happened up to now."""
    with MongoClient[dict[str, Any]](uri) as client:
        collection = client.get_database("live").get_collection(Execution.Settings.name)
        now = client.admin.command("ping")["operationTime"]
        deadline = time.monotonic() + PATIENCE
        written = 0
        while oldest_in_oplog(client) <= now or written < _LINES:
            assert time.monotonic() < deadline, "the oplog does not roll"
            found = collection.insert_many([execution(user_id="other", final_result=_LINE) for _ in range(10)])
            collection.delete_many({"_id": {"$in": found.inserted_ids}})
            written += 10
