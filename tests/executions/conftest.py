"""A database in which everybody has something, and whose reads are watched."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.storage.database import Database
from tests.executions.people import settle
from tests.storage.commands import Commands, watched


@pytest.fixture
async def settled(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, Commands]]:
    """Everybody's executions, steps and lines, and the reads that the database is sent."""
    await settle(database)
    async with watched(mongodb_uri, database.handle.name) as found:
        yield found
