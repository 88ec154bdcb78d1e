"""Fixtures of all tests: one real MongoDB for the run, one database for each worker, emptied before each test."""

import copy
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from beanie.odm.utils.init import Initializer
from pydantic import SecretStr

from execution_monitor.app import create_app
from execution_monitor.development.mongodb.embedded_mongodb import embedded_mongodb
from execution_monitor.graphql.errors import ClientSafeSchema
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.documents import Documents
from execution_monitor.rest.openapi import describe
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database, open_database
from tests.support.emptying import empty
from tests.support.minutes import minutes_by_folder
from tests.support.processes import heed_interrupts
from tests.support.sent_commands import SentCommands, recording_commands
from tests.support.servers import served_on_prepared
from tests.support.tokens import SECRET, token_of

_URI = "TEST_MONGODB_URI"
_DATA_DIR = "TEST_DATA_DIR"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--minutes`."""
    parser.addoption("--minutes", action="store_true", help="print how many minutes each folder of tests takes")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the minutes of each folder, summed over all processes of the run."""
    if not config.getoption("minutes"):
        return
    reports = (each for group in terminalreporter.stats.values() for each in group)
    minutes = minutes_by_folder(each for each in reports if isinstance(each, pytest.TestReport))
    terminalreporter.section("minutes of one process")
    for folder, taken in minutes.items():
        terminalreporter.write_line(f"| `{folder}` | {taken:.1f} |")
    terminalreporter.write_line(f"| all | {sum(minutes.values()):.1f} |")


def pytest_configure(config: pytest.Config) -> None:
    """Choose one data folder for the run; workers inherit it, and so share one MongoDB."""
    heed_interrupts()
    if _URI not in os.environ and not hasattr(config, "workerinput"):
        os.environ[_DATA_DIR] = tempfile.mkdtemp(prefix="execution-monitor-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the data of the run."""
    if _URI not in os.environ and not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[_DATA_DIR], ignore_errors=True)


@pytest.fixture(autouse=True, scope="session")
def _made_once() -> Generator[None]:
    """Compute what many servers and clients of a process have in common once: half of the CPU time of a small test.

    Servers share the schema, but each remembers its own documents.
    """
    schemas = functools.cache(create_schema)

    def create(*, allows_introspection: bool = True) -> ClientSafeSchema:
        schema = copy.copy(schemas(allows_introspection=allows_introspection))
        schema.documents = Documents(allows_introspection=allows_introspection)
        return schema

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("execution_monitor.app.create_schema", create)
        patch.setattr("execution_monitor.rest.routes.describe", functools.cache(describe))
        # What Beanie finds out of a class of documents.
        initializer: Any = Initializer
        patch.setattr(initializer, "init_document_fields", _once_a_class(initializer.init_document_fields))
        patch.setattr(initializer, "init_actions", staticmethod(_once_a_class(initializer.init_actions)))
        # The certificates of all authorities, which every client of HTTP reads; the servers of tests have none.
        patch.setattr("httpx2._transports.default.create_ssl_context", functools.cache(httpx2.create_ssl_context))
        # The key of a password, 15,000 rounds of SHA-256, which every client of MongoDB computes.
        patch.setattr("hashlib.pbkdf2_hmac", functools.cache(hashlib.pbkdf2_hmac))
        yield


def _once_a_class(initialize: Callable[..., None]) -> Callable[..., None]:
    """As `initialize`, which finds out the same of a class of documents, its last argument, each time."""
    known = set[Any]()

    def initialize_once(*arguments: Any) -> None:
        if arguments[-1] not in known:
            known.add(arguments[-1])
            initialize(*arguments)

    return initialize_once


@pytest.fixture(scope="session")
def mongodb_uri() -> Generator[str]:
    """The root URI of the run's MongoDB: of the one that `TEST_MONGODB_URI` names, else of an embedded one."""
    if _URI in os.environ:
        yield os.environ[_URI]
        return
    with embedded_mongodb(Path(os.environ[_DATA_DIR]), "unused") as server:
        yield server.root_uri


@pytest.fixture(scope="session")
def database_name(worker_id: str) -> str:
    """The database of this worker, so that workers share nothing."""
    return os.environ.get("TEST_DATABASE", f"test_{worker_id}")


@pytest.fixture
async def database(mongodb_uri: str, database_name: str) -> AsyncGenerator[Database]:
    """A connected and empty database with all its indexes."""
    async with open_database(mongodb_uri, database_name) as database:
        await database.connect()
        await empty(database)
        yield database


@pytest.fixture
async def recorded_database(mongodb_uri: str, database: Database) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """An empty database, and the read commands that it is sent."""
    async with recording_commands(mongodb_uri, database.handle.name) as recorded:
        yield recorded


@pytest.fixture
def settings(mongodb_uri: str, database_name: str) -> Settings:
    """The settings of `server`; a module may override them."""
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        # The tests of rollups, webhooks and alerts turn them on. To others they would be a load, and end the alerts
        # that a test stores by hand.
        statistics_rollups="off",
        delivery="off",
    )


@pytest.fixture
async def server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    """The base URL of the application on a real socket, ready, on the emptied `database`."""
    async with served_on_prepared(lambda: create_app(settings)) as url:
        yield url


@pytest.fixture
def token_for() -> Callable[..., str]:
    """`token_for(user, tenant, *scopes)`: a token that `server` accepts for an hour."""

    def issue(user: str, tenant: str, *scopes: str) -> str:
        return token_of(user, *scopes, tenant=tenant, lifetime=timedelta(hours=1))

    return issue
