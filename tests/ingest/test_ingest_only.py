"""A process that only takes what engines report, and what it stores of everything that real engines sent."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from execution_monitor.app import create_app, create_ingest_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step, collection_of
from tests.ingest.openlineage.captures import NAMES, capture
from tests.ingest.otlp.otlp_requests import DATA, captured
from tests.support.server_process import running_server
from tests.support.servers import served, wait_until_ready

# Planted in the captures.
SECRETS = ("hunter2", "4111111111111111")


@pytest.fixture
async def client(
    database: Database, settings: Settings, token_for: Callable[..., str], request: pytest.FixtureRequest
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of the server that may report, on an empty database; a test may switch payloads on."""
    payloads = getattr(request, "param", "off")
    kept = {"ingest_payloads": payloads, "ingest_redact": (r"\b\d{16}\b",) if payloads == "on" else ()}
    headers = {"authorization": f"Bearer {token_for('ada', 'acme', 'executions:write')}"}
    async with served(create_ingest_app(settings.model_copy(update=kept))) as url:
        await wait_until_ready(url)
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            yield client


async def report_everything(client: httpx2.AsyncClient) -> None:
    for name in NAMES:
        assert (await client.post("/api/v1/lineage/batch", json=capture(name))).json()["status"] == "success"
    for path in sorted(DATA.glob("*.jsonl")):
        for each in captured(path.stem):
            headers = {"content-type": "application/x-protobuf"}
            assert (await client.post(each.path, content=each.body, headers=headers)).status_code == 200


@pytest.mark.parametrize("client", ["off", "on"], indirect=True)
async def test_no_planted_secret_is_stored_of_all_that_engines_sent(
    client: httpx2.AsyncClient, database: Database, request: pytest.FixtureRequest
):
    await report_everything(client)

    stored: list[Any] = []
    for name in await database.handle.list_collection_names():
        stored += await database.handle[name].find().to_list()
    assert await collection_of(Execution).count_documents({}) == 9
    assert await collection_of(Step).count_documents({}) > 50
    assert [secret for secret in SECRETS if secret in repr(stored)] == []
    prompts = await collection_of(Step).count_documents({"input_data": {"$exists": True}})
    assert (prompts > 0) is (request.node.callspec.params["client"] == "on")


async def test_it_serves_engines_and_operators_and_nobody_else(client: httpx2.AsyncClient):
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).json() == {"status": "ready", "reasons": []}
    assert (await client.get("/metrics")).status_code == 403
    for path in ("/", "/graphql", "/graphiql", "/api/v1/executions", "/api/v1/openapi.json", "/api/v1/live"):
        assert (await client.get(path)).status_code == 404
        assert json.loads((await client.get(path)).text)["status"] == 404


async def change_streams(database: Database) -> set[int]:
    """The ids of the cursors of change streams, of which MongoDB may still keep those of servers of other tests."""
    operations = await database.client.admin.aggregate([{"$currentOp": {"idleCursors": True}}])
    shown = [each async for each in operations if each.get("ns", "").startswith(f"{database.handle.name}.")]
    return {each["cursor"]["cursorId"] for each in shown if "cursor" in each and "$changeStream" in repr(each)}


async def test_it_reads_no_change_stream(database: Database, settings: Settings, token_for: Callable[..., str]):
    others = await change_streams(database)
    async with served(create_ingest_app(settings)) as url:
        await wait_until_ready(url)
        headers = {"authorization": f"Bearer {token_for('ada', 'acme', 'executions:write')}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
            assert (await client.post("/api/v1/lineage", json=capture(NAMES[0])[0])).status_code == 201
        assert await change_streams(database) <= others

    async with served(create_app(settings)) as url:
        await wait_until_ready(url)
        async with asyncio.timeout(20):
            while True:
                if await change_streams(database) - others:
                    break
                await asyncio.sleep(0.01)


def test_the_command_line_starts_it(tmp_path: Path, mongodb_uri: str, database_name: str):
    with running_server(tmp_path, mongodb_uri, database_name, "--ingest-only") as server:
        assert httpx2.post(f"{server.url}/api/v1/lineage", json={}).status_code == 401
        assert httpx2.get(f"{server.url}/graphql").status_code == 404
        # Servers of lists on the same machine come first.
        assert os.getpriority(os.PRIO_PROCESS, server.process.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 10
