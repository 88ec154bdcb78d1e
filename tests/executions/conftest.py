"""A database with executions of all callers, whose reads are recorded."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.storage.database import Database
from tests.executions.callers import populate
from tests.support.sent_commands import Commands, watched


@pytest.fixture
async def settled(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, Commands]]:
    """A database with executions, steps and log lines of all callers, and the reads that it receives."""
    await populate(database)
    async with watched(mongodb_uri, database.handle.name) as found:
        yield found
