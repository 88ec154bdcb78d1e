"""Very many changes by one update: when subscribers have heard the last, beside who merely reads or merely sends.

`python -m tests.benchmarks.bulk`. Readers and servers are each alone on a processor in turn; MongoDB, and who listens,
share the other. Seconds count from the beginning of the update.
"""

import argparse
import asyncio
import contextlib
import os
import signal
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
from tests.benchmarks.live_servers import another, ours
from tests.benchmarks.servers import LOAD_CPU, SERVER_CPU, Contender
from tests.benchmarks.websocket_client import Conversation, Listener, over_graphql
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import token_of

FEW, MANY = 10, 200  # subscribers
_TENANT = "acme"
_PATIENCE_SECONDS = 1_200.0
_INSERTED_AT_ONCE = 10_000
_OPLOG_MB = 1_024
_marks = count(1)


@dataclass(frozen=True, slots=True)
class BulkFigures:
    """Of one bulk: seconds until the last event, how many each heard in the middle, CPU seconds and bytes grown."""

    subscribers: int
    changes: int
    seconds: float
    heard: float
    cpu: float = 0.0
    growth: float = 0.0


class _Counting(Listener):
    """A subscriber that keeps no more than it must: twenty million times would take a gigabyte."""

    def __init__(self, host: str, port: int, conversation: Conversation) -> None:
        super().__init__(host, port, conversation)
        self.count = 0
        self.last_at = 0.0
        self._awaited = b"-"
        self.has_heard = False

    def wait_for(self, execution_id: str) -> None:
        """Note when `execution_id` is told."""
        self._awaited = execution_id.encode()
        self.has_heard = False

    @override
    def hear(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        if not self.is_ready.is_set():
            super().hear(buffer, begins, ends, now)
            return
        self.count += 1
        self.last_at = now
        if not self.has_heard and buffer.find(self._awaited, begins, ends) >= 0:
            self.has_heard = True


class _Bulk:
    """The executions of a bulk, and what is written before and behind it."""

    def __init__(self, mongo: AsyncMongoClient[dict[str, Any]]) -> None:
        database = mongo[DATABASE].with_options(write_concern=WriteConcern("majority"))
        self._collection = database[Execution.Settings.name]

    async def fill(self, executions: int) -> None:
        """Have so many executions, and no others."""
        await self._collection.delete_many({})
        for start in range(0, executions, _INSERTED_AT_ONCE):
            numbers = range(start, min(start + _INSERTED_AT_ONCE, executions))
            await self._collection.insert_many([_row(f"bulk-{number:06}") for number in numbers])

    async def mark(self, execution_id: str) -> None:
        """Write an execution by which the others know where they are."""
        await self._collection.insert_one(_row(execution_id, workflow_name="mark"))

    async def update(self) -> None:
        """Change them all."""
        change = {"$inc": {"version": 1, "progress.percentage": 0.5}, "$set": {"updated": datetime.now(UTC)}}
        await self._collection.update_many({"workflow_name": "etl"}, change)


def _row(execution_id: str, **fields: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    progress = {"current_step": 1, "total_steps": 7, "percentage": 14.0}
    row = {**row_of(0.0, 0, "ada"), "created": now, "started_at": now, "updated": now, "progress": progress, **fields}
    return {**row, "execution_id": execution_id}


async def read_bare(uri: str, changes: int) -> BulkFigures:
    """How long a bare reader takes."""
    behind = _new_mark()
    async with _opened(uri) as bulk:
        await bulk.fill(changes)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.bare_reader", uri, DATABASE, behind),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            os.sched_setaffinity(process.pid, {SERVER_CPU})
            if await process.stdout.readline() != b"ready\n":
                raise RuntimeError("The bare reader does not read; see its traceback.")
            began = time.monotonic()
            await bulk.update()
            await bulk.mark(behind)
            heard, at = (await process.stdout.readline()).split()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
    return BulkFigures(0, changes, float(at) - began, float(heard))


async def hear(contender: Contender, uri: str, subscribers: int, changes: int) -> BulkFigures:
    """How long our subscribers take."""
    async with _opened(uri) as bulk:
        await bulk.fill(changes)
        # The server first reads what was written to begin with; a single one hears of that, not all.
        async with _listening(contender, 1) as early:
            await _mark_until_heard(bulk, early)
        async with _listening(contender, subscribers) as listeners:
            await _mark_until_heard(bulk, listeners)
            before = [each.count for each in listeners]
            cpu, memory = contender.cpu_seconds(), contender.memory()
            began = time.monotonic()
            await bulk.update()
            await _mark(bulk, listeners)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not all(each.has_heard for each in listeners):  # noqa: ASYNC110 - they do not wait for each other
                    await asyncio.sleep(0.05)
            heard = [each.count - was for each, was in zip(listeners, before, strict=True)]
            seconds = max(each.last_at for each in listeners) - began
            spent, grown = contender.cpu_seconds() - cpu, contender.memory() - memory
    return BulkFigures(subscribers, changes, seconds, statistics.median(heard), spent, grown)


async def send_bare(contender: Contender, subscribers: int, changes: int) -> BulkFigures:
    """How long bare sockets take for as many messages."""
    async with _listening(contender, subscribers) as listeners:
        cpu, began = contender.cpu_seconds(), time.monotonic()
        async with httpx2.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
            url = f"http://127.0.0.1:{contender.port}/broadcast?changes={changes}&rate=1000000000"
            (await client.post(url, content=b"x" * MESSAGE_BYTES)).raise_for_status()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while any(each.count < changes for each in listeners):  # noqa: ASYNC110 - they do not wait for each other
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


async def _mark_until_heard(bulk: _Bulk, listeners: Sequence[_Counting]) -> None:
    # More than once, as a subscription begins some time after it was asked for.
    while not all(each.has_heard for each in listeners):
        await _mark(bulk, listeners)
        await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def _opened(uri: str) -> AsyncGenerator[_Bulk]:
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        yield _Bulk(mongo)


@contextlib.asynccontextmanager
async def _listening(contender: Contender, subscribers: int) -> AsyncGenerator[Sequence[_Counting]]:
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
    """All runs, and what they come to: `bulk` by their names, and `ratios` by those of the goals."""
    found: dict[str, BulkFigures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, mongod = Path(name), SingleNodeReplicaSet(Path(name), oplog_mb=_OPLOG_MB, cache_gb=1)
        try:
            mongod.start()
            # Once before it counts: the server makes the collections with their images.
            with ours(folder, mongod):
                pass
            for size, subscribers, times in ((changes, FEW, rounds), (changes_of_many, many, 1)):
                bare: list[BulkFigures] = []
                heard: list[BulkFigures] = []
                for _ in range(times):
                    bare.append(uvloop.run(read_bare(mongod.uri, size)))
                    with ours(folder, mongod) as contender:
                        heard.append(uvloop.run(hear(contender, mongod.uri, subscribers, size)))
                found[f"bare reader, {size:,}"] = _median(bare)
                found[f"{subscribers} subscribers, {size:,}"] = _median(heard)
            with another("floor", folder) as contender:
                sent = uvloop.run(send_bare(contender, many, changes_of_many))
                found[f"{many} bare sockets, {changes_of_many:,}"] = sent
        finally:
            mongod.close()
    return {
        "bulk": {name: asdict(each) for name, each in found.items()},
        "ratios": bulk_ratios(found, changes, changes_of_many, many),
    }


def _median(runs: Sequence[BulkFigures]) -> BulkFigures:
    return BulkFigures(**{name: statistics.median(getattr(each, name) for each in runs) for name in asdict(runs[0])})


def bulk_ratios(found: Mapping[str, BulkFigures], changes: int, changes_of_many: int, many: int) -> dict[str, float]:
    """How much later subscribers have heard the last event than a reader has read it, and sockets have sent as much."""
    reader, few = found[f"bare reader, {changes:,}"], found[f"{FEW} subscribers, {changes:,}"]
    reader_of_many = found[f"bare reader, {changes_of_many:,}"]
    heard, sent = found[f"{many} subscribers, {changes_of_many:,}"], found[f"{many} bare sockets, {changes_of_many:,}"]
    return {
        "bulk_vs_bare_reader": few.seconds / reader.seconds,
        "bulk_200_vs_reader_and_sockets": heard.seconds / (reader_of_many.seconds + sent.seconds),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bulk", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--changes", type=int, default=100_000, help=f"that {FEW} subscribers hear of")
    parser.add_argument("--changes-of-many", type=int, default=20_000, help="that many subscribers hear of")
    parser.add_argument("--many", type=int, default=MANY)
    given = parser.parse_args()
    # So that every process is ended, whichever way this one is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # mongod, started from here, stays on this processor, too.
    os.sched_setaffinity(0, {LOAD_CPU})
    found = bulk_part(given.rounds, given.changes, given.changes_of_many, given.many)
    for name, each in found["bulk"].items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items() if value) + "\n")
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in found["ratios"].items())


if __name__ == "__main__":
    main()
