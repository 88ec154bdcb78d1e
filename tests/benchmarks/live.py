"""Live updates beside ready bytes: rate, latency, and the cost of a change and of a subscriber.

`python -m tests.benchmarks.live`. One server at a time, alone on a processor; subscribers and MongoDB share the other.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from execution_monitor.auth.caller import Scope
from execution_monitor.storage.documents import Execution
from tests.benchmarks.changes import LIMIT_SECONDS, RATE, broadcast, save, write
from tests.benchmarks.live_servers import our_server, peer_server
from tests.benchmarks.servers import LOAD_CPU, Contender
from tests.benchmarks.websocket_client import Conversation, Listener, listen, over_graphql
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import token_of

UPDATES = "subscription { executionUpdates { kind cursor executionId execution { status progress { percentage } } } }"
_CALLERS = 10  # one caller may have 1,000 sockets
_SETTLING_SECONDS = 2.0
# uvicorn pings every socket this often. Over a shorter time more or fewer than their share would be pinged, and the
# pings of 5,000 sockets cost as much as the changes.
_PING_SECONDS = 20.0
_OWN_CHANGES = int(RATE * _PING_SECONDS)
_AT_ONCE = 50  # sockets that are opened at the same time; the number without a token yet is limited

# Makes so many changes, of executions of these owners in turn; returns the times of acknowledgement, if any.
Change = Callable[[Sequence[str], int], Awaitable[list[float]]]


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """One run: messages a second from first to last, milliseconds from commit to client, CPU milliseconds, bytes.

    Latencies are None where nothing is committed.
    """

    subscribers: int
    delivered_per_second: float
    p50: float | None
    p99: float | None
    cpu_per_change: float
    bytes_per_subscriber: float


def conversation_of(server: str, token: str) -> Conversation:
    """How a subscriber subscribes at `server` to all changes that it may see."""
    if server != "parse":
        return over_graphql(token, UPDATES)
    query = {"className": Execution.Settings.name, "where": {"tenant_id": "acme"}, "keys": ["status", "progress"]}
    subscribe = {"op": "subscribe", "requestId": 1, "query": query}
    return Conversation([{"op": "connect", "applicationId": "benchmark"}, subscribe], answers=2)


@contextlib.asynccontextmanager
async def subscribed(contender: Contender, tokens: Sequence[str]) -> AsyncGenerator[list[Listener]]:
    """A subscriber for each of `tokens`."""
    listeners: list[Listener] = []
    conversations = [conversation_of(contender.name, token) for token in tokens]
    for start in range(0, len(conversations), _AT_ONCE):
        some = conversations[start : start + _AT_ONCE]
        listeners += await asyncio.gather(*(listen("127.0.0.1", contender.port, each) for each in some))
    await asyncio.sleep(_SETTLING_SECONDS)  # the last subscribe message has no answer
    try:
        yield listeners
    finally:
        for each in listeners:
            each.transport.close()


async def wait_until_received(listeners: Sequence[Listener], wanted: Sequence[int]) -> None:
    """Return when each has received as many messages as `wanted`.

    Raises:
        RuntimeError: If one receives more.
        TimeoutError: If one receives fewer.
    """
    async with asyncio.timeout(LIMIT_SECONDS):
        while any(len(each.times) < count for each, count in zip(listeners, wanted, strict=True)):  # noqa: ASYNC110 - many sockets, without a common event
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    if any(len(each.times) != count for each, count in zip(listeners, wanted, strict=True)):
        raise RuntimeError("A subscriber received more messages than there were changes.")


async def idle_cpu(contender: Contender) -> float:
    """CPU seconds a second while nothing happens but pings and timers."""
    before = contender.cpu_seconds()
    await asyncio.sleep(_PING_SECONDS)
    return (contender.cpu_seconds() - before) / _PING_SECONDS


async def measure(
    contender: Contender, subscribers: int, changes: int, change: Change, *, own: bool = False
) -> LiveFigures:
    """Measure one run: every subscriber sees all changes, or its own alone."""
    users = [f"user-{number}" for number in range(subscribers if own else _CALLERS)]
    scopes = () if own else (Scope.EXECUTIONS_READ_TENANT,)
    tokens = {user: token_of(user, *scopes) for user in users}
    shares = [len(range(number, changes, subscribers)) if own else changes for number in range(subscribers)]
    memory = contender.memory()
    async with subscribed(
        contender, [tokens[users[number % len(users)]] for number in range(subscribers)]
    ) as listeners:
        held = contender.memory() - memory
        # Where all see all, that is next to nothing beside the changes.
        idle = await idle_cpu(contender) if own else 0.0
        cpu, began = contender.cpu_seconds(), time.monotonic()
        acknowledged = await change(users, changes)
        await wait_until_received(listeners, shares)
        spent = contender.cpu_seconds() - cpu - idle * (time.monotonic() - began)
        late = [
            (at - acknowledged[number + turn * subscribers if own else turn]) * 1_000
            for number, each in enumerate(listeners if acknowledged else ())
            for turn, at in enumerate(each.times)
        ]
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


def live_part(changes: int, audiences: Sequence[int], subscribers: Sequence[int]) -> dict[str, Any]:
    """All runs: `live` by their names, and `ratios` by the names of the goals.

    `audiences` are numbers of subscribers that see all `changes`, or fewer where they are more than 1,000; one of them
    is 1,000. `subscribers` are numbers of subscribers that see their own changes, for as long as pinging all sockets
    takes; 100 and 5,000 are among them.
    """
    found: dict[str, LiveFigures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, mongod = Path(name), SingleNodeReplicaSet(Path(name))
        try:
            mongod.start()
            written = partial(write, mongod.uri)
            for count in audiences:
                seen = changes * min(1_000, count) // count
                with our_server(folder, mongod) as contender:
                    found[f"all see all, {count:,}"] = uvloop.run(measure(contender, count, seen, written))
                with peer_server("floor", folder) as contender:
                    sent = partial(broadcast, contender.port)
                    found[f"floor, {count:,}"] = uvloop.run(measure(contender, count, seen, sent))
            with peer_server("yoga", folder, mongod.uri) as contender:
                found["yoga, 1,000"] = uvloop.run(measure(contender, 1_000, changes, written))
            with peer_server("parse", folder, mongod.uri) as contender:
                saved = partial(save, contender.port)
                found["parse, 1,000"] = uvloop.run(measure(contender, 1_000, changes, saved))
            for count in subscribers:
                with our_server(folder, mongod) as contender:
                    run = measure(contender, count, _OWN_CHANGES, written, own=True)
                    found[f"own only, {count:,}"] = uvloop.run(run)
        finally:
            mongod.close()
    return {"live": {name: asdict(each) for name, each in found.items()}, "ratios": live_ratios(found)}


def live_ratios(found: Mapping[str, LiveFigures]) -> dict[str, float]:
    """The ratios that have goals; where both keep up with the rate, that of CPU shows the difference."""
    all_see, bytes_alone = found["all see all, 1,000"], found["floor, 1,000"]
    few, many = found["own only, 100"], found["own only, 5,000"]
    ratios = {
        "live_broadcast_vs_floor": all_see.delivered_per_second / bytes_alone.delivered_per_second,
        "live_broadcast_vs_yoga": all_see.delivered_per_second / found["yoga, 1,000"].delivered_per_second,
        "live_broadcast_vs_parse": all_see.delivered_per_second / found["parse, 1,000"].delivered_per_second,
        "live_broadcast_cpu_vs_floor": all_see.cpu_per_change / bytes_alone.cpu_per_change,
        "live_own_5000_vs_100": many.cpu_per_change / few.cpu_per_change,
        "subscriber_memory_vs_floor": all_see.bytes_per_subscriber / bytes_alone.bytes_per_subscriber,
    }
    # More is sent than either can deliver, so that it shows how much they can.
    if most := found.get("all see all, 5,000"):
        ratios["live_broadcast_5000_vs_floor"] = most.delivered_per_second / found["floor, 5,000"].delivered_per_second
    return ratios


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--audiences", type=int, nargs="+", default=[100, 1_000, 5_000])
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 1_000, 5_000])
    options = parser.parse_args()
    # mongod is started from this process, and stays on its processor.
    os.sched_setaffinity(0, {LOAD_CPU})
    found = live_part(options.changes, options.audiences, options.subscribers)
    for name, each in found["live"].items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items() if value) + "\n")
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in found["ratios"].items())


if __name__ == "__main__":
    main()
