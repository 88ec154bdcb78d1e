"""What every test stands on: one real MongoDB a run, a database a worker, emptied between tests."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from execution_monitor.app import create_app
from execution_monitor.auth.tokens import issue_token
from execution_monitor.development.mongodb.embedded_mongodb import embedded_mongodb
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import DOCUMENTS
from execution_monitor.storage.server_documents import SERVER_DOCUMENTS
from tests.support.sent_commands import Commands, watched
from tests.support.servers import served, wait_until_ready

# As long as HS512 wants it, so that a test can sign with the wrong algorithm too.
SECRET = "the shared secret of every test server, which no other server may ever use"  # noqa: S105 - of tests alone

_URI = "TEST_MONGODB_URI"
_DATA_DIR = "TEST_DATA_DIR"


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
    return os.environ.get("TEST_DATABASE", f"test_{worker_id}")


@pytest.fixture
async def database(mongodb_uri: str, database_name: str) -> AsyncGenerator[Database]:
    """A connected, prepared and empty database."""
    async with open_database(mongodb_uri, database_name) as database:
        await database.connect()
        await database.prepare()
        for document in (*DOCUMENTS, *SERVER_DOCUMENTS):
            await database.collection(document).delete_many({})

        yield database


@pytest.fixture
async def watched_database(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, Commands]]:
    """An empty database, and the reads it is sent."""
    async with watched(mongodb_uri, database.handle.name) as found:
        yield found


@pytest.fixture
def settings(mongodb_uri: str, database_name: str) -> Settings:
    """What `server` serves with; a module may override it."""
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
    )


@pytest.fixture
async def server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    """The base URL of the application on a real socket, ready, over the emptied `database`."""
    async with served(create_app(settings)) as url:
        await wait_until_ready(url)
        yield url


@pytest.fixture
def token_for() -> Callable[..., str]:
    """`token_for(user, tenant, *scopes)`: a token that `server` accepts for an hour."""

    def issue(user: str, tenant: str, *scopes: str) -> str:
        return issue_token(SECRET, user=user, tenant=tenant, scopes=scopes, lifetime=timedelta(hours=1))

    return issue
