"""A database for a developer's machine: the one that settings name, else an embedded MongoDB."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TypeVar

from pydantic import SecretStr

from execution_monitor.development.mongodb.embedded_mongodb import embedded_mongodb
from execution_monitor.development.progress import show_activity
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database, open_database

Result = TypeVar("Result")


@contextlib.contextmanager
def running_database(settings: Settings) -> Generator[Settings]:
    """`settings` with the URI of a MongoDB that runs during the block: the one they name, else an embedded one."""
    if settings.mongodb_uri is not None:
        yield settings
        return
    with embedded_mongodb(settings.data_dir, settings.database, report=show_activity) as mongodb:
        yield settings.model_copy(update={"mongodb_uri": SecretStr(mongodb.uri)})


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Database]:
    """Connect to the database of `settings` on this event loop, bind the documents to it, and create its indexes."""
    uri = settings.mongodb_uri.get_secret_value() if settings.mongodb_uri else ""
    async with open_database(uri, settings.database) as database:
        await database.connect()
        await database.prepare()
        yield database


def run_connected(settings: Settings, work: Callable[[], Awaitable[Result]]) -> Result:
    """Run `work` on a new event loop while `connected`, and return its result."""

    async def run() -> Result:
        async with connected(settings):
            return await work()

    return asyncio.run(run())
