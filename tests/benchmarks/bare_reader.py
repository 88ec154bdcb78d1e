"""A bare change stream reader in a process of its own: the least that receiving a change costs.

It reads the images that the server reads, decoded as PyMongo does by default. It prints `ready`, and once it has read
the execution named last, the number of changes and the time of the last one, by time.monotonic.
"""

import argparse
import asyncio
import sys
import time
from typing import Any

import uvloop
from pymongo import AsyncMongoClient


async def read(uri: str, database: str, last: str) -> None:
    """Read until the execution `last` has come."""
    async with (
        AsyncMongoClient[dict[str, Any]](uri) as mongo,
        await mongo[database].watch(
            full_document="whenAvailable", full_document_before_change="whenAvailable", max_await_time_ms=200
        ) as stream,
    ):
        await stream.try_next()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        changes = 0
        async for event in stream:
            changes += 1
            if event.get("fullDocument", {}).get("execution_id") == last:
                break
    sys.stdout.write(f"{changes} {time.monotonic()}\n")


def main() -> None:
    """Read, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bare_reader", description=__doc__)
    parser.add_argument("uri")
    parser.add_argument("database")
    parser.add_argument("last")
    options = parser.parse_args()
    uvloop.run(asyncio.wait_for(read(options.uri, options.database, options.last), 600))


if __name__ == "__main__":
    main()
