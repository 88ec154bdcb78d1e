"""Subscriptions over Server-Sent Events and multipart, at a real socket."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from execution_monitor.access.tokens import issue_token
from tests.conftest import SECRET
from tests.graphql.asking import ask, execution, store

Token = Callable[..., str]
UPDATES = "subscription Updates($after: String) { executionUpdates(after: $after) { kind executionId cursor } }"


@contextlib.asynccontextmanager
async def streamed(
    server: str, token: str, accept: str, query: str, **variables: Any
) -> AsyncGenerator[httpx.Response]:
    headers = {"accept": accept, "authorization": f"Bearer {token}"}
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("POST", f"{server}/graphql", json=body, headers=headers) as response,
    ):
        yield response


async def lines_until(response: httpx.Response, wanted: int, prefix: str) -> list[Any]:
    """The JSON behind `prefix`, of the first `wanted` lines that have some."""
    found: list[Any] = []
    async for line in response.aiter_lines():
        text = line.removeprefix(prefix)
        if line.startswith(prefix) and text.startswith("{"):
            found.append(orjson.loads(text))
            if len(found) == wanted:
                break
    return found


async def cursor_now(server: str, token: str) -> str:
    return (await ask(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]


async def test_events_come_as_server_sent_events(server: str, token_for: Token):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2))

    async with streamed(server, token, "text/event-stream", UPDATES, after=cursor) as response:
        events = await lines_until(response, 2, "data: ")

    assert response.headers["content-type"] == "text/event-stream"
    assert [each["data"]["executionUpdates"]["executionId"] for each in events] == ["e001", "e002"]


async def test_events_come_in_parts(server: str, token_for: Token):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2))

    async with streamed(
        server, token, "multipart/mixed;subscriptionSpec=1.0, application/json", UPDATES, after=cursor
    ) as response:
        parts = await lines_until(response, 2, "")

    assert response.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'
    assert [each["payload"]["data"]["executionUpdates"]["executionId"] for each in parts] == ["e001", "e002"]


FRAMES = {"text/event-stream": ["event: next", "event: complete"], "multipart/mixed": ["--graphql", "--graphql--"]}


@pytest.mark.parametrize("accept", FRAMES)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param(UPDATES, "INVALID_CURSOR", id="a damaged cursor"),
        pytest.param("subscription { executionUpdates { nothing } }", "BAD_USER_INPUT", id="an unknown field"),
    ],
)
async def test_what_cannot_begin_is_told_and_ends(server: str, token_for: Token, accept: str, query: str, code: str):
    async with streamed(server, token_for("ada", "acme"), accept, query, after="garbage") as response:
        text = (await response.aread()).decode()

    assert code in text
    assert [each for each in FRAMES[accept] if each not in text] == []


async def test_a_stream_ends_with_its_token(server: str):
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=timedelta(seconds=2))

    async with streamed(server, token, "text/event-stream", UPDATES.replace("(after: $after)", "")) as response:
        text = (await response.aread()).decode()

    assert text.endswith("event: complete\ndata:\n\n")


async def test_a_query_is_answered_at_once_even_to_who_would_take_a_stream(server: str, token_for: Token):
    # As urql asks for every operation.
    accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"

    async with streamed(server, token_for("ada", "acme"), accept, "{ viewer { userId } }") as response:
        body = orjson.loads(await response.aread())

    assert response.headers["content-type"].startswith("application/graphql-response+json")
    assert body["data"] == {"viewer": {"userId": "ada"}}


@pytest.mark.parametrize(
    ("query", "payload"),
    [
        pytest.param("{ viewer { userId } }", b'{"data":{"viewer":{"userId":"ada"}}', id="a query"),
        pytest.param("{ broken", b"Expected Name, found <EOF>", id="bad syntax"),
    ],
)
async def test_who_takes_streams_alone_is_answered_in_one(server: str, token_for: Token, query: str, payload: bytes):
    async with streamed(server, token_for("ada", "acme"), "text/event-stream", query) as response:
        body = await response.aread()

    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    assert body.startswith(b"event: next\ndata: {")
    assert payload in body
    assert body.endswith(b"event: complete\ndata:\n\n")


async def test_a_subscription_needs_a_stream_to_be_accepted(server: str, token_for: Token):
    answer = await ask(server, token_for("ada", "acme"), "subscription { executionUpdates { kind } }")

    assert answer.status == 406
    assert answer.message == "A subscription is a stream: accept text/event-stream or multipart/mixed."


async def test_without_a_token_no_stream_begins(server: str):
    async with streamed(server, "garbage", "text/event-stream", UPDATES) as response:
        body = orjson.loads(await response.aread())

    assert response.status_code == 401
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
