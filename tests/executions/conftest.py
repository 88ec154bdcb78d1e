"""A database with executions of all callers, whose read commands are recorded."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.storage.database import Database
from tests.executions.callers import populate
from tests.support.sent_commands import SentCommands, recording_commands


@pytest.fixture
async def populated(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """The database with executions of all callers, and the read commands that it is sent."""
    await populate(database)
    async with recording_commands(mongodb_uri, database.handle.name) as recorded:
        yield recorded
