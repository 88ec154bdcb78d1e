"""Subscriptions over Server-Sent Events and multipart, at a real socket."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import httpx2
import orjson
import pytest

from execution_monitor.auth.caller import LEEWAY
from execution_monitor.auth.tokens import issue_token
from tests.support.client import execute
from tests.support.documents import execution, store
from tests.support.tokens import SECRET

Token = Callable[..., str]
UPDATES = "subscription Updates($after: String) { executionUpdates(after: $after) { kind executionId cursor } }"


@contextlib.asynccontextmanager
async def streamed(
    server: str, token: str, accept: str, query: str, **variables: Any
) -> AsyncGenerator[httpx2.Response]:
    headers = {"accept": accept, "authorization": f"Bearer {token}"}
    body = {"query": query, "variables": variables}
    async with (
        httpx2.AsyncClient(timeout=20) as client,
        client.stream("POST", f"{server}/graphql", json=body, headers=headers) as response,
    ):
        yield response


async def lines_until(response: httpx2.Response, wanted: int, prefix: str) -> list[Any]:
    """The JSON after `prefix`, of the first `wanted` lines that have some."""
    found: list[Any] = []
    async for line in response.aiter_lines():
        text = line.removeprefix(prefix)
        if line.startswith(prefix) and text.startswith("{"):
            found.append(orjson.loads(text))
            if len(found) == wanted:
                break
    return found


async def cursor_now(server: str, token: str) -> str:
    return (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]


async def test_events_come_as_server_sent_events(server: str, token_for: Token):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2))

    async with streamed(server, token, "text/event-stream", UPDATES, after=cursor) as response:
        events = await lines_until(response, 2, "data: ")

    assert response.headers["content-type"] == "text/event-stream"
    assert [each["data"]["executionUpdates"]["executionId"] for each in events] == ["e001", "e002"]


async def test_events_come_as_multipart(server: str, token_for: Token):
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
async def test_a_subscription_that_cannot_begin_is_a_stream_of_its_errors(
    server: str, token_for: Token, accept: str, query: str, code: str
):
    async with streamed(server, token_for("ada", "acme"), accept, query, after="garbage") as response:
        text = (await response.aread()).decode()

    assert code in text
    assert [each for each in FRAMES[accept] if each not in text] == []


HEARTBEATS = {"text/event-stream": ": behindSeconds=0", "multipart/mixed": "{}"}


@pytest.mark.parametrize("accept", HEARTBEATS)
async def test_a_silent_stream_sends_heartbeats_that_are_not_events(
    server: str, token_for: Token, accept: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("execution_monitor.asgi.heartbeat.HEARTBEAT_SECONDS", 0.05)
    token = token_for("ada", "acme")
    seen: list[str] = []

    async with streamed(server, token, accept, "subscription { executionUpdates { executionId } }") as response:
        async for line in response.aiter_lines():
            seen.append(line)
            if seen.count(HEARTBEATS[accept]) == 3 and line == HEARTBEATS[accept]:
                # The stream goes on after heartbeats.
                await store(execution(1))
            if "e001" in line:
                break

    events = [line for line in seen if line.startswith(("data: ", '{"payload"'))]
    assert seen.count(HEARTBEATS[accept]) >= 3
    assert len(events) == 1


FRAMED = {
    "text/event-stream": b"event: next\ndata: %s\n\nevent: complete\ndata:\n\n",
    "multipart/mixed": b'\r\n--graphql\r\nContent-Type: application/json\r\n\r\n{"payload":%s}\r\n--graphql--\r\n',
}


@pytest.mark.parametrize("accept", FRAMED)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stream_is_framed_to_the_letter(server: str, token_for: Token, accept: str, method: str):
    query = 'subscription { executionActivity(executionId: "none") { __typename } }'
    headers = {"accept": accept, "authorization": f"Bearer {token_for('ada', 'acme')}"}
    sent: dict[str, Any] = {"params": {"query": query}} if method == "GET" else {"json": {"query": query}}

    async with httpx2.AsyncClient(timeout=20) as client:
        response = await client.request(method, f"{server}/graphql", headers=headers, **sent)

    before, after = FRAMED[accept].split(b"%s")
    payload = response.content.removeprefix(before).removesuffix(after)
    assert response.content == before + payload + after
    # One line: a second one would be another event.
    assert b"\n" not in payload
    assert orjson.loads(payload)["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-store", "no")


async def test_a_line_break_in_a_value_does_not_break_the_framing(server: str, token_for: Token):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1, workflow_name="a\n\nevent: complete\ndata:\n\r\n--graphql--\r\n\u2028"))
    query = "subscription S($after: String) { executionUpdates(after: $after) { execution { workflowName } } }"

    for accept, prefix in (("text/event-stream", "data: "), ("multipart/mixed", '{"payload":')):
        async with streamed(server, token, accept, query, after=cursor) as response:
            async for line in response.aiter_lines():
                if line.startswith(prefix):
                    assert "event: complete\\ndata" in line
                    assert "--graphql--" in line
                    break


FROM_NOW = "subscription { executionUpdates { kind executionId } }"


async def test_a_part_is_complete_as_soon_as_it_has_arrived(server: str, token_for: Token):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1))

    # Clients take a part only after the next boundary, and no other event follows here.
    async with streamed(server, token, "multipart/mixed", UPDATES, after=cursor) as response:
        received = b""
        async for chunk in response.aiter_bytes():
            received += chunk
            if b"e001" in received and received.endswith(b"\r\n--graphql"):
                break

    preamble, part, rest = received.split(b"\r\n--graphql")
    assert (preamble, rest) == (b"", b"")
    assert orjson.loads(part.partition(b"\r\n\r\n")[2])["payload"]["data"]["executionUpdates"]["executionId"] == "e001"


async def test_the_end_of_a_token_is_a_transport_error_in_multipart(server: str):
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=timedelta(seconds=3) - LEEWAY)

    async with streamed(server, token, "multipart/mixed", FROM_NOW) as response:
        *_, last, end = (await response.aread()).split(b"\r\n--graphql")

    final = orjson.loads(last.partition(b"\r\n\r\n")[2])
    assert end == b"--\r\n"
    assert final["payload"] is None
    assert final["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_stream_ends_with_its_token(server: str):
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=timedelta(seconds=3) - LEEWAY)

    async with streamed(server, token, "text/event-stream", FROM_NOW) as response:
        text = (await response.aread()).decode()

    assert "UNAUTHENTICATED" in text
    assert text.endswith("event: complete\ndata:\n\n")


async def test_a_query_has_a_plain_response_where_the_client_accepts_json(server: str, token_for: Token):
    # As urql sends it with every operation.
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
async def test_a_client_that_accepts_only_streams_gets_one_for_a_query(
    server: str, token_for: Token, query: str, payload: bytes
):
    async with streamed(server, token_for("ada", "acme"), "text/event-stream", query) as response:
        body = await response.aread()

    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    assert body.startswith(b"event: next\ndata: {")
    assert payload in body
    assert body.endswith(b"event: complete\ndata:\n\n")


async def test_a_subscription_is_refused_unless_a_stream_is_accepted(server: str, token_for: Token):
    answer = await execute(server, token_for("ada", "acme"), "subscription { executionUpdates { kind } }")

    assert answer.status == 406
    assert answer.message == "A subscription is a stream: accept text/event-stream or multipart/mixed."


async def test_without_a_token_no_stream_begins(server: str):
    async with streamed(server, "garbage", "text/event-stream", UPDATES) as response:
        body = orjson.loads(await response.aread())

    assert response.status_code == 401
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
