"""Latency from commit to client, beside that of a bare change stream reader: `make bench-live`.

100 changes a second to 100 subscribers over WebSockets, and one reader of a bare change stream, in one run and by one
clock. Prints p50 and p99 of both in milliseconds, from the acknowledgement of the write.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.write_concern import WriteConcern

from execution_monitor.storage.documents import Execution
from execution_monitor.tasks import end_tasks
from tests.benchmarks.websocket_client import listen, over_graphql
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import ServerProcess, running_server
from tests.support.tokens import token_of

SUBSCRIBERS = 100
CHANGES = 2_000
CHANGES_A_SECOND = 100
_WARM_UP = 200  # changes that are not counted
_UPDATES = "subscription { executionUpdates { kind cursor executionId execution { status progress { percentage } } } }"


async def read_bare(database: AsyncDatabase[dict[str, Any]], times: list[float], ready: asyncio.Event) -> None:
    """Record the time of each change, read with the same images that the server reads."""
    async with await database.watch(
        full_document="whenAvailable", full_document_before_change="whenAvailable", max_await_time_ms=200
    ) as stream:
        await stream.try_next()
        ready.set()
        async for _ in stream:
            times.append(time.monotonic())  # noqa: PERF401 - the time of each


async def write(database: AsyncDatabase[dict[str, Any]]) -> list[float]:
    """Change one execution at the configured rate; returns the times of acknowledgement."""
    collection = database.with_options(write_concern=WriteConcern("majority")).get_collection(Execution.Settings.name)
    now = datetime.now(UTC)
    names = {"execution_id": "run", "tenant_id": "acme", "user_id": "ada", "workflow_name": "etl", "status": "running"}
    await collection.insert_one({**names, "created": now, "updated": now, "version": 1})
    acknowledged = [time.monotonic()]
    began = time.monotonic()
    for number in range(1, CHANGES):
        await asyncio.sleep(max(0.0, began + number / CHANGES_A_SECOND - time.monotonic()))
        await collection.update_one({"execution_id": "run"}, {"$inc": {"version": 1}, "$set": {"updated": now}})
        acknowledged.append(time.monotonic())
    return acknowledged


def milliseconds(arrived: Sequence[float], acknowledged: Sequence[float]) -> list[float]:
    """The milliseconds from acknowledgement to arrival of each change."""
    return [(late - early) * 1_000 for late, early in list(zip(arrived, acknowledged, strict=True))[_WARM_UP:]]


async def measure(server: ServerProcess, uri: str) -> tuple[list[float], list[float]]:
    """The latencies of the bare reader, and of all subscribers."""
    bare: list[float] = []
    is_reading = asyncio.Event()
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo, AsyncMongoClient[dict[str, Any]](uri) as reading:
        reader = asyncio.create_task(read_bare(reading["live"], bare, is_reading))
        await is_reading.wait()
        listeners = [
            await listen("127.0.0.1", server.port, over_graphql(token_of("ada"), _UPDATES)) for _ in range(SUBSCRIBERS)
        ]
        await asyncio.sleep(1)  # the last subscribe message has no answer
        acknowledged = await write(mongo["live"])
        received = [each.times for each in listeners]
        async with asyncio.timeout(30):
            while min(map(len, [bare, *received])) < CHANGES:  # noqa: ASYNC110 - many sockets, without a common event
                await asyncio.sleep(0.05)
        for each in listeners:
            each.transport.close()
        await end_tasks(reader)
    return milliseconds(bare, acknowledged), [late for each in received for late in milliseconds(each, acknowledged)]


def main() -> None:
    """Run and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(SingleNodeReplicaSet(Path(folder))) as mongod,
        running_server(Path(folder), mongod.uri, "live") as server,
    ):
        bare, subscribers = uvloop.run(measure(server, mongod.uri))
    lines = ["| milliseconds from commit | p50 | p99 |\n", "| --- | --- | --- |\n"]
    for name, figures in (("a bare change stream", bare), (f"{SUBSCRIBERS} subscribers", subscribers)):
        quantiles = statistics.quantiles(figures, n=100)
        lines.append(f"| {name} | {quantiles[49]:.2f} | {quantiles[98]:.2f} |\n")
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
