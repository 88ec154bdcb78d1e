"""Many webhooks, of which one leads to a receiver that never answers: the others get theirs in time."""

import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.fernet import Fernet

from execution_monitor.encryption import Encryption
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import equals
from execution_monitor.storage.reader import Reader
from execution_monitor.webhooks.webhooks import WebhookFields, Webhooks
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.faults.webhook_process import Conduct, run
from tests.live.factories import execution
from tests.outbound.receiver import Receiver, receiving
from tests.webhooks.delivering import OK, OWNER, accept

# Of processes that are started with fork.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.webhook_process"])
# Each change concerns ten webhooks.
_WORKFLOWS, _EACH = 10, 10
# Both may be given, to try another load than those of the two runs.
_DELIVERIES_A_SECOND = int(os.environ.get("TEST_DELIVERIES_A_SECOND") or (500 if is_full() else 100))
_SECONDS = int(os.environ.get("TEST_DELIVERIES_SECONDS") or (600 if is_full() else 2))
# Until connections are open and what is read is known.
_WARMING_SECONDS = 10 if is_full() else 1
_PATIENCE_SECONDS = 60
# As in a deployment that goes on where one is killed. One of them reads the changes, and both send.
_SENDERS = 2
# Of either; what waits is in the database.
_MEMORY_MB = 64


def wanted_of(written: int) -> int:
    """How many deliveries so many executions make for those that are well; the dead one is of the last workflow."""
    return written * _EACH - written // _WORKFLOWS


@dataclass
class Arrivals:
    """When deliveries arrived at receivers that are well."""

    delays: list[float] = field(default_factory=list[float])
    seen: set[str] = field(default_factory=set[str])
    repeated: int = 0

    def take(self, receiver: Receiver) -> None:
        """Record the request that came last."""
        request = receiver.requests.pop()
        delivery = request.headers["webhook-id"]
        self.repeated += delivery in self.seen
        self.seen.add(delivery)
        committed = datetime.fromisoformat(orjson.loads(request.body)["timestamp"])
        self.delays.append((datetime.now(UTC) - committed).total_seconds())

    async def all_of(self, written: int) -> None:
        """Return when everything has arrived that so many executions make for those that are well."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while len(self.seen) < wanted_of(written):  # noqa: ASYNC110 - many receivers, no event
                    await asyncio.sleep(0.05)

    def percentile(self, share: float) -> float:
        """The delay that so much of them had at most, in seconds from the commit."""
        return sorted(self.delays)[int(share * (len(self.delays) - 1))]


@contextlib.asynccontextmanager
async def well(arrivals: Arrivals) -> AsyncGenerator[Receiver]:
    """A receiver that answers at once."""
    found = list[Receiver]()

    async def respond(writer: asyncio.StreamWriter) -> None:
        arrivals.take(found[0])
        writer.write(OK)

    async with receiving(respond, None) as receiver:
        found.append(receiver)
        yield receiver


@contextlib.asynccontextmanager
async def dead() -> AsyncGenerator[Receiver]:
    """A receiver that takes connections and answers nothing."""

    async def respond(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3_600)

    async with receiving(respond, None) as receiver:
        yield receiver


@contextlib.asynccontextmanager
async def delivering(*arguments: Any) -> AsyncGenerator[list[ForkServerProcess]]:
    """Processes that feed and send as in a deployment."""
    conducts = [Conduct(number, is_hurried=False) for number in range(_SENDERS)]
    processes = [_PROCESSES.Process(target=run, args=(*arguments, each), daemon=True) for each in conducts]
    for each in processes:
        each.start()
    try:
        yield processes
    finally:
        for each in processes:
            each.kill()


def resident_mb(process: ForkServerProcess) -> float:
    """The memory of a process."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    (found,) = [line for line in lines if line.startswith("VmRSS")]
    return int(found.split()[1]) / 1_024


async def write(database: Database, seconds: float) -> int:
    """Create executions, each of which concerns ten webhooks, at an even pace; returns how many."""
    rows, began = database.collection(Execution), time.monotonic()
    for number in range(int(seconds * _DELIVERIES_A_SECOND / _EACH)):
        await asyncio.sleep(max(0.0, began + number * _EACH / _DELIVERIES_A_SECOND - time.monotonic()))
        await rows.insert_one(execution(workflow_name=f"w{number % _WORKFLOWS}"))
    return int(seconds * _DELIVERIES_A_SECOND / _EACH)


async def test_a_receiver_that_is_dead_keeps_nothing_from_99_that_are_well(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None]
):
    arrivals, key = Arrivals(), Fernet.generate_key().decode()
    async with contextlib.AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(well(arrivals)) for _ in range(_WORKFLOWS * _EACH - 1)]
        receivers.append(await stack.enter_async_context(dead()))
        hosts = [f"127.0.0.1:{each.port}" for each in receivers]
        rules = DestinationRules(frozenset(hosts), allows_http=True)
        webhooks = Webhooks(Reader(database, 5_000), Encryption([key]), rules, accept)
        for number, receiver in enumerate(receivers):
            where = equals("workflow_name", f"w{number % _WORKFLOWS}")
            await webhooks.create(OWNER, WebhookFields(name=str(number), url=receiver.url, where=where))
        processes = await stack.enter_async_context(delivering(mongodb_uri, database.handle.name, key, hosts))
        written = await write(database, _WARMING_SECONDS)
        await arrivals.all_of(written)
        before = list(map(resident_mb, processes))
        arrivals.delays.clear()
        written += await write(database, _SECONDS)
        await arrivals.all_of(written)
        memory = max(resident_mb(each) - mb for each, mb in zip(processes, before, strict=True))

    fault = f"one receiver dead, 99 well, {_DELIVERIES_A_SECOND} deliveries a second in all, for {_SECONDS:,} s"
    note = f"{_SENDERS} processes that send, p50 {arrivals.percentile(0.5):.3g} s, memory {memory:+.0f} MiB"
    lost = max(0, wanted_of(written) - len(arrivals.seen))
    measured: dict[str, Any] = {"measure": "p99 of the well ones", "worst": arrivals.percentile(0.99), "limit": 2}
    report(FaultResult(fault, 1, lost, arrivals.repeated, note=note, page="webhooks", **measured))
    assert memory < _MEMORY_MB
