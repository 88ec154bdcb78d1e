"""Documents as large as MongoDB stores: payloads beyond the limit are refused, and not even read."""

from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.app import create_app
from execution_monitor.errors import ResponseTooLarge
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step
from execution_monitor.storage.filters import equals
from execution_monitor.storage.find_command import Search, find_rows
from tests.support.client import execute
from tests.support.documents import NOON
from tests.support.sent_commands import recording_commands
from tests.support.servers import served, wait_until_ready

MEGABYTE = 1024 * 1024
LIST = "{ executions(first: 100) { nodes { executionId finalResult } } }"
STEPS = "{ executions(first: 100) { nodes { executionId steps { nodes { stepId result } } } } }"
LIVE = "{ executions(first: 100) { nodes { executionId finalResult } liveCursor } }"


async def store(database: Database, sizes: list[int]) -> None:
    for place, size in enumerate(sizes):
        own = {"tenant_id": "acme", "execution_id": f"run-{place}", "created": NOON + timedelta(seconds=place)}
        text = "x" * size
        await database.collection(Execution).insert_one({**own, "user_id": "ada", "final_result": {"text": text}})
        await database.collection(Step).insert_one({**own, "step_id": "load", "step_index": 0, "result": text})


@pytest.fixture
async def small_server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    """A server whose responses have at most a megabyte."""
    async with served(create_app(settings.model_copy(update={"max_response_bytes": MEGABYTE}))) as url:
        await wait_until_ready(url)
        yield url


@pytest.fixture
def token(token_for: Callable[..., str]) -> str:
    return token_for("ada", "acme", "executions:read", "executions:payload")


@pytest.mark.parametrize("query", [LIST, STEPS, LIVE])
async def test_a_page_beyond_the_limit_is_refused_with_its_size(
    server: str, database: Database, token: str, query: str
):
    await store(database, [14 * MEGABYTE] * 4)

    answer = await execute(server, token, query)

    assert "QUERY_TOO_COMPLEX" in answer.codes
    assert "The answer would have 58,7" in str(answer.body["errors"])


async def test_a_page_of_large_documents_is_returned_without_their_payloads(
    server: str, database: Database, token: str
):
    await store(database, [14 * MEGABYTE] * 4)

    answer = await execute(server, token, "{ executions { nodes { executionId steps { nodes { stepId } } } } }")

    assert [each["executionId"] for each in answer.data["executions"]["nodes"]] == ["run-3", "run-2", "run-1", "run-0"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (LIST, ["executions", "nodes", 1, "finalResult"]),
        (STEPS, ["executions", "nodes", 1, "steps", "nodes", 0, "result"]),
        (LIVE, ["executions", "nodes", 1, "finalResult"]),
        ('{ execution(executionId: "run-1") { executionId finalResult } }', ["execution", "finalResult"]),
    ],
)
async def test_a_payload_beyond_the_limit_is_an_error_of_its_field(
    small_server: str, database: Database, token: str, query: str, path: list[Any]
):
    await store(database, [10, 3 * MEGABYTE, 10])

    answer = await execute(small_server, token, query)

    (error,) = answer.body["errors"]
    assert error["path"] == path
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert error["message"].startswith("This payload has 3,145,7")
    if "nodes" in answer.body["data"].get("executions", {}):
        assert [each["executionId"] for each in answer.body["data"]["executions"]["nodes"]] == [
            "run-2",
            "run-1",
            "run-0",
        ]


async def test_a_refused_payload_is_not_read(mongodb_uri: str, database: Database):
    await store(database, [6 * MEGABYTE] * 8)
    search = Search(
        equals("tenant_id", "acme").to_mongo(),
        frozenset({"final_result"}),
        limit=100,
        timeout_ms=30_000,
        max_bytes=32 * MEGABYTE,
    )

    async with recording_commands(mongodb_uri, database.handle.name) as (watching, commands):
        with pytest.raises(ResponseTooLarge):
            await find_rows(watching.rows(Execution), search)

        assert [sorted({"find", "getMore"} & set(read)) for read in commands.reads] == [["find"], ["find"]]
