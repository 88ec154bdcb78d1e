"""The oracle of live updates: writers raise versions by one, and a ledger checks the versions a subscriber gets."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.write_concern import WriteConcern

from execution_monitor.storage.documents import Execution
from execution_monitor.tasks import end_tasks

BARRIER = "barrier"
Collection = AsyncCollection[dict[str, Any]]
Reconnect = Callable[[Collection], Awaitable[Collection]]

# So that writers soon notice that a server is gone, and that another takes writes.
_CLIENT: dict[str, Any] = {
    "heartbeatFrequencyMS": 500,
    "connectTimeoutMS": 1_000,
    "socketTimeoutMS": 2_000,
    "serverSelectionTimeoutMS": 250,
}
_RETRY_SECONDS = 0.02
# The most on one page, with which a subscriber begins.
_PAGE = 100


def longest_pause(times: Iterable[float], since: float, until: float) -> float:
    """The longest time without one of `times` from `since` to `until`, in seconds."""
    within = [time for time in times if since < time < until]
    return max(later - earlier for earlier, later in pairwise([since, *within, until]))


class AcknowledgedWriteLost(AssertionError):
    """MongoDB has lost a write that it had acknowledged; then the test says nothing about the server."""


@dataclass
class Truth:
    """The last version of each execution that a majority has acknowledged, and the number of lost replies.

    GraphQL has no field for `version`: writers write it to `tokens_used` as well.
    """

    versions: Counter[str] = field(default_factory=Counter[str])
    times: list[float] = field(default_factory=list[float])  # of every acknowledgement, by time.monotonic
    unknown: int = 0  # writes without a reply

    def acknowledge(self, execution_id: str, version: int) -> None:
        """Record that a majority has `version`."""
        self.versions[execution_id] = version
        self.times.append(time.monotonic())


class Writer:
    """Writes one version after another of executions that no other client writes, so that the next one is known.

    A write whose reply was lost is repeated, on condition that it was not carried out, until its result is known;
    before each attempt `reconnect` may return the collection of another client.
    """

    def __init__(self, collection: Collection, truth: Truth, reconnect: Reconnect | None = None, **fields: Any) -> None:
        self._collection = collection
        self._truth = truth
        self._reconnect = reconnect
        self._fields = fields

    async def write(self, execution_id: str, **fields: Any) -> None:
        """Write the next version of `execution_id`; return when a majority has it."""
        version = self._truth.versions[execution_id] + 1
        unanswered = 0
        while True:
            collection = self._collection
            try:
                is_carried_out = await self._try(collection, execution_id, version, fields)
            except DuplicateKeyError:
                is_carried_out = False
            except PyMongoError:
                unanswered += 1
                self._truth.unknown += 1
                await asyncio.sleep(_RETRY_SECONDS)
                if self._reconnect is not None:
                    self._collection = await self._reconnect(collection)
                continue
            if not is_carried_out and not unanswered:
                raise AcknowledgedWriteLost(f"{execution_id} is not at version {version - 1}")
            self._truth.acknowledge(execution_id, version)
            return

    async def _try(self, collection: Collection, execution_id: str, version: int, fields: Mapping[str, Any]) -> bool:
        """Write `version`; whether the version before it was stored."""
        now = datetime.now(UTC)
        changed = {**fields, "version": version, "tokens_used": version, "updated": now}
        if version == 1:
            await collection.insert_one({**self._fields, "execution_id": execution_id, "created": now, **changed})
            return True
        result = await collection.update_one({"execution_id": execution_id, "version": version - 1}, {"$set": changed})
        return result.matched_count == 1


class Connections:
    """A client of MongoDB that is replaced after a failure.

    The driver looks for a lost server every half second, in a writer as in the server under test. With a new client the
    writers are the first to reconnect, so that the server has something to catch up with.
    """

    def __init__(self, uri: str, database: str) -> None:
        self._uri = uri
        self._database = database
        self._closing: set[asyncio.Task[None]] = set()
        self._connect()

    def _connect(self) -> None:
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self._uri, **_CLIENT)
        database = self._client.get_database(self._database, write_concern=WriteConcern("majority"))
        self.collection: Collection = database.get_collection(Execution.Settings.name)

    async def renew(self, failed: Collection) -> Collection:
        """The collection of another client than `failed`'s, the same for all callers."""
        if failed is self.collection:
            self._closing.add(asyncio.create_task(self._client.close()))
            self._connect()
        return self.collection

    async def close(self) -> None:
        """Close all clients."""
        await self._client.close()
        await asyncio.gather(*self._closing, return_exceptions=True)


class Writers:
    """`count` writers of executions of `user`, which pause between writes, until they are stopped."""

    def __init__(self, uri: str, database: str, user: str, *, count: int = 8, pause: float = 0.03) -> None:
        self._connections = Connections(uri, database)
        self._user = user
        self._count = count
        self._pause = pause
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []
        self.truth = Truth()
        fields = {"tenant_id": "acme", "user_id": user, "workflow_name": "ingest", "status": "running"}
        self.writer = Writer(self._connections.collection, self.truth, self._connections.renew, **fields)

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncGenerator[None]:
        """Create and change executions during the block; at its end all results are known, and all clients closed."""
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(self._count)]
        try:
            yield
            await self.stop()
        finally:
            # PyMongo may turn a cancellation into an error of its own, after which the write would be repeated.
            self._is_over = True
            await end_tasks(*self._tasks)
            await self._connections.close()

    async def stop(self) -> None:
        """Return when every writer has finished its last write."""
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def write_barrier(self) -> str:
        """Write an execution after all others; returns its id."""
        barrier = f"{self._user}-{BARRIER}"
        await self.writer.write(barrier)
        return barrier

    async def _write(self, number: int) -> None:
        each = _PAGE // self._count - 1  # with room for the barrier
        while not self._is_over:
            for index in range(each):
                await self.writer.write(f"{self._user}-{number}-{index}")
                await asyncio.sleep(self._pause)
                if self._is_over:
                    return


@dataclass
class Ledger:
    """The versions that one subscriber has received. It begins with those of its page."""

    versions: dict[str, int] = field(default_factory=dict[str, int])
    received: int = 0
    lost: int = 0
    repeated: int = 0
    gaps: int = 0

    def begin(self, versions: Mapping[str, int]) -> None:
        """Record a page: an event of a version that it shows, or an older one, would be a repetition."""
        self.versions.update(versions)

    def record(self, update: Mapping[str, Any]) -> None:
        """Record an update of `executionUpdates` with `kind`, `executionId` and `execution { tokensUsed }`."""
        if update["kind"] == "GAP":
            self.gaps += 1
            return
        assert update["kind"] in ("ENTERED", "UPDATED"), update
        self.received += 1
        execution_id, version = update["executionId"], update["execution"]["tokensUsed"]
        expected = self.versions.get(execution_id, 0) + 1
        if version < expected:
            self.repeated += 1
            return
        self.lost += version - expected
        self.versions[execution_id] = version

    def close(self, truth: Truth) -> None:
        """Count versions that never came as lost; one that came and was never written is a defect of the oracle."""
        for execution_id, version in truth.versions.items():
            known = self.versions.get(execution_id, 0)
            assert known <= version, f"{execution_id} was received at version {known}, beyond {version}"
            self.lost += version - known
