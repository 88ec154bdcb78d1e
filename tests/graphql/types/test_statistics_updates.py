"""`executionStatisticsUpdates` over every transport: the answer at once, and a new one whenever it changes."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from execution_monitor.storage.documents import Execution, collection_of
from tests.graphql.transport.test_event_streams import streamed
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute
from tests.support.documents import execution, store

Token = Callable[..., str]
Receive = Callable[[], Awaitable[Any]]

FILTER = '{ createdAt: { gte: "2000-01-01T00:00:00Z" } }'
UPDATES = f"""subscription Q($after: String) {{
  executionStatisticsUpdates(filter: {FILTER}, interval: MONTH, after: $after) {{ count liveCursor asOf basis
    groups(by: STATUS) {{ value count }} }} }}"""
ANSWER = f"""{{ executionStatistics(filter: {FILTER}) {{ count liveCursor groups(by: STATUS) {{ value count }} }} }}"""
TRANSPORTS = ["graphql-transport-ws", "text/event-stream", "multipart/mixed;subscriptionSpec=1.0, application/json"]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution_monitor.statistics.live.feed.SECONDS_BETWEEN_ANSWERS", 0.05)


async def follow(
    stack: AsyncExitStack, server: str, token: str, transport: str, query: str, **variables: Any
) -> Receive:
    """Subscribe; returns what receives the next answer."""
    if transport == "graphql-transport-ws":
        socket = await stack.enter_async_context(opened(server))
        await socket.begin(token)
        await socket.subscribe({"query": query, "variables": variables})
        return socket.next
    response = await stack.enter_async_context(streamed(server, token, transport, query, **variables))
    lines = response.aiter_lines()

    async def receive() -> Any:
        async for line in lines:
            text = line.removeprefix("data: ")
            if text.startswith('{"'):
                payload = orjson.loads(text)
                return payload.get("payload", payload).get("data", payload)
        raise EOFError

    return receive


async def statistics_of(receive: Receive) -> tuple[int, dict[str, int], str]:
    answer = (await receive())["executionStatisticsUpdates"]
    assert answer["basis"] == "EXACT"
    return answer["count"], {each["value"]: each["count"] for each in answer["groups"]}, answer["liveCursor"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_answer_comes_at_once_and_a_new_one_when_it_changes(server: str, token_for: Token, transport: str):
    await store(execution(1, status="running"), execution(2, user_id="grace"))
    token = token_for("ada", "acme")

    async with AsyncExitStack() as stack:
        receive = await follow(stack, server, token, transport, UPDATES)
        first = await statistics_of(receive)
        await collection_of(Execution).update_one({"execution_id": "e001"}, {"$set": {"status": "failed"}})
        second = await statistics_of(receive)
        # Given away, and another received.
        await collection_of(Execution).update_one({"execution_id": "e001"}, {"$set": {"user_id": "grace"}})
        third = await statistics_of(receive)

    assert first[:2] == (1, {"RUNNING": 1})
    assert second[:2] == (1, {"FAILED": 1})
    assert third[:2] == (0, {})


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_behind_a_cursor_nothing_comes_until_the_answer_changes(server: str, token_for: Token, transport: str):
    await store(execution(1, status="running"))
    token = token_for("ada", "acme")
    cursor = (await execute(server, token, ANSWER)).data["executionStatistics"]["liveCursor"]

    async with AsyncExitStack() as stack:
        receive = await follow(stack, server, token, transport, UPDATES, after=cursor)
        await store(execution(2, status="failed"))
        changed = await statistics_of(receive)
    await collection_of(Execution).delete_one({"execution_id": "e001"})
    async with AsyncExitStack() as stack:
        receive = await follow(stack, server, token, transport, UPDATES, after=changed[2])
        missed = await statistics_of(receive)

    assert changed[:2] == (2, {"RUNNING": 1, "FAILED": 1})
    assert missed[:2] == (1, {"FAILED": 1})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(f'{FILTER}, timeZone: "Mars/Base"', "BAD_USER_INPUT", id="no time zone"),
        pytest.param(f"{FILTER}, interval: MINUTE", "BAD_USER_INPUT", id="too many buckets"),
        pytest.param(f'{FILTER}, after: "garbage"', "INVALID_CURSOR", id="a damaged cursor"),
    ],
)
async def test_a_subscription_that_cannot_begin_says_why(server: str, token_for: Token, arguments: str, code: str):
    token = token_for("ada", "acme")
    series = "series { count }" if "interval" in arguments else ""
    query = f"subscription {{ executionStatisticsUpdates(filter: {arguments}) {{ count {series} }} }}"

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": query})
        answer = await socket.receive()

    assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", code)


async def test_a_cursor_of_another_caller_is_refused(server: str, token_for: Token):
    cursor = (await execute(server, token_for("ada", "acme"), ANSWER)).data["executionStatistics"]["liveCursor"]

    async with opened(server) as socket:
        await socket.begin(token_for("grace", "acme"))
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        answer = await socket.receive()

    assert answer["payload"][0]["extensions"]["code"] == "INVALID_CURSOR"
