"""Live updates beside bytes that are ready: how many a second, how late, what a change and a subscriber cost.

`python -m tests.benchmarks.live`. One server at a time, alone on a processor; who listens and MongoDB share the other.
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
from tests.benchmarks.changes import PATIENCE_SECONDS, RATE, broadcast, save, write
from tests.benchmarks.live_servers import another, ours
from tests.benchmarks.servers import LOAD_CPU, Contender
from tests.benchmarks.websocket_client import Conversation, Listener, listen, over_graphql
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import token_of

UPDATES = "subscription { executionUpdates { kind cursor executionId execution { status progress { percentage } } } }"
_CALLERS = 10  # one caller may have 1,000 sockets
_SETTLING_SECONDS = 2.0
# uvicorn asks every socket for a sign of life so often. Over any shorter time, more or fewer of them are asked than
# their share; that of 5,000 is as much as the changes cost.
_PING_SECONDS = 20.0
_OWN_CHANGES = int(RATE * _PING_SECONDS)
_AT_ONCE = 50  # sockets that are opened side by side; those that have not said whose they are, are bounded

# Makes so many changes, to executions of these owners in turn; says when each was acknowledged, if any is.
Change = Callable[[Sequence[str], int], Awaitable[list[float]]]


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


def conversation_of(server: str, token: str) -> Conversation:
    """How a subscriber asks `server` for all changes that it may see."""
    if server != "parse":
        return over_graphql(token, UPDATES)
    query = {"className": Execution.Settings.name, "where": {"tenant_id": "acme"}, "keys": ["status", "progress"]}
    subscribe = {"op": "subscribe", "requestId": 1, "query": query}
    return Conversation([{"op": "connect", "applicationId": "benchmark"}, subscribe], answers=2)


@contextlib.asynccontextmanager
async def listening(contender: Contender, tokens: Sequence[str]) -> AsyncGenerator[list[Listener]]:
    """A subscriber for each of `tokens`."""
    listeners: list[Listener] = []
    asked = [conversation_of(contender.name, token) for token in tokens]
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        listeners += await asyncio.gather(*(listen("127.0.0.1", contender.port, each) for each in some))
    await asyncio.sleep(_SETTLING_SECONDS)  # the last subscription is on its way
    try:
        yield listeners
    finally:
        for each in listeners:
            each.transport.close()


async def all_heard(listeners: Sequence[Listener], wanted: Sequence[int]) -> None:
    """Return when each has heard as many messages as is `wanted` of it; raises if one hears more, or not in time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(len(each.times) < count for each, count in zip(listeners, wanted, strict=True)):  # noqa: ASYNC110 - they do not wait for each other
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    if any(len(each.times) != count for each, count in zip(listeners, wanted, strict=True)):
        raise RuntimeError("Somebody heard more than there was to hear.")


async def idle_cpu(contender: Contender) -> float:
    """CPU seconds a second while nothing happens: pings, and looks at the clock."""
    before = contender.cpu_seconds()
    await asyncio.sleep(_PING_SECONDS)
    return (contender.cpu_seconds() - before) / _PING_SECONDS


async def measure(
    contender: Contender, subscribers: int, changes: int, change: Change, *, own: bool = False
) -> LiveFigures:
    """One run: every subscriber sees all that `change` does, or its own alone."""
    users = [f"user-{number}" for number in range(subscribers if own else _CALLERS)]
    scopes = () if own else (Scope.EXECUTIONS_READ_TENANT,)
    tokens = {user: token_of(user, *scopes) for user in users}
    shares = [len(range(number, changes, subscribers)) if own else changes for number in range(subscribers)]
    memory = contender.memory()
    async with listening(contender, [tokens[users[number % len(users)]] for number in range(subscribers)]) as listeners:
        held = contender.memory() - memory
        # Where all see all, that is as good as nothing beside the changes.
        idle = await idle_cpu(contender) if own else 0.0
        cpu, begun = contender.cpu_seconds(), time.monotonic()
        acknowledged = await change(users, changes)
        await all_heard(listeners, shares)
        spent = contender.cpu_seconds() - cpu - idle * (time.monotonic() - begun)
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
    """All runs, and what they come to: `live` by their names, and `ratios` by those of the goals.

    Each of `audiences`, one of which is 1,000, sees all `changes`, or fewer where there are more listeners than that.
    Each of `subscribers`, two of which are 100 and 5,000, sees its own, for as long as it takes to ask all sockets for
    a sign.
    """
    found: dict[str, LiveFigures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, mongod = Path(name), SingleNodeReplicaSet(Path(name))
        try:
            mongod.start()
            written = partial(write, mongod.uri)
            for count in audiences:
                seen = changes * min(1_000, count) // count
                with ours(folder, mongod) as contender:
                    found[f"all see all, {count:,}"] = uvloop.run(measure(contender, count, seen, written))
                with another("floor", folder) as contender:
                    sent = partial(broadcast, contender.port)
                    found[f"floor, {count:,}"] = uvloop.run(measure(contender, count, seen, sent))
            with another("yoga", folder, mongod.uri) as contender:
                found["yoga, 1,000"] = uvloop.run(measure(contender, 1_000, changes, written))
            with another("parse", folder, mongod.uri) as contender:
                saved = partial(save, contender.port)
                found["parse, 1,000"] = uvloop.run(measure(contender, 1_000, changes, saved))
            for count in subscribers:
                with ours(folder, mongod) as contender:
                    run = measure(contender, count, _OWN_CHANGES, written, own=True)
                    found[f"own only, {count:,}"] = uvloop.run(run)
        finally:
            mongod.close()
    return {"live": {name: asdict(each) for name, each in found.items()}, "ratios": live_ratios(found)}


def live_ratios(found: Mapping[str, LiveFigures]) -> dict[str, float]:
    """The ratios that goals are set for; that of CPU tells those apart that keep up."""
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
    # More is sent than either can, so that it tells how much they can.
    if most := found.get("all see all, 5,000"):
        ratios["live_broadcast_5000_vs_floor"] = most.delivered_per_second / found["floor, 5,000"].delivered_per_second
    return ratios


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000)
    parser.add_argument("--audiences", type=int, nargs="+", default=[100, 1_000, 5_000])
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 1_000, 5_000])
    given = parser.parse_args()
    # mongod, started from here, stays on this processor, too.
    os.sched_setaffinity(0, {LOAD_CPU})
    found = live_part(given.changes, given.audiences, given.subscribers)
    for name, each in found["live"].items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items() if value) + "\n")
    sys.stdout.writelines(f"{name}: {ratio:.2f}\n" for name, ratio in found["ratios"].items())


if __name__ == "__main__":
    main()
