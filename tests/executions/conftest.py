"""A database in which everybody has something, and whose reads are watched."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.storage.database import Database
from tests.executions.callers import populate
from tests.support.sent_commands import SentCommands, recording_commands


@pytest.fixture
async def populated(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """Everybody's executions, steps and lines, and the reads that the database is sent."""
    await populate(database)
    async with recording_commands(mongodb_uri, database.handle.name) as found:
        yield found
