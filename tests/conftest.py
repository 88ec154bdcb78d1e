"""What every test stands on: one real MongoDB a run, a database a worker, emptied between tests."""

import os
from collections.abc import AsyncGenerator

import pytest

from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import DOCUMENTS


@pytest.fixture(scope="session")
def mongodb_uri() -> str:
    """Root access to the run's MongoDB."""
    return os.environ["EXECUTION_MONITOR_TEST_MONGODB_URI"]


@pytest.fixture(scope="session")
def database_name(worker_id: str) -> str:
    """A database of the worker's own, so that workers share nothing."""
    return os.environ.get("EXECUTION_MONITOR_TEST_DATABASE", f"test_{worker_id}")


@pytest.fixture
async def database(mongodb_uri: str, database_name: str) -> AsyncGenerator[Database]:
    """A connected, prepared and empty database."""
    async with open_database(mongodb_uri, database_name) as database:
        await database.connect()
        await database.prepare()
        for document in DOCUMENTS:
            await document.get_pymongo_collection().delete_many({})

        yield database
