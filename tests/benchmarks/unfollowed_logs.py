"""The CPU that log lines without followers cost a server with subscribers to lists: `make bench-logs`.

100 subscribers to all executions receive 100 changes a second; then 10,000 log lines a second are written, too. Prints
the CPU of the server with and without them, in turns, and the ratio.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

from execution_monitor.storage.documents import Execution, LogEntry
from tests.benchmarks.changes import row_of
from tests.benchmarks.servers import DATABASE, LOAD_CPU, Contender, running_contender
from tests.benchmarks.websocket_client import listen, over_graphql
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import token_of

SUBSCRIBERS = 100
CHANGES_A_SECOND = 100
LINES_A_SECOND = 10_000
_LINES_AT_ONCE = 500
_LIMIT_SECONDS = 120.0
_UPDATES = "subscription { executionUpdates { kind cursor executionId execution { status progress { percentage } } } }"


async def change(mongo: AsyncMongoClient[dict[str, Any]], changes: int) -> None:
    """Change one execution so often, at `CHANGES_A_SECOND`."""
    collection = mongo[DATABASE][Execution.Settings.name]
    began = time.monotonic()
    for number in range(changes):
        await asyncio.sleep(max(0.0, began + number / CHANGES_A_SECOND - time.monotonic()))
        await collection.update_one({"execution_id": "run"}, {"$inc": {"version": 1}})


async def write_lines(mongo: AsyncMongoClient[dict[str, Any]], seconds: float) -> None:
    """Write log lines at `LINES_A_SECOND`."""
    collection = mongo[DATABASE][LogEntry.Settings.name]
    began = time.monotonic()
    for written in range(0, int(seconds * LINES_A_SECOND), _LINES_AT_ONCE):
        await asyncio.sleep(max(0.0, began + written / LINES_A_SECOND - time.monotonic()))
        at = datetime.now(UTC)
        await collection.insert_many(
            [
                {"tenant_id": "acme", "execution_id": "run", "timestamp": at, "level": "info", "message": "line " * 30}
                for _ in range(_LINES_AT_ONCE)
            ]
        )


async def measure(uri: str, server: Contender, rounds: int, seconds: float) -> Mapping[str, list[float]]:
    """Milliseconds of CPU a change, by what is written, until the last change is received."""
    found: dict[str, list[float]] = {"changes": [], "changes and log lines": []}
    listeners = [
        await listen("127.0.0.1", server.port, over_graphql(token_of("ada"), _UPDATES)) for _ in range(SUBSCRIBERS)
    ]
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        await mongo[DATABASE][Execution.Settings.name].insert_one({**row_of(0.0, 0, "ada"), "execution_id": "run"})
        received, changes = 1, int(seconds * CHANGES_A_SECOND)
        for number in range(rounds + 1):
            for name, taken in found.items():
                cpu = server.cpu_seconds()
                writing = [change(mongo, changes)]
                if name != "changes":
                    writing.append(write_lines(mongo, seconds))
                await asyncio.gather(*writing)
                received += changes
                async with asyncio.timeout(_LIMIT_SECONDS):
                    while any(len(listener.times) < received for listener in listeners):  # noqa: ASYNC110 - many sockets, without a common event
                        await asyncio.sleep(0.1)
                if number:  # the first round warms up
                    taken.append((server.cpu_seconds() - cpu) / changes * 1_000)
    for listener in listeners:
        listener.transport.close()
    return found


def logs_part(rounds: int, seconds: float, folder: Path) -> dict[str, Any]:
    """This part of a whole run."""
    mongod = SingleNodeReplicaSet(folder, oplog_mb=512)
    try:
        mongod.start()
        with running_contender("ours", mongod.uri, token_of("ada"), folder / "ours.log") as server:
            found = uvloop.run(measure(mongod.uri, server, rounds, seconds))
    finally:
        mongod.close()
    cpu = {name: statistics.median(each) for name, each in found.items()}
    return {"logs": cpu, "ratios": {"unfollowed_logs_cpu": cpu["changes and log lines"] / cpu["changes"]}}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.unfollowed_logs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    # So that a SIGTERM ends every process that this one has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # mongod is started from this process, and stays on its processor.
    os.sched_setaffinity(0, {LOAD_CPU})
    with tempfile.TemporaryDirectory() as folder:
        found = logs_part(options.rounds, options.seconds, Path(folder))
    sys.stdout.writelines(f"{name}: {each:.3f} ms of CPU a change\n" for name, each in found["logs"].items())
    sys.stdout.write(f"unfollowed_logs_cpu: {found['ratios']['unfollowed_logs_cpu']:.3f}\n")


if __name__ == "__main__":
    main()
