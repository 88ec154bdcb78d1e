"""The floor of webhooks: a bare change stream reader that makes two majority writes and one POST of each change.

The writes are what no delivery that survives a kill can do without: that it is to be made, and that it was claimed. It
prints `ready`, and goes on until it is killed.
"""

import argparse
import asyncio
import contextlib
import sys
from typing import Any

import httpx2
import uvloop
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.errors import CollectionInvalid
from pymongo.write_concern import WriteConcern

from execution_monitor.storage.documents import Execution


async def deliver(uri: str, database: str, url: str) -> None:
    """Post every change, each as soon as it comes."""
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo, httpx2.AsyncClient() as client:
        with contextlib.suppress(CollectionInvalid):  # it is there since the last round
            await mongo[database].create_collection(
                Execution.Settings.name, changeStreamPreAndPostImages={"enabled": True}
            )
        rows = mongo[f"{database}_floor"].with_options(write_concern=WriteConcern("majority"))["outbox"]

        async def post(event: dict[str, Any]) -> None:
            row = {"_id": ObjectId(), "state": "pending", "after": event["fullDocument"]}
            await rows.insert_one(row)
            await rows.update_one({"_id": row["_id"]}, {"$set": {"state": "claimed"}})
            await client.post(url, json={"data": {"version": event["fullDocument"]["version"]}})

        watching = await mongo[database].watch(
            full_document="whenAvailable", full_document_before_change="whenAvailable", max_await_time_ms=200
        )
        async with watching as stream, asyncio.TaskGroup() as tasks:
            await stream.try_next()
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            async for event in stream:
                tasks.create_task(post(event))


def main() -> None:
    """Deliver until killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.webhook_floor", description=__doc__)
    parser.add_argument("uri")
    parser.add_argument("database")
    parser.add_argument("url")
    options = parser.parse_args()
    uvloop.run(deliver(options.uri, options.database, options.url))


if __name__ == "__main__":
    main()
