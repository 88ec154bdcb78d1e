"""Fixtures of storage: a large database whose read commands are recorded, and a closed port."""

import gc
import socket
import warnings
from collections.abc import AsyncGenerator, Generator

import pytest

from execution_monitor.storage.database import Database
from tests.storage import large_database as large
from tests.support.sent_commands import SentCommands, recording_commands


@pytest.fixture(scope="session")
def large_database_name(mongodb_uri: str, database_name: str) -> Generator[str]:
    """The name of a database of 50,000 executions that no test changes."""
    name = f"{database_name}_large"
    large.load(mongodb_uri, name)
    yield name
    large.drop(mongodb_uri, name)


@pytest.fixture
async def large_database(mongodb_uri: str, large_database_name: str) -> AsyncGenerator[tuple[Database, SentCommands]]:
    """The large database, and the read commands that it is sent."""
    async with recording_commands(mongodb_uri, large_database_name) as recorded:
        yield recorded


@pytest.fixture
def closed_port() -> Generator[int]:
    """A port of this machine that nothing listens on."""
    with socket.socket() as taken, warnings.catch_warnings():
        # PyMongo leaves the socket of an attempt to connect open when its client is closed meanwhile.
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
        gc.collect()
