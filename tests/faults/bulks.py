"""Many executions of a tenant of its own, which are changed together: for a crowd to hear of."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from pymongo import AsyncMongoClient, UpdateOne
from pymongo.write_concern import WriteConcern

from execution_monitor.storage.documents import Execution
from tests.faults.bulk_ledger import GONE
from tests.faults.crowd import BARRIER, Crowd, Heard, crowd
from tests.support.server_process import ServerProcess

_AT_ONCE = 10_000  # documents of one insert
_LOOK_SECONDS = 0.1
_tenants = count(1)


class Bulk:
    """`executions` executions called `bulk-0` and so on, and landmarks beside them."""

    def __init__(self, mongo: AsyncMongoClient[dict[str, Any]], executions: int, database: str = "live") -> None:
        self._mongo = mongo
        self._collection = mongo[database].with_options(write_concern=WriteConcern("majority"))[Execution.Settings.name]
        self.tenant = f"tenant-{os.getpid()}-{next(_tenants)}"
        self.versions = [0] * executions  # of each, as MongoDB has them

    async def insert(self, **fields: Any) -> None:
        """Make them, at version 1; `fields` are more of each."""
        for start in range(0, len(self.versions), _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, len(self.versions)))
            await self._collection.insert_many([self._row(f"bulk-{number}", **fields) for number in numbers])
        self._step()

    async def update(self) -> None:
        """Give each its next version, all by one `update_many`."""
        await self._collection.update_many({"tenant_id": self.tenant, "workflow_name": "bulk"}, _next())
        self._step()

    async def update_in_a_transaction(self) -> None:
        """Give each its next version, by as many writes in one transaction."""
        async with self._mongo.start_session() as session, await session.start_transaction():
            updates = [UpdateOne(self._named(number), _next()) for number in range(len(self.versions))]
            await self._collection.bulk_write(updates, session=session)
        self._step()

    async def update_one(self, number: int) -> None:
        """Give one of them its next version."""
        await self._collection.update_one(self._named(number), _next())
        self.versions[number] += 1

    async def until_expired(self) -> None:
        """Return when MongoDB has deleted all of them; for `insert(expires=...)` and an index that says so."""
        bulk = {"tenant_id": self.tenant, "workflow_name": "bulk"}
        while await self._collection.count_documents(bulk):  # noqa: ASYNC110 - MongoDB tells when it is asked
            await asyncio.sleep(_LOOK_SECONDS)
        self.versions = [GONE] * len(self.versions)

    async def mark(self, landmark: str = BARRIER) -> None:
        """Write a landmark behind all of it."""
        await self._collection.insert_one(self._row(landmark, workflow_name="landmark"))

    def _step(self) -> None:
        self.versions = [version + 1 for version in self.versions]

    def _named(self, number: int) -> Mapping[str, str]:
        return {"tenant_id": self.tenant, "execution_id": f"bulk-{number}"}

    def _row(self, execution_id: str, **fields: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        names = {"execution_id": execution_id, "tenant_id": self.tenant, "user_id": "ada", "workflow_name": "bulk"}
        return {**names, "status": "running", "created": now, "updated": now, "version": 1, "tokens_used": 1, **fields}


def _next() -> Mapping[str, Any]:
    return {"$inc": {"version": 1, "tokens_used": 1}, "$set": {"updated": datetime.now(UTC)}}


@dataclass
class Outcome:
    """What came of a bulk, once it is over."""

    heard: Heard
    seconds: float  # from the first write until the last subscriber had heard the last event
    merged: int  # events that the server told as one with another
    growth: int  # bytes of memory that the server took more, at most

    @property
    def note(self) -> str:
        """What is worth to be told."""
        total = self.heard.total
        return (
            f"heard whole after {self.seconds:.3g} s, {total.heard:,} events told, {self.merged:,} merged, "
            f"{total.gaps} gaps, {self.heard.connections:,} connections, memory +{max(0, self.growth) / 2**20:.0f} MiB"
        )


class Followed:
    """A bulk that `listeners` listen to; `outcome` is known at the end."""

    outcome: Outcome

    def __init__(self, listeners: Crowd) -> None:
        self.listeners = listeners


@contextlib.asynccontextmanager
async def followed(
    server: ServerProcess, bulk: Bulk, *, subscribers: int, seconds: float, padding: int = 0
) -> AsyncGenerator[Followed]:
    """Have `subscribers` listen to what the block does to an inserted `bulk`, and for so long behind it."""
    async with crowd(
        server.url,
        bulk.tenant,
        subscribers=subscribers,
        versions=bulk.versions,
        landmarks=("begun", BARRIER),
        padding=padding,
    ) as listening:
        following = Followed(listening)
        await listening.until_open(seconds)
        await bulk.mark("begun")
        await listening.until_all_heard("begun", seconds)
        merged = (await asyncio.to_thread(server.metrics))["live_conflated_total"]
        server.reset_peak_resident()
        before, began = server.resident, time.monotonic()
        yield following
        await bulk.mark(BARRIER)
        with contextlib.suppress(TimeoutError):
            await listening.until_all_heard(BARRIER, seconds)
        growth = server.peak_resident - before
        heard = await listening.finish(bulk.versions)
    figures = await asyncio.to_thread(server.metrics)
    merged = int(figures["live_conflated_total"] - merged)
    following.outcome = Outcome(heard, heard.last_at - began, merged, growth)
