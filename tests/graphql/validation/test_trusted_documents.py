"""Trusted documents: with a file of them, no other document is run, over any transport."""

import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from execution_monitor.app import create_app
from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]
WHO = "{ viewer { userId } }"
PAGES = "query Page($first: Int) { executions(first: $first) { nodes { executionId } } }"


def write(folder: Path, documents: Any) -> Path:
    path = folder / "trusted.json"
    path.write_text(documents if isinstance(documents, str) else json.dumps(documents))
    return path


@pytest_asyncio.fixture
async def server(database: Database, settings: Settings, tmp_path: Path) -> AsyncGenerator[str]:
    path = write(tmp_path, {"who": WHO, "sha256:pages": PAGES})
    async with served(create_app(settings.model_copy(update={"trusted_documents": path}))) as url:
        await wait_until_ready(url)
        yield url


async def post(server: str, token: str, body: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}) as client:
        return await client.post("/graphql", json=body)


async def test_an_id_is_resolved_to_its_document(server: str, token_for: Token):
    token = token_for("ada", "acme")

    who = await post(server, token, {"documentId": "who"})
    page = await post(server, token, {"documentId": "sha256:pages", "variables": {"first": 1}})
    async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}) as client:
        got = await client.get("/graphql", params={"documentId": "who"})

    without = await post(server, token, {"documentId": "who", "query": None})

    assert who.json()["data"] == got.json()["data"] == without.json()["data"] == {"viewer": {"userId": "ada"}}
    assert page.json()["data"] == {"executions": {"nodes": []}}


async def test_the_text_of_a_trusted_document_is_accepted(server: str, token_for: Token):
    assert (await post(server, token_for("ada", "acme"), {"query": WHO})).json()["data"]["viewer"]["userId"] == "ada"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        pytest.param({"query": "{ viewer { tenantId } }"}, 400, "trusted documents alone", id="another document"),
        pytest.param({"query": WHO + " "}, 400, "trusted documents alone", id="nearly one"),
        pytest.param({"query": "{ __schema { types { name } } }"}, 400, "trusted documents alone", id="introspection"),
        pytest.param({"documentId": "other"}, 400, "no trusted document with this documentId", id="another id"),
        pytest.param({"documentId": "who", "query": WHO}, 422, "either query or documentId", id="both"),
        pytest.param({"documentId": 1}, 422, "documentId must be text", id="not text"),
        pytest.param({"documentId": ""}, 422, "operation is missing", id="an empty id"),
    ],
)
async def test_only_trusted_documents_are_run(server: str, token_for: Token, body: Any, status: int, message: str):
    token = token_for("ada", "acme")

    answer = await post(server, token, body)
    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe(body)
        received = await socket.receive_or_closed()

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, "BAD_USER_INPUT")
    assert message in error["message"]
    assert received in ("error", 4400)


async def test_without_a_file_ids_are_refused(database: Database, settings: Settings, token_for: Token):
    async with served(create_app(settings)) as server:
        await wait_until_ready(server)
        answer = await post(server, token_for("ada", "acme"), {"documentId": "who"})

    assert answer.json()["errors"][0]["message"].startswith("This server has no trusted documents")


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        pytest.param("{", "is not JSON", id="not JSON"),
        pytest.param([WHO], "must hold an object", id="a list"),
        pytest.param({"who": 1}, "must hold an object", id="not text"),
        pytest.param({"bad": "{ nothing }"}, "bad in .* is refused: Cannot query field", id="an unknown field"),
        pytest.param({"bad": "{ __schema { types { name } } }"}, "introspection has been disabled", id="the schema"),
        pytest.param({"bad": "{"}, "bad in .* is refused: Syntax Error", id="bad syntax"),
    ],
)
def test_an_invalid_file_prevents_the_start(settings: Settings, tmp_path: Path, documents: Any, message: str):
    path = write(tmp_path, documents)

    with pytest.raises(SetupError, match=message):
        create_app(settings.model_copy(update={"trusted_documents": path}))


def test_a_missing_file_prevents_the_start(settings: Settings, tmp_path: Path):
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        create_app(settings.model_copy(update={"trusted_documents": tmp_path / "none.json"}))
