"""Live updates beside bytes that are ready: how many a second, how late, what a change and a subscriber cost.

`python -m tests.benchmarks.live`. One server at a time, alone on a processor; who listens and MongoDB share the other.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvloop
from pymongo import AsyncMongoClient, InsertOne
from pymongo.write_concern import WriteConcern

from execution_monitor.access.caller import Scope
from execution_monitor.storage.documents import Execution
from tests.benchmarks.listening import Listener, listen
from tests.benchmarks.servers import LOAD_CPU, PEERS, SERVER_CPU, UVICORN, Contender
from tests.conftest import SECRET
from tests.live.scenes import token_of
from tests.live.server_process import ServerProcess
from tests.monitoring.live.own_mongod import OwnMongod
from tests.serving import free_ports

RATE = 100  # changes a second
UPDATES = "subscription { executionUpdates { kind cursor executionId execution { status progress { percentage } } } }"
_CALLERS = 10  # one caller may have 1,000 sockets
_SETTLING_SECONDS = 2.0
# uvicorn asks every socket for a sign of life so often. Over any shorter time, more or fewer of them are asked than
# their share; that of 5,000 is as much as the changes cost.
_PING_SECONDS = 20.0
_OWN_CHANGES = int(RATE * _PING_SECONDS)
_MESSAGE_BYTES = 345  # of one of ours, as strace saw it
_PATIENCE_SECONDS = 120.0
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "floor": (*UVICORN, "--ws=websockets-sansio", "tests.benchmarks.live_floor:create_app"),
    "yoga": ("node", str(PEERS / "yoga_live.js")),
}
_AT_ONCE = 50  # sockets that are opened side by side; those that have not said whose they are, are bounded


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Of one run: messages a second from the first to the last, milliseconds from commit to client, CPU milliseconds.

    Latencies are None where nothing is committed.
    """

    subscribers: int
    delivered_per_second: float
    p50: float | None
    p99: float | None
    cpu_per_change: float
    bytes_per_subscriber: float


@contextlib.contextmanager
def another(name: str, folder: Path, uri: str = "") -> Generator[Contender]:
    """The server `name` of `COMMANDS`, from when it answers at all until the block ends."""
    port = free_ports(1)
    environment = {**os.environ, "BENCH_SECRET": SECRET, "BENCH_URI": uri, "BENCH_DATABASE": "live"}
    with (folder / f"{name}.log").open("wb") as out:
        process = subprocess.Popen([*COMMANDS[name], f"--port={port}"], stdout=out, stderr=out, env=environment)
    try:
        os.sched_setaffinity(process.pid, {SERVER_CPU})
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/")
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield Contender(name, process.pid, port)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def ours(folder: Path, mongod: OwnMongod) -> Generator[Contender]:
    """Our server, until the block ends."""
    server = ServerProcess(folder, mongod.uri, rate_limit="off", rate_limit_address="off")
    server.launch()
    try:
        os.sched_setaffinity(server.pid, {SERVER_CPU})
        server.wait_until_ready()
        yield Contender("ours", server.pid, urlsplit(server.url).port or 0)
    finally:
        server.close()


@contextlib.asynccontextmanager
async def listening(contender: Contender, tokens: Sequence[str]) -> AsyncGenerator[list[Listener]]:
    """A subscriber for each of `tokens`."""
    listeners: list[Listener] = []
    for start in range(0, len(tokens), _AT_ONCE):
        some = tokens[start : start + _AT_ONCE]
        listeners += await asyncio.gather(*(listen("127.0.0.1", contender.port, token, UPDATES) for token in some))
    await asyncio.sleep(_SETTLING_SECONDS)  # the last subscription is on its way
    try:
        yield listeners
    finally:
        for each in listeners:
            each.transport.close()


async def all_heard(listeners: Sequence[Listener], wanted: Sequence[int]) -> None:
    """Return when each has heard as many messages as is `wanted` of it; raises if one hears more, or not in time."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while any(len(each.times) < count for each, count in zip(listeners, wanted, strict=True)):  # noqa: ASYNC110 - they do not wait for each other
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    if any(len(each.times) != count for each, count in zip(listeners, wanted, strict=True)):
        raise RuntimeError("Somebody heard more than there was to hear.")


async def write(uri: str, owners: Sequence[str], changes: int) -> list[float]:
    """One new execution for each owner in turn, `changes` in all; when each was acknowledged."""
    acknowledged: list[float] = []
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        collection = mongo["live"].with_options(write_concern=WriteConcern("majority"))[Execution.Settings.name]
        begun = time.monotonic()
        for number in range(changes):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            now = datetime.now(UTC)
            names = {"tenant_id": "acme", "user_id": owners[number % len(owners)], "workflow_name": "etl"}
            times = {"created": now, "updated": now, "version": 1}
            row = {"execution_id": f"{begun}-{number:06}", "status": "running", **names, **times}
            await collection.bulk_write([InsertOne(row)])
            acknowledged.append(time.monotonic())
    return acknowledged


async def broadcast(port: int, changes: int) -> None:
    """Let the floor send as many messages as large as ours."""
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
        url = f"http://127.0.0.1:{port}/broadcast?changes={changes}&rate={RATE}"
        (await client.post(url, content=b"x" * _MESSAGE_BYTES)).raise_for_status()


async def idle_cpu(contender: Contender) -> float:
    """CPU seconds a second while nothing happens: pings, and looks at the clock."""
    before = contender.cpu_seconds()
    await asyncio.sleep(_PING_SECONDS)
    return (contender.cpu_seconds() - before) / _PING_SECONDS


async def measure(contender: Contender, subscribers: int, changes: int, uri: str | None, *, own: bool) -> LiveFigures:
    """One run against our server, or against the floor where there is no `uri`."""
    users = [f"user-{number}" for number in range(subscribers if own else _CALLERS)]
    scopes = () if own else (Scope.EXECUTIONS_READ_TENANT,)
    tokens = {user: token_of(user, *scopes) for user in users}
    memory = contender.memory()
    async with listening(contender, [tokens[users[number % len(users)]] for number in range(subscribers)]) as listeners:
        held = contender.memory() - memory
        idle = await idle_cpu(contender)
        cpu, begun = contender.cpu_seconds(), time.monotonic()
        if uri is None:
            await asyncio.gather(broadcast(contender.port, changes), all_heard(listeners, [changes] * subscribers))
            late: list[float] = []
        else:
            acknowledged = await write(uri, users, changes)
            shares = [len(range(number, changes, subscribers)) if own else changes for number in range(subscribers)]
            await all_heard(listeners, shares)
            late = [
                (at - acknowledged[number + turn * subscribers if own else turn]) * 1_000
                for number, each in enumerate(listeners)
                for turn, at in enumerate(each.times)
            ]
        spent = contender.cpu_seconds() - cpu - idle * (time.monotonic() - begun)
        times = [at for each in listeners for at in (each.times[:1] + each.times[-1:])]
        delivered = sum(len(each.times) for each in listeners)
    quantiles = statistics.quantiles(late, n=100) if late else None
    return LiveFigures(
        subscribers=subscribers,
        delivered_per_second=delivered / (max(times) - min(times)),
        p50=None if quantiles is None else quantiles[49],
        p99=None if quantiles is None else quantiles[98],
        cpu_per_change=spent / changes * 1_000,
        bytes_per_subscriber=held / subscribers,
    )


def live_part(changes: int, subscribers: Sequence[int]) -> dict[str, Any]:
    """All runs, and what they come to: `live` by their names, and `ratios` by those of the goals.

    All see `changes`; what only one sees, each time, is changed for as long as it takes to ask all sockets for a sign.
    """
    found: dict[str, LiveFigures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, mongod = Path(name), OwnMongod(Path(name))
        try:
            mongod.start()
            with ours(folder, mongod) as contender:
                found["all see all, 1,000"] = uvloop.run(measure(contender, 1_000, changes, mongod.uri, own=False))
            with another("floor", folder) as contender:
                found["floor, 1,000"] = uvloop.run(measure(contender, 1_000, changes, None, own=False))
            with another("yoga", folder, mongod.uri) as contender:
                found["yoga, 1,000"] = uvloop.run(measure(contender, 1_000, changes, mongod.uri, own=False))
            for count in subscribers:
                with ours(folder, mongod) as contender:
                    run = measure(contender, count, _OWN_CHANGES, mongod.uri, own=True)
                    found[f"own only, {count:,}"] = uvloop.run(run)
        finally:
            mongod.close()
    return {"live": {name: asdict(each) for name, each in found.items()}, "ratios": live_ratios(found)}


def live_ratios(found: Mapping[str, LiveFigures]) -> dict[str, float]:
    """The ratios that goals are set for, and that of CPU: at a rate that both keep up with, it tells them apart."""
    broadcast, bytes_alone = found["all see all, 1,000"], found["floor, 1,000"]
    few, many = found["own only, 100"], found["own only, 5,000"]
    return {
        "live_broadcast_vs_floor": broadcast.delivered_per_second / bytes_alone.delivered_per_second,
        "live_broadcast_vs_yoga": broadcast.delivered_per_second / found["yoga, 1,000"].delivered_per_second,
        "live_broadcast_cpu_vs_floor": broadcast.cpu_per_change / bytes_alone.cpu_per_change,
        "live_own_5000_vs_100": many.cpu_per_change / few.cpu_per_change,
        "subscriber_memory_vs_floor": broadcast.bytes_per_subscriber / bytes_alone.bytes_per_subscriber,
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 1_000, 5_000])
    given = parser.parse_args()
    # mongod, started from here, stays on this processor, too.
    os.sched_setaffinity(0, {LOAD_CPU})
    found = live_part(given.changes, given.subscribers)
    for name, each in found["live"].items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items() if value) + "\n")
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in found["ratios"].items())


if __name__ == "__main__":
    main()
