"""Webhooks: how soon a change arrives, and what many different ones cost: `make bench-webhooks`.

`webhook_vs_floor` is the median time from the acknowledgement of a change to its arrival at a receiver, over that of a
bare change stream reader that makes two majority writes and one POST. `webhooks_1000_vs_1` is how much more of a core
the server takes for 1,000 webhooks with different filters than for one, at 100 changes a second.
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
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.encryption import Encryption
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import (
    EVERYTHING,
    AllOf,
    Contains,
    Filter,
    HasTag,
    OneOf,
    Range,
    StartsWith,
    equals,
)
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.relative_filters import Duration
from execution_monitor.webhooks.webhooks import MAX_OF_OWNER, WebhookFields, Webhooks
from tests.benchmarks.latest import record
from tests.benchmarks.servers import SERVER_CPU, Contender, use_load_processor
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import running_server
from tests.support.tokens import SECRET

WEBHOOKS = 1_000
RATE = 100  # changes a second
_WARM_UP = 50  # changes that are not counted
_FIELDS = {
    "tenant_id": "acme",
    "user_id": "ada",
    "workflow_name": "etl-1",
    "session_id": "s",
    "triggered_by": "schedule",
    "total_cost": 0.3,
    "tags": [{"key": "team", "value": "data"}, {"key": "env", "value": "prod"}],
    "error_details": {"message": "time-out of the warehouse", "code": "TIMEOUT"},
}
# What people follow, as `filters.KINDS` has it, where nothing that changes matches: most of it must be looked at.
_OTHERS: Sequence[Callable[[int], Filter]] = (
    lambda number: AllOf((equals("status", "failed"), Contains("workflow_name", f"other-{number}"))),
    lambda number: Contains("error_details.message", f"no {number}"),
    lambda number: AllOf((OneOf("workflow_name", (f"other-{number}",)), OneOf("status", ("failed", "timed_out")))),
    lambda number: Range("total_cost", gt=1_000.0 + number),
    lambda number: HasTag("team", f"team-{number}"),
    lambda number: AllOf((StartsWith("workflow_name", f"ml-{number}"), Range("created", gte=_NOON))),
    lambda number: OneOf("triggered_by", ("api", f"user-{number}")),
    lambda number: AllOf((equals("status", "running"), Duration(gte=1e9 + number))),
    lambda number: equals("session_id", f"session-{number}"),
)
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_OWNER_SCOPES = frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT, Scope.WEBHOOKS_WRITE})
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Arrivals:
    """When changes arrived at the receiver, by their version."""

    port: int
    times: dict[int, float] = field(default_factory=dict[int, float])

    @property
    def url(self) -> str:
        """Where they are sent to."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, versions: Sequence[int]) -> None:
        """Wait until these versions have arrived."""
        async with asyncio.timeout(60):
            while not all(each in self.times for each in versions):  # noqa: ASYNC110 - requests have no common event
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def receiving() -> AsyncGenerator[Arrivals]:
    """A receiver that accepts everything."""
    arrivals = Arrivals(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                arrived = time.monotonic()
                writer.write(_ANSWER)
                arrivals.times.setdefault(orjson.loads(body)["data"]["version"], arrived)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    arrivals.port = server.sockets[0].getsockname()[1]
    try:
        yield arrivals
    finally:
        server.close()


@dataclass
class Changes:
    """Changes of one execution after another, each with a version of its own."""

    uri: str
    database: str
    rate: float
    version: int = 0

    async def make(self, count: int) -> Mapping[int, float]:
        """Make so many changes, `rate` a second; returns the time of acknowledgement of each version."""
        acknowledged: dict[int, float] = {}
        async with AsyncMongoClient[dict[str, Any]](self.uri) as mongo:
            rows = mongo[self.database].with_options(write_concern=WriteConcern("majority"))[Execution.Settings.name]
            began = time.monotonic()
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
                self.version += 1
                now = datetime.now(UTC)
                status = "failed" if self.version % 2 else "running"
                change = {"$set": {**_FIELDS, "status": status, "updated": now, "version": self.version}}
                where = {"execution_id": f"run-{self.version % 10}"}
                await rows.update_one(where, {**change, "$setOnInsert": {"created": now}}, upsert=True)
                acknowledged[self.version] = time.monotonic()
        return acknowledged


async def store_webhooks(uri: str, database: str, url: str, wheres: Sequence[Filter]) -> None:
    """Store a webhook for each of `wheres`, each owner with as many as one may have."""
    keys = Settings(jwt_secret=SecretStr(SECRET), environment="development").encryption_keys
    stored = Database.at(uri, database)
    try:
        await stored.connect()
        rules = DestinationRules(frozenset({url.split("/")[2]}), allows_http=True)
        webhooks = Webhooks(Reader(stored, 5_000), Encryption(keys), rules, _accept)
        for number, where in enumerate(wheres):
            owner = Caller(f"user-{number // MAX_OF_OWNER}", "acme", _OWNER_SCOPES)
            await webhooks.create(owner, WebhookFields(name="benchmark", url=url, where=where))
    finally:
        await stored.close()


async def _accept(_: Caller) -> None:
    """No token is revoked."""


def milliseconds(arrivals: Arrivals, acknowledged: Mapping[int, float]) -> list[float]:
    """From acknowledgement to arrival."""
    return [(arrivals.times[version] - at) * 1_000 for version, at in acknowledged.items()]


@contextlib.contextmanager
def floor(uri: str, database: str, url: str) -> Generator[None]:
    """The floor, from when it reads until the block ends."""
    command = [sys.executable, "-m", "tests.benchmarks.webhook_floor", uri, database, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            os.sched_setaffinity(process.pid, {SERVER_CPU})
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def ours(folder: Path, uri: str, database: str, url: str) -> Generator[Contender]:
    """Our server, from when it is ready until the block ends."""
    settings = {"environment": "development", "outbound_allow": url.split("/")[2]}
    with running_server(folder, uri, database, **settings) as server:
        os.sched_setaffinity(server.process.pid, {SERVER_CPU})
        yield Contender("ours", server.process.pid, server.port)
        # One that is killed keeps the lease of the feeder from the next for a while.
        server.stop()


async def latencies(folder: Path, uri: str, rounds: int, count: int, rate: float) -> dict[str, list[float]]:
    """The milliseconds of each, from rounds in turn."""
    found: dict[str, list[float]] = {"floor": [], "ours": []}
    # Each has its own: what happens while it does not run is not delivered later.
    written = {name: Changes(uri, f"latency_{name}", rate) for name in found}
    async with receiving() as arrivals:
        for number in range(rounds):
            for name, changes in written.items():
                at = uri, changes.database, arrivals.url
                with floor(*at) if name == "floor" else ours(folder, *at):
                    if name == "ours" and number == 0:
                        await store_webhooks(*at, [EVERYTHING])
                    arrivals.times.clear()
                    # Connections are opened, and what is to be known of webhooks is read.
                    await arrivals.until(list(await changes.make(_WARM_UP)))
                    acknowledged = await changes.make(count)
                    await arrivals.until(list(acknowledged))
                found[name] += milliseconds(arrivals, acknowledged)
    return found


async def cores(folder: Path, uri: str, count: int) -> dict[str, float]:
    """The share of a core that the server takes for one webhook, and for 1,000 of which one matches."""
    found: dict[str, float] = {}
    others = [_OTHERS[number % len(_OTHERS)](number) for number in range(WEBHOOKS - 1)]
    async with receiving() as arrivals:
        for name, wheres in (("one", [EVERYTHING]), ("many", [EVERYTHING, *others])):
            changes = Changes(uri, f"cores_{name}", RATE)
            with ours(folder, uri, changes.database, arrivals.url) as server:
                await store_webhooks(uri, changes.database, arrivals.url, wheres)
                arrivals.times.clear()
                warm = await changes.make(_WARM_UP * 2)
                await arrivals.until(list(warm))
                cpu = server.cpu_seconds()
                acknowledged = await changes.make(count)
                await arrivals.until(list(acknowledged))
                # Where the machine is too slow for the rate, the same work takes longer and is no less.
                found[name] = (server.cpu_seconds() - cpu) * RATE / count
    return found


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.webhooks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--changes", type=int, default=500, help="changes of a round")
    parser.add_argument("--rate", type=float, default=RATE, help="changes a second whose latency is measured")
    parser.add_argument("--only", choices=("latency", "cores"), help="one of both, which is not recorded")
    options = parser.parse_args()
    use_load_processor()
    ratios: dict[str, float] = {}
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(SingleNodeReplicaSet(Path(folder), checkpoint_seconds=60)) as mongod,
    ):
        if options.only != "cores":
            times = uvloop.run(latencies(Path(folder), mongod.uri, options.rounds, options.changes, options.rate))
            for name, each in times.items():
                quantiles = statistics.quantiles(each, n=100)
                figures[name] = {"p50": quantiles[49], "p99": quantiles[98]}
                sys.stdout.write(
                    f"{name}: {quantiles[49]:.1f} ms from change to receiver, p99 {quantiles[98]:.1f} ms\n"
                )
            ratios["webhook_vs_floor"] = figures["ours"]["p50"] / figures["floor"]["p50"]
        if options.only != "latency":
            figures["cores"] = uvloop.run(cores(Path(folder), mongod.uri, options.changes * options.rounds))
            ratios["webhooks_1000_vs_1"] = figures["cores"]["many"] - figures["cores"]["one"]
            sys.stdout.writelines(f"{name}: {share:.3f} of a core\n" for name, share in figures["cores"].items())
    sys.stdout.writelines(f"{name}: {value:.3f}\n" for name, value in ratios.items())
    if options.only is None:
        record(ratios, webhooks=figures)


if __name__ == "__main__":
    main()
