"""The scene of a fault of webhooks: writers, two webhooks, their receiver, processes, and the check at the end.

The oracle is the executions' versions: each must be enqueued once for the webhook that sends everything.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from typing import Any

from cryptography.fernet import Fernet
from pymongo.errors import PyMongoError

from execution_monitor.encryption import Encryption
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.filters import EVERYTHING, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import FeedPosition, LeaseRecord
from execution_monitor.storage.webhook_documents import OPEN_STATES, WebhookDelivery
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.images import decode_image
from execution_monitor.webhooks.tenants import CONSUMER
from execution_monitor.webhooks.webhooks import KINDS, WebhookFields, Webhooks
from tests.faults.faulty_receiver import ATTEMPT_SECONDS, Behaviour, FaultyReceiver, Post, receiving_faultily
from tests.faults.oracle import Connections, Truth, Writer
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.faults.webhook_process import Conduct, run
from tests.webhooks.delivering import OWNER, accept

_EXECUTIONS = 10
# A small run of a fault takes seconds, one of hundreds of kills a quarter of an hour.
_PAUSE_SECONDS = 0.3 if is_full() else 0.1
_FAILS_EVERY = 3
_FINISH_SECONDS = 600 if is_full() else 120
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.webhook_process"])


class Writing:
    """Changes every execution again and again; every third version of each has failed, and then runs again."""

    def __init__(self, uri: str, database: str) -> None:
        self._connections = Connections(uri, database)
        self._writer = Writer(
            self._connections.collection,
            truth := Truth(),
            self._connections.renew,
            tenant_id="acme",
            user_id="ada",
            workflow_name="ingest",
        )
        self.truth = truth
        self._is_over = False
        self._task = asyncio.create_task(self._keep_writing())

    async def stop(self) -> None:
        """Return when the last write has been acknowledged."""
        self._is_over = True
        await self._task

    async def close(self) -> None:
        """Write no more, and close its connections."""
        self._is_over = True
        await end_tasks(self._task)
        await self._connections.close()

    @property
    def versions(self) -> Counter[tuple[str, int]]:
        """Every version of every execution, once."""
        return Counter((name, version) for name, last in self.truth.versions.items() for version in range(1, last + 1))

    @property
    def failures(self) -> Counter[str]:
        """How often each execution began to be a failure."""
        return Counter({name: last // _FAILS_EVERY for name, last in self.truth.versions.items()})

    async def _keep_writing(self) -> None:
        while not self._is_over:
            for number in range(_EXECUTIONS):
                name = f"run-{number}"
                fails = (self.truth.versions[name] + 1) % _FAILS_EVERY == 0
                await self._writer.write(name, status="failed" if fails else "running")
            await asyncio.sleep(_PAUSE_SECONDS)


@dataclass
class WebhookScene:
    """Two webhooks, their receiver, and processes that are killed."""

    database: Database
    receiver: FaultyReceiver
    arguments: tuple[Any, ...]
    everything: Any
    failures: Any
    writing: Writing
    started: int = 0
    dead: set[int] = field(default_factory=set[int])
    running: list[ForkServerProcess] = field(default_factory=list[ForkServerProcess])
    outages: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def start(self, point: str | None = None, **conduct: Any) -> ForkServerProcess:
        """Start a process, which has the next number."""
        self.started += 1
        arguments = (*self.arguments, Conduct(self.started, point, **conduct))
        process = _PROCESSES.Process(target=run, args=arguments, name=str(self.started), daemon=True)
        process.start()
        self.running.append(process)
        return process

    async def kill_all(self) -> None:
        """Kill the processes that run."""
        for each in self.running:
            each.kill()
            await self._await_end(each)
        self.running.clear()

    async def die(self, point: str) -> None:
        """Return when a process has killed itself at a point."""
        process = self.start(point)
        async with asyncio.timeout(60):
            await self._await_end(process)
        assert process.exitcode == -9, point

    async def change_terms(self, count: int) -> None:
        """Return when the feeder's lease has been taken over so many times more."""
        last = max(await self._term(), 1) + count
        async with asyncio.timeout(60 + 10 * count):
            while await self._term() < last:  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.05)

    async def deliver_more(self) -> None:
        """Return when the receiver has taken a change that was written after this was called."""
        written, seen = Counter(self.writing.truth.versions), len(self.receiver.posts)

        def is_new(post: Post) -> bool:
            data = post.body["data"]
            return post.behaviour is Behaviour.TAKES and (data.get("version") or 0) > written[data.get("execution_id")]

        await self._until(lambda: any(map(is_new, self.receiver.posts[seen:])))

    async def deliver_gaps(self, count: int) -> None:
        """Return when each of the webhooks has got so many gaps in all."""
        hooks = [str(each["_id"]) for each in (self.everything, self.failures)]

        def has_gaps() -> bool:
            gaps = {(each.body["data"]["webhook_id"], each.delivery) for each in self.receiver.posts if _is_gap(each)}
            found = Counter(webhook_id for webhook_id, _ in gaps)
            return all(found[each] >= count for each in hooks)

        await self._until(has_gaps)

    @contextlib.asynccontextmanager
    async def outage(self) -> AsyncGenerator[None]:
        """A time in which MongoDB cannot record what a receiver has accepted; it ends when deliveries arrive again."""
        began = time.monotonic()
        yield
        await self.deliver_more()
        # What was accepted while the last ones waited for the database is recorded or not.
        self.outages.append((began - ATTEMPT_SECONDS, time.monotonic() + ATTEMPT_SECONDS))

    async def enqueued(self) -> Counter[tuple[str, int]]:
        """The versions that are enqueued for the webhook of everything."""
        query = {"webhook_id": self.everything["_id"], "kind": {"$ne": "gap"}}
        rows = await self.database.collection(WebhookDelivery).find(query).to_list()
        return Counter((row["execution_id"], decode_image(row["image"])["version"]) for row in rows)

    async def finish(self) -> None:
        """Return when everything that was written is enqueued and delivered."""
        await self.writing.stop()
        async with asyncio.timeout(_FINISH_SECONDS):
            while not await self._has_finished():  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.05)

    async def result(self, fault: str, trials: int, lost: Counter[tuple[str, int]] | None = None) -> FaultResult:
        """Compare the outbox and the receiver's log with the versions of the executions.

        Of what is `lost` with a history that is gone, each may be missing, and none may be there twice.
        """
        rows = await self.database.collection(WebhookDelivery).find({"kind": {"$ne": "gap"}}).to_list()
        enqueued = await self.enqueued()
        entered = Counter(row["execution_id"] for row in rows if row["webhook_id"] == self.failures["_id"])
        missing = (self.writing.versions - enqueued - (lost or Counter())).total()
        twice = (enqueued - self.writing.versions).total() + (entered - self.writing.failures).total()
        if lost is None:
            missing += (self.writing.failures - entered).total()
        posts = self.receiver.by_delivery
        undelivered = [row["_id"] for row in rows if not _has_arrived(row, posts.get(row["_id"], ()))]
        # Nothing is posted without a claim, and each shows what was enqueued.
        unclaimed = [row["_id"] for row in rows if self._recorded(posts.get(row["_id"], ())) > row["attempts"]]
        wrong = [row["_id"] for row in rows for each in posts.get(row["_id"], ()) if not _shows(row, each)]
        unexplained = [name for name, each in posts.items() if not self._is_explained(each)]
        faults = {"unclaimed": unclaimed, "wrong": wrong, "unexplained": unexplained, "forged": self.receiver.forged}
        assert not any(faults.values()), faults
        assert {row["kind"] for row in rows} <= set(KINDS)
        repeats = sum(len(each) - 1 for each in posts.values())
        failed = sum(1 for each in self.receiver.posts if each.behaviour is not Behaviour.TAKES)
        note = f"{len(rows):,} deliveries; {repeats:,} attempts more, {failed:,} of which the receiver failed"
        return FaultResult(fault, trials, missing + len(undelivered), twice, note=note, page="webhooks")

    def _is_explained(self, posts: Sequence[Post]) -> bool:
        """Whether each attempt that was accepted, and came again, was on its way at a kill or an outage."""
        accepted = [each for each in posts[:-1] if each.behaviour is Behaviour.TAKES]
        return all(each.process in self.dead or self._is_within_outage(each) for each in accepted)

    def _recorded(self, posts: Sequence[Post]) -> int:
        """How many of the attempts have a claim that MongoDB must know: one that is killed forgets the last ones."""
        return sum(1 for each in posts if not self._is_within_outage(each))

    def _is_within_outage(self, post: Post) -> bool:
        return any(since <= post.at <= until for since, until in self.outages)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.02)

    async def _await_end(self, process: ForkServerProcess) -> None:
        while process.is_alive():  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(0.01)
        self.dead.add(int(process.name))

    async def _term(self) -> int:
        found = await self.database.collection(LeaseRecord).find_one({"_id": "feeder"})
        return 0 if found is None else found["term"]

    async def _has_finished(self) -> bool:
        """Whether the feeder has seen what is written now, and nothing is open."""
        positions, outbox = (self.database.collection(each) for each in (FeedPosition, WebhookDelivery))
        try:
            now = await current_position(self.database.handle)
            found = await positions.find_one({"_id": CONSUMER})
            if found is None or found["position"] < now:
                return await self._has_seen(now)
            return await outbox.find_one({"state": {"$in": list(OPEN_STATES)}}) is None
        except (PyMongoError, DatabaseUnavailable):
            return False

    async def _has_seen(self, now: str) -> bool:
        positions, outbox = (self.database.collection(each) for each in (FeedPosition, WebhookDelivery))
        for _ in range(100):
            found = await positions.find_one({"_id": CONSUMER})
            if found is not None and found["position"] >= now:
                return await outbox.find_one({"state": {"$in": list(OPEN_STATES)}}) is None
            await asyncio.sleep(0.05)
        return False


def _is_gap(post: Post) -> bool:
    return post.behaviour is Behaviour.TAKES and post.body["type"] == "webhook.gap"


def _has_arrived(row: dict[str, Any], posts: Sequence[Post]) -> bool:
    return row["state"] == "delivered" and any(each.behaviour is Behaviour.TAKES for each in posts)


def _shows(row: dict[str, Any], post: Post) -> bool:
    data = post.body["data"]
    return (data["execution_id"], data["version"]) == (row["execution_id"], decode_image(row["image"])["version"])


@contextlib.asynccontextmanager
async def webhook_scene(database: Database, uri: str) -> AsyncGenerator[WebhookScene]:
    """Two webhooks, one of everything and one of failures, and writers, to which a fault happens."""
    key = Fernet.generate_key().decode()
    async with receiving_faultily() as receiver:
        hosts = [f"127.0.0.1:{receiver.receiver.port}"]
        rules = DestinationRules(frozenset(hosts), allows_http=True)
        webhooks = Webhooks(Reader(database, 5_000), Encryption([key]), rules, accept)
        url = receiver.receiver.url
        all_changes = WebhookFields(name="all", url=url, where=EVERYTHING, kinds=KINDS)
        everything, secret = await webhooks.create(OWNER, all_changes)
        receiver.secrets[str(everything["_id"])] = secret
        failed = WebhookFields(name="failed", url=url, where=equals("status", "failed"), kinds=["entered"])
        failures, secret = await webhooks.create(OWNER, failed)
        receiver.secrets[str(failures["_id"])] = secret
        writing = Writing(uri, database.handle.name)
        arguments = (uri, database.handle.name, key, hosts)
        scene = WebhookScene(database, receiver, arguments, everything, failures, writing)
        try:
            yield scene
        finally:
            for each in scene.running:
                each.kill()
            await writing.close()


@contextlib.asynccontextmanager
async def webhook_scene_at(uri: str, name: str) -> AsyncGenerator[WebhookScene]:
    """A scene in a new database of its own, with two processes that deliver already."""
    async with open_database(uri, name) as database:
        await database.connect()
        await database.prepare()
        async with webhook_scene(database, uri) as staged:
            for _ in range(2):
                staged.start()
            await staged.deliver_more()
            yield staged
