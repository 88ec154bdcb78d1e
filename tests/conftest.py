"""What every test stands on: one real MongoDB a run, a database a worker, emptied between tests."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from execution_monitor.development.embedded_mongodb import embedded_mongodb
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import DOCUMENTS

_URI = "EXECUTION_MONITOR_TEST_MONGODB_URI"
_DATA_DIR = "EXECUTION_MONITOR_TEST_DATA_DIR"


def pytest_configure(config: pytest.Config) -> None:
    """Choose one data folder for the run; workers inherit it and so share one server."""
    if _URI not in os.environ and not hasattr(config, "workerinput"):
        os.environ[_DATA_DIR] = tempfile.mkdtemp(prefix="execution-monitor-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's data."""
    if _URI not in os.environ and not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[_DATA_DIR], ignore_errors=True)


@pytest.fixture(scope="session")
def mongodb_uri() -> Generator[str]:
    """Root access to the run's MongoDB: the one a variable names, else an embedded one."""
    if _URI in os.environ:
        yield os.environ[_URI]
        return
    with embedded_mongodb(Path(os.environ[_DATA_DIR]), "unused") as server:
        yield server.root_uri


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
            await database.collection(document).delete_many({})

        yield database
