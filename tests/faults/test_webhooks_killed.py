"""Webhooks and `kill -9`: every change is enqueued once and delivered, and what is repeated was on its way."""

import asyncio
import contextlib
import multiprocessing
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from typing import Any

import orjson
import pytest
from cryptography.fernet import Fernet

from execution_monitor.encryption import Encryption
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import FeedPosition, LeaseRecord
from execution_monitor.storage.webhook_documents import OPEN_STATES, WebhookDelivery
from execution_monitor.webhooks.images import decode_image
from execution_monitor.webhooks.tenants import CONSUMER
from execution_monitor.webhooks.webhooks import KINDS, WebhookFields, Webhooks
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.faults.webhook_process import POINTS, run
from tests.live.factories import execution
from tests.outbound.receiver import Receiver, answering, receiving
from tests.webhooks.delivering import OK, OWNER, accept

_TRIALS = 200 if is_full() else 1
_EXECUTIONS = 10
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.webhook_process"])


@dataclass
class Oracle:
    """What was written: each version of each execution once, and how often it failed."""

    database: Database
    versions: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])

    async def write(self) -> None:
        """Change every execution once; every third time it fails, and then runs again."""
        rows = self.database.collection(Execution)
        for number in range(_EXECUTIONS):
            name = f"run-{number}"
            self.versions[name] += 1
            version = self.versions[name]
            status = "failed" if version % 3 == 0 else "running"
            self.failures[name] += status == "failed"
            if version == 1:
                await rows.insert_one(execution(name, status=status, version=1))
            else:
                change = {"status": status, "version": version}
                await rows.update_one({"execution_id": name}, {"$set": change})

    async def keep_writing(self, until: asyncio.Event) -> None:
        """Write until an event."""
        while not until.is_set():
            await self.write()
            await asyncio.sleep(0.05)

    @property
    def expected(self) -> Counter[tuple[str, int]]:
        """Every version of every execution."""
        return Counter((name, version) for name, last in self.versions.items() for version in range(1, last + 1))


@dataclass
class Scene:
    """Two webhooks, their receiver, and processes that are killed."""

    database: Database
    receiver: Receiver
    arguments: tuple[Any, ...]
    everything: Any
    failures: Any
    oracle: Oracle
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.Task[None] | None = None

    def start_writing(self) -> None:
        self.writer = asyncio.create_task(self.oracle.keep_writing(self.has_ended))

    async def stop_writing(self) -> None:
        """Return when the last write has been acknowledged."""
        self.has_ended.set()
        if self.writer is not None:
            await self.writer

    async def change_terms(self, count: int) -> None:
        """Return when the feeder's lease has gone from one process to the other so many times."""
        leases = self.database.collection(LeaseRecord)
        async with asyncio.timeout(60 + 10 * count):
            while True:
                found = await leases.find_one({"_id": "feeder"})
                if found is not None and found["term"] > count:
                    return
                await asyncio.sleep(0.05)

    def start(self, point: str | None, *, freezes: bool = False) -> ForkServerProcess:
        process = _PROCESSES.Process(
            target=run, args=(*self.arguments, point), kwargs={"freezes": freezes}, daemon=True
        )
        process.start()
        return process

    async def die(self, point: str) -> None:
        """Return when a process has killed itself."""
        process = self.start(point)
        async with asyncio.timeout(60):
            while process.is_alive():  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.01)
        assert process.exitcode == -9, point

    async def finish(self) -> None:
        """Return when everything is enqueued and delivered."""
        now = await current_position(self.database.handle)
        positions, outbox = (self.database.collection(each) for each in (FeedPosition, WebhookDelivery))
        async with asyncio.timeout(120):
            while True:
                found = await positions.find_one({"_id": CONSUMER})
                is_open = await outbox.find_one({"state": {"$in": list(OPEN_STATES)}})
                if found is not None and found["position"] >= now and is_open is None:
                    return
                await asyncio.sleep(0.05)

    async def result(self, fault: str, trials: int) -> FaultResult:
        """Compare the outbox and the receiver's log with the versions of the executions."""
        rows = await self.database.collection(WebhookDelivery).find().to_list()
        enqueued = Counter(
            (row["execution_id"], decode_image(row["image"])["version"])
            for row in rows
            if row["webhook_id"] == self.everything["_id"]
        )
        entered = Counter(row["execution_id"] for row in rows if row["webhook_id"] == self.failures["_id"])
        wanted = self.oracle.expected
        posts = Counter(each.headers["webhook-id"] for each in self.receiver.requests)
        bodies = {each.headers["webhook-id"]: orjson.loads(each.body)["data"] for each in self.receiver.requests}
        not_enqueued = (wanted - enqueued).total() + (self.oracle.failures - entered).total()
        undelivered = [row["_id"] for row in rows if row["_id"] not in posts or row["state"] != "delivered"]
        twice = (enqueued - wanted).total() + (entered - self.oracle.failures).total()
        # A delivery that was posted again had been claimed again: its first claim ran out on the way.
        unclaimed = [row["_id"] for row in rows if posts[row["_id"]] > row["attempts"]]
        wrong = [row["_id"] for row in rows if (bodies[row["_id"]]["execution_id"]) != row["execution_id"]]
        assert (unclaimed, wrong) == ([], [])
        assert {row["kind"] for row in rows} <= set(KINDS)
        repeats = posts.total() - len(posts)
        return FaultResult(
            fault,
            trials=trials,
            lost=not_enqueued + len(undelivered),
            repeated=twice,
            note=f"{len(rows):,} deliveries, {repeats} repeated, all of them on their way at a kill",
        )


@contextlib.asynccontextmanager
async def scene(database: Database, uri: str) -> AsyncGenerator[Scene]:
    key = Fernet.generate_key().decode()
    async with receiving(answering(OK), None) as receiver:
        hosts = [f"127.0.0.1:{receiver.port}"]
        rules = DestinationRules(frozenset(hosts), allows_http=True)
        webhooks = Webhooks(Reader(database, 5_000), Encryption([key]), rules, accept)
        wanted = WebhookFields(name="all", url=receiver.url, where=EVERYTHING, kinds=KINDS)
        everything, _ = await webhooks.create(OWNER, wanted)
        failed = WebhookFields(name="failed", url=receiver.url, where=equals("status", "failed"), kinds=["entered"])
        failures, _ = await webhooks.create(OWNER, failed)
        arguments = (uri, database.handle.name, key, hosts)
        oracle = Oracle(database)
        scene = Scene(database, receiver, arguments, everything, failures, oracle)
        scene.start_writing()
        try:
            yield scene
        finally:
            await scene.stop_writing()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_kill_9_at_any_point_loses_no_change_and_enqueues_none_twice(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None]
):
    async with scene(database, mongodb_uri) as staged:
        for _ in range(_TRIALS):
            for point in POINTS:
                await staged.die(point)
        await staged.stop_writing()
        healthy = staged.start(None)
        try:
            await staged.finish()
        finally:
            healthy.kill()
        result = await staged.result("`kill -9` of feeder or sender of webhooks at each of six points", _TRIALS * 6)

    report(result)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_two_feeders_of_which_one_loses_its_lease_amid_a_batch_enqueue_nothing_twice(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None]
):
    trials = 100 if is_full() else 1
    async with scene(database, mongodb_uri) as staged:
        processes = [staged.start("between outbox and position", freezes=True) for _ in range(2)]
        try:
            await staged.change_terms(trials + 1)
            await staged.stop_writing()
            await staged.finish()
        finally:
            for each in processes:
                each.kill()
        result = await staged.result("two feeders of webhooks, the lease lost amid a batch", trials)

    report(result)
