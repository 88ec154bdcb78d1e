"""Bulks: many executions of one tenant that are changed together, and a crowd that follows them."""

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
from tests.faults.crowd import BARRIER, Crowd, CrowdResult, crowd
from tests.support.server_process import ServerProcess

_AT_ONCE = 10_000  # documents of one insert
_LOOK_SECONDS = 0.1
_tenants = count(1)


class Bulk:
    """`executions` executions `bulk-0`, `bulk-1`, ... of a tenant of their own, and landmarks beside them."""

    def __init__(self, mongo: AsyncMongoClient[dict[str, Any]], executions: int, database: str = "live") -> None:
        self._mongo = mongo
        self._collection = mongo[database].with_options(write_concern=WriteConcern("majority"))[Execution.Settings.name]
        self.tenant = f"tenant-{os.getpid()}-{next(_tenants)}"
        self.versions = [0] * executions  # as stored

    async def insert(self, **fields: Any) -> None:
        """Insert them at version 1, each with `fields`."""
        for start in range(0, len(self.versions), _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, len(self.versions)))
            await self._collection.insert_many([self._row(f"bulk-{number}", **fields) for number in numbers])
        self._step()

    async def update(self) -> None:
        """Raise each version by one, with one `update_many`."""
        await self._collection.update_many({"tenant_id": self.tenant, "workflow_name": "bulk"}, _next())
        self._step()

    async def update_in_a_transaction(self) -> None:
        """Raise each version by one, with as many writes in one transaction."""
        async with self._mongo.start_session() as session, await session.start_transaction():
            updates = [UpdateOne(self._named(number), _next()) for number in range(len(self.versions))]
            await self._collection.bulk_write(updates, session=session)
        self._step()

    async def update_one(self, number: int) -> None:
        """Raise the version of one of them by one."""
        await self._collection.update_one(self._named(number), _next())
        self.versions[number] += 1

    async def until_expired(self) -> None:
        """Return when MongoDB has deleted all of them; needs `insert(expires=...)` and a TTL index."""
        bulk = {"tenant_id": self.tenant, "workflow_name": "bulk"}
        while await self._collection.count_documents(bulk):  # noqa: ASYNC110 - MongoDB has no event for it
            await asyncio.sleep(_LOOK_SECONDS)
        self.versions = [GONE] * len(self.versions)

    async def mark(self, landmark: str = BARRIER) -> None:
        """Insert a landmark after all that was written."""
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
    """What was measured of a bulk."""

    result: CrowdResult
    seconds: float  # from the first write until the last subscriber received the last event
    conflated: int  # events that the server merged into others
    growth: int  # peak growth of the server's resident memory, in bytes

    @property
    def note(self) -> str:
        """A note for the table of faults."""
        total = self.result.total
        return (
            f"complete after {self.seconds:.3g} s, {total.received:,} events received, {self.conflated:,} conflated, "
            f"{total.gaps} gaps, {self.result.connections:,} connections, memory +{max(0, self.growth) / 2**20:.0f} MiB"
        )


class Followed:
    """A bulk that a crowd follows; `outcome` is set at the end."""

    outcome: Outcome

    def __init__(self, listeners: Crowd) -> None:
        self.listeners = listeners


@contextlib.asynccontextmanager
async def followed(
    server: ServerProcess, bulk: Bulk, *, subscribers: int, seconds: float, padding: int = 0
) -> AsyncGenerator[Followed]:
    """Let `subscribers` follow what the block does to an inserted `bulk`; each step may take `seconds`."""
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
        await listening.until_all_received("begun", seconds)
        conflated_before = (await asyncio.to_thread(server.metrics))["live_conflated_total"]
        server.reset_peak_resident()
        before, began = server.resident, time.monotonic()
        yield following
        await bulk.mark(BARRIER)
        with contextlib.suppress(TimeoutError):
            await listening.until_all_received(BARRIER, seconds)
        growth = server.peak_resident - before
        result = await listening.finish(bulk.versions)
    metrics = await asyncio.to_thread(server.metrics)
    conflated = int(metrics["live_conflated_total"] - conflated_before)
    following.outcome = Outcome(result, result.last_at - began, conflated, growth)
