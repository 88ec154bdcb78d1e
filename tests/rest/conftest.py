"""A client of REST, and stored documents for it."""

from collections.abc import AsyncGenerator, Callable

import httpx2
import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step
from tests.rest.client import Fetch, Store
from tests.rest.documents import Documents


@pytest.fixture
async def fetch(server: str, token_for: Callable[..., str]) -> AsyncGenerator[Fetch]:
    """`ask(path, token=..., method=...)`: the server's response, to Ada of Acme without a token."""
    async with httpx2.AsyncClient(base_url=server) as client:

        async def fetch(path: str, *, token: str | None = None, method: str = "GET") -> httpx2.Response:
            headers = {"Authorization": f"Bearer {token or token_for('ada', 'acme')}"}
            return await client.request(method, path, headers=headers)

        yield fetch


@pytest.fixture
def store(database: Database) -> Store:
    """`store(executions, steps)`: insert documents as an engine writes them."""

    async def store(executions: Documents, steps: Documents = ()) -> None:
        for document, rows in ((Execution, executions), (Step, steps)):
            if rows:
                await database.collection(document).insert_many(list(rows))

    return store
