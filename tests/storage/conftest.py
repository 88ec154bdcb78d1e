"""A large database whose reads are recorded, and a closed port."""

import gc
import socket
import warnings
from collections.abc import AsyncGenerator, Generator

import pytest

from execution_monitor.storage.database import Database
from tests.storage import large_collections
from tests.support.sent_commands import Commands, watched


@pytest.fixture(scope="session")
def large_database_name(mongodb_uri: str, database_name: str) -> Generator[str]:
    """A database of 50,000 executions that no test changes."""
    name = f"{database_name}_large"
    large_collections.load(mongodb_uri, name)
    yield name
    large_collections.drop(mongodb_uri, name)


@pytest.fixture
async def large_database(mongodb_uri: str, large_database_name: str) -> AsyncGenerator[tuple[Database, Commands]]:
    """The large database, and the reads that it receives."""
    async with watched(mongodb_uri, large_database_name) as found:
        yield found


@pytest.fixture
def closed_port() -> Generator[int]:
    """A port of this machine on which no program listens."""
    with socket.socket() as taken, warnings.catch_warnings():
        # PyMongo loses the socket of an attempt to connect that is cut off by closing the client.
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
        gc.collect()
