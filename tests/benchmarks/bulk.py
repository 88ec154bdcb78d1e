"""Very many changes by one update: when subscribers have received the last, beside a bare reader and bare sockets.

`python -m tests.benchmarks.bulk`. Readers and servers have one processor alone, in turns; MongoDB and the subscribers
share the other. Seconds count from the beginning of the update.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import uvloop
from pymongo import AsyncMongoClient, WriteConcern
from typing_extensions import override

from execution_monitor.auth.caller import Scope
from execution_monitor.storage.documents import Execution
from tests.benchmarks.changes import DATABASE, MESSAGE_BYTES, row_of
from tests.benchmarks.live import UPDATES
from tests.benchmarks.live_servers import our_server, peer_server
from tests.benchmarks.servers import SERVER_CPU, Contender, use_load_processor
from tests.benchmarks.websocket_client import Conversation, Listener, over_graphql
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.tokens import token_of

FEW, MANY = 10, 200  # subscribers
_TENANT = "acme"
_LIMIT_SECONDS = 1_200.0
_INSERTED_AT_ONCE = 10_000
_OPLOG_MB = 1_024
_marks = count(1)


@dataclass(frozen=True, slots=True)
class BulkFigures:
    """One bulk: seconds until the last event, the median of events received, CPU seconds, bytes of memory grown.

    `idle` is the resident memory in bytes before the first subscriber, `followed` that after the last event.
    """

    subscribers: int
    changes: int
    seconds: float
    heard: float  # so named in results/latest.json
    cpu: float = 0.0
    growth: float = 0.0
    idle: float = 0.0
    followed: float = 0.0


class _Counting(Listener):
    """A subscriber that only counts: twenty million times of events would take a gigabyte."""

    def __init__(self, host: str, port: int, conversation: Conversation) -> None:
        super().__init__(host, port, conversation)
        self.count = 0
        self.last_at = 0.0
        self._awaited = b"-"
        self.has_received = False

    def wait_for(self, execution_id: str) -> None:
        """Set `has_received` when an event of `execution_id` comes."""
        self._awaited = execution_id.encode()
        self.has_received = False

    @override
    def text_received(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        if not self.is_ready.is_set():
            super().text_received(buffer, begins, ends, now)
            return
        self.count += 1
        self.last_at = now
        if not self.has_received and buffer.find(self._awaited, begins, ends) >= 0:
            self.has_received = True


class _Bulk:
    """The executions of a bulk, and the marks written before and after it."""

    def __init__(self, mongo: AsyncMongoClient[dict[str, Any]]) -> None:
        database = mongo[DATABASE].with_options(write_concern=WriteConcern("majority"))
        self._collection = database[Execution.Settings.name]

    async def fill(self, executions: int) -> None:
        """Replace all executions by so many new ones."""
        await self._collection.delete_many({})
        for start in range(0, executions, _INSERTED_AT_ONCE):
            numbers = range(start, min(start + _INSERTED_AT_ONCE, executions))
            await self._collection.insert_many([_row(f"bulk-{number:06}") for number in numbers])

    async def mark(self, execution_id: str) -> None:
        """Insert an execution by which subscribers recognise a point in time."""
        await self._collection.insert_one(_row(execution_id, workflow_name="mark"))

    async def update(self) -> None:
        """Change all executions."""
        change = {"$inc": {"version": 1, "progress.percentage": 0.5}, "$set": {"updated": datetime.now(UTC)}}
        await self._collection.update_many({"workflow_name": "etl"}, change)


def _row(execution_id: str, **fields: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    progress = {"current_step": 1, "total_steps": 7, "percentage": 14.0}
    row = {**row_of(0.0, 0, "ada"), "created": now, "started_at": now, "updated": now, "progress": progress, **fields}
    return {**row, "execution_id": execution_id}


async def read_bare(uri: str, changes: int) -> BulkFigures:
    """Measure a bare reader."""
    last = _new_mark()
    async with _opened_bulk(uri) as bulk:
        await bulk.fill(changes)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.bare_reader", uri, DATABASE, last),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            os.sched_setaffinity(process.pid, {SERVER_CPU})
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError("The bare reader does not read; see its traceback.")
            began = time.monotonic()
            await bulk.update()
            await bulk.mark(last)
            received, at = (await process.stdout.readline()).split()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
    return BulkFigures(0, changes, float(at) - began, float(received))


async def receive(contender: Contender, uri: str, subscribers: int, changes: int) -> BulkFigures:
    """Measure our subscribers; the server must be new."""
    idle = contender.memory()
    async with _opened_bulk(uri) as bulk:
        await bulk.fill(changes)
        # The server first reads the inserts of `fill`; let one subscriber receive those, not all.
        async with _subscribed(contender, 1) as early:
            await _mark_until_received(bulk, early)
        async with _subscribed(contender, subscribers) as listeners:
            await _mark_until_received(bulk, listeners)
            before = [each.count for each in listeners]
            cpu, memory = contender.cpu_seconds(), contender.memory()
            began = time.monotonic()
            await bulk.update()
            await _mark(bulk, listeners)
            async with asyncio.timeout(_LIMIT_SECONDS):
                while not all(each.has_received for each in listeners):  # noqa: ASYNC110 - many sockets, without a common event
                    await asyncio.sleep(0.05)
            received = [each.count - was for each, was in zip(listeners, before, strict=True)]
            seconds = max(each.last_at for each in listeners) - began
            spent, followed = contender.cpu_seconds() - cpu, contender.memory()
    return BulkFigures(
        subscribers, changes, seconds, statistics.median(received), spent, followed - memory, idle, followed
    )


async def send_bare(contender: Contender, subscribers: int, changes: int) -> BulkFigures:
    """Measure bare sockets with as many messages."""
    async with _subscribed(contender, subscribers) as listeners:
        cpu, began = contender.cpu_seconds(), time.monotonic()
        async with httpx2.AsyncClient(timeout=_LIMIT_SECONDS) as client:
            url = f"http://127.0.0.1:{contender.port}/broadcast?changes={changes}&rate=1000000000"
            (await client.post(url, content=b"x" * MESSAGE_BYTES)).raise_for_status()
        async with asyncio.timeout(_LIMIT_SECONDS):
            while any(each.count < changes for each in listeners):  # noqa: ASYNC110 - many sockets, without a common event
                await asyncio.sleep(0.05)
        seconds = max(each.last_at for each in listeners) - began
        spent = contender.cpu_seconds() - cpu
    return BulkFigures(subscribers, changes, seconds, changes, spent)


def _new_mark() -> str:
    return f"mark-{next(_marks):06}"


async def _mark(bulk: _Bulk, listeners: Sequence[_Counting]) -> None:
    name = _new_mark()
    for each in listeners:
        each.wait_for(name)
    await bulk.mark(name)


async def _mark_until_received(bulk: _Bulk, listeners: Sequence[_Counting]) -> None:
    # More than once, as a subscription begins some time after its request.
    while not all(each.has_received for each in listeners):
        await _mark(bulk, listeners)
        await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def _opened_bulk(uri: str) -> AsyncGenerator[_Bulk]:
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        yield _Bulk(mongo)


@contextlib.asynccontextmanager
async def _subscribed(contender: Contender, subscribers: int) -> AsyncGenerator[Sequence[_Counting]]:
    loop, token = asyncio.get_running_loop(), token_of("olga", Scope.EXECUTIONS_READ_TENANT, tenant=_TENANT)
    listeners: list[_Counting] = []
    try:
        for _ in range(subscribers):
            conversation = over_graphql(token, UPDATES)
            _, listener = await loop.create_connection(
                lambda conversation=conversation: _Counting("127.0.0.1", contender.port, conversation),
                "127.0.0.1",
                contender.port,
            )
            listeners.append(listener)
            async with asyncio.timeout(30):
                await listener.is_ready.wait()
        yield listeners
    finally:
        for each in listeners:
            each.transport.close()


def bulk_part(rounds: int, changes: int, changes_of_many: int, many: int) -> dict[str, Any]:
    """All runs: `bulk` by their names, and `ratios` by the names of the goals."""
    found: dict[str, BulkFigures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(SingleNodeReplicaSet(folder, oplog_mb=_OPLOG_MB, cache_gb=1)) as mongod:
            # Once before the measurements: the server creates the collections with pre- and post-images.
            with our_server(folder, mongod):
                pass
            for size, subscribers, times in ((changes, FEW, rounds), (changes_of_many, many, 1)):
                bare: list[BulkFigures] = []
                received: list[BulkFigures] = []
                for _ in range(times):
                    bare.append(uvloop.run(read_bare(mongod.uri, size)))
                    with our_server(folder, mongod) as contender:
                        received.append(uvloop.run(receive(contender, mongod.uri, subscribers, size)))
                found[f"bare reader, {size:,}"] = _median(bare)
                found[f"{subscribers} subscribers, {size:,}"] = _median(received)
            with peer_server("floor", folder) as contender:
                sent = uvloop.run(send_bare(contender, many, changes_of_many))
                found[f"{many} bare sockets, {changes_of_many:,}"] = sent
    return {
        "bulk": {name: asdict(each) for name, each in found.items()},
        "ratios": bulk_ratios(found, changes, changes_of_many, many),
    }


def _median(runs: Sequence[BulkFigures]) -> BulkFigures:
    return BulkFigures(**{name: statistics.median(getattr(each, name) for each in runs) for name in asdict(runs[0])})


def bulk_ratios(found: Mapping[str, BulkFigures], changes: int, changes_of_many: int, many: int) -> dict[str, float]:
    """Ratios of the seconds until the last event: to those of a bare reader, and of it and bare sockets together.

    And of the memory of a server after the changes that few subscribers receive to that when it is idle.
    """
    reader, few = found[f"bare reader, {changes:,}"], found[f"{FEW} subscribers, {changes:,}"]
    reader_of_many = found[f"bare reader, {changes_of_many:,}"]
    received, sent = (
        found[f"{many} subscribers, {changes_of_many:,}"],
        found[f"{many} bare sockets, {changes_of_many:,}"],
    )
    return {
        "bulk_vs_bare_reader": few.seconds / reader.seconds,
        "bulk_200_vs_reader_and_sockets": received.seconds / (reader_of_many.seconds + sent.seconds),
        "followed_memory_vs_idle": few.followed / few.idle,
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bulk", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--changes", type=int, default=100_000, help=f"changes that {FEW} subscribers receive")
    parser.add_argument("--changes-of-many", type=int, default=20_000, help="changes that --many subscribers receive")
    parser.add_argument("--many", type=int, default=MANY)
    options = parser.parse_args()
    use_load_processor()
    found = bulk_part(options.rounds, options.changes, options.changes_of_many, options.many)
    for name, each in found["bulk"].items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items() if value) + "\n")
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in found["ratios"].items())


if __name__ == "__main__":
    main()
