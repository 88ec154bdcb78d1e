"""A hundred changes a second for subscribers: inserted into MongoDB, or given to a peer in the way that it needs."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
from pymongo import AsyncMongoClient, InsertOne
from pymongo.write_concern import WriteConcern

from execution_monitor.storage.documents import Execution

RATE = 100  # changes a second
DATABASE = "live"
LIMIT_SECONDS = 120.0
MESSAGE_BYTES = 345  # of one message of ours, measured with strace


def row_of(began: float, number: int, owner: str) -> dict[str, Any]:
    """A new execution, without its times."""
    names = {"tenant_id": "acme", "user_id": owner, "workflow_name": "etl"}
    return {"execution_id": f"{began}-{number:06}", "status": "running", **names, "version": 1}


async def at_rate(owners: Sequence[str], changes: int) -> AsyncGenerator[dict[str, Any]]:
    """A row for each owner in turn, `changes` in all, at `RATE`."""
    began = time.monotonic()
    for number in range(changes):
        await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
        yield row_of(began, number, owners[number % len(owners)])


async def write(uri: str, owners: Sequence[str], changes: int) -> list[float]:
    """Insert the rows; returns the times of acknowledgement."""
    acknowledged: list[float] = []
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        collection = mongo[DATABASE].with_options(write_concern=WriteConcern("majority"))[Execution.Settings.name]
        async for row in at_rate(owners, changes):
            now = datetime.now(UTC)
            await collection.bulk_write([InsertOne({**row, "created": now, "updated": now})])
            acknowledged.append(time.monotonic())
    return acknowledged


async def save(port: int, owners: Sequence[str], changes: int) -> list[float]:
    """Let Parse Server save the rows, since its subscribers receive no others; returns the times of acknowledgement."""
    acknowledged: list[float] = []
    url = f"http://127.0.0.1:{port}/parse/classes/{Execution.Settings.name}"
    headers = {"X-Parse-Application-Id": "benchmark"}
    async with httpx2.AsyncClient(timeout=LIMIT_SECONDS, headers=headers) as client:
        async for row in at_rate(owners, changes):
            now = {"__type": "Date", "iso": datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"}
            (await client.post(url, json={**row, "created": now})).raise_for_status()
            acknowledged.append(time.monotonic())
    return acknowledged


async def broadcast(port: int, _: Sequence[str], changes: int) -> list[float]:
    """Let the floor send as many messages of the size of ours; returns no times, as it acknowledges nothing."""
    async with httpx2.AsyncClient(timeout=LIMIT_SECONDS) as client:
        url = f"http://127.0.0.1:{port}/broadcast?changes={changes}&rate={RATE}"
        (await client.post(url, content=b"x" * MESSAGE_BYTES)).raise_for_status()
    return []
