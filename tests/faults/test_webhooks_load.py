"""Many webhooks, of which one leads to a receiver that never answers: the others get theirs in time."""

import asyncio
import contextlib
import multiprocessing
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
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import FeedPosition
from execution_monitor.webhooks.tenants import CONSUMER
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
_DELIVERIES_A_SECOND = 500 if is_full() else 100
_SECONDS = 600 if is_full() else 5
# Until connections are open and what is read is known.
_WARMING_SECONDS = 10 if is_full() else 1
_LIMIT_SECONDS = 2.0


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

    def percentile(self, share: float) -> float:
        """The delay that so much of them had at most, in seconds from the commit."""
        return sorted(self.delays)[int(share * (len(self.delays) - 1))]


@contextlib.asynccontextmanager
async def well(arrivals: Arrivals) -> AsyncGenerator[Receiver]:
    """A receiver that answers at once."""
    found: Receiver | None = None

    async def respond(writer: asyncio.StreamWriter) -> None:
        assert found is not None
        arrivals.take(found)
        writer.write(OK)

    async with receiving(respond, None) as found:
        yield found


@contextlib.asynccontextmanager
async def dead() -> AsyncGenerator[Receiver]:
    """A receiver that takes connections and answers nothing."""

    async def respond(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3_600)

    async with receiving(respond, None) as receiver:
        yield receiver


@contextlib.asynccontextmanager
async def delivering(arguments: tuple[Any, ...], count: int) -> AsyncGenerator[list[ForkServerProcess]]:
    """So many processes that feed and send as in a deployment."""
    conducts = [Conduct(number, is_hurried=False) for number in range(count)]
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


async def begun(database: Database, at: StreamPosition) -> None:
    """Return when a feeder has come to a position."""
    positions = database.collection(FeedPosition)
    async with asyncio.timeout(60):
        while True:
            found = await positions.find_one({"_id": CONSUMER})
            if found is not None and found["position"] >= at:
                return
            await asyncio.sleep(0.05)


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
        processes = await stack.enter_async_context(delivering((mongodb_uri, database.handle.name, key, hosts), 1))
        written = await write(database, _WARMING_SECONDS)
        await asyncio.sleep(1)
        before = resident_mb(processes[0])
        arrivals.delays.clear()
        written += await write(database, _SECONDS)
        # A tenth of those of one workflow are for the dead one.
        expected = written * _EACH - -(-written // _WORKFLOWS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while len(arrivals.seen) < expected:
                    await asyncio.sleep(0.05)
        memory = resident_mb(processes[0]) - before

    print(len(arrivals.seen), expected, arrivals.percentile(0.5), arrivals.percentile(0.99), arrivals.percentile(1), memory)
