"""Rate limits at the server: by every way in, before anything is read."""

import socket
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from limits.aio.storage import MongoDBStorage

from execution_monitor import services
from execution_monitor.app import create_app
from execution_monitor.limits.rate_limits import shared_store
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.graphql.transport.test_event_streams import UPDATES, streamed
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]
PAGE = "{ executions(first: 20) { nodes { executionId } } }"
# A page costs 21 points.
POINTS = 50


@pytest_asyncio.fixture
async def server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    limited = settings.model_copy(update={"rate_limit": f"{POINTS}/hour", "rate_limit_address": "off"})
    async with served(create_app(limited)) as url:
        await wait_until_ready(url)
        yield url


async def send(server: str, token: str, **request: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}) as client:
        return await client.request(**request)


async def page(server: str, token: str) -> httpx2.Response:
    return await send(server, token, method="POST", url="/graphql", json={"query": PAGE})


async def test_a_response_has_its_cost_and_what_is_left(server: str, token_for: Token):
    token = token_for("ada", "acme")

    responses = [await page(server, token) for _ in range(2)]

    costs = [response.json()["extensions"]["cost"] for response in responses]
    assert costs == [{"requested": 21, "remaining": POINTS - 21}, {"requested": 21, "remaining": POINTS - 42}]
    assert responses[0].headers["ratelimit-policy"] == f'"caller";q={POINTS};qu="points";w=3600'
    assert responses[0].headers["ratelimit"].startswith(f'"caller";r={POINTS - 21};t=')


async def test_an_operation_that_graphql_core_runs_costs_the_same(server: str, token_for: Token):
    answer = await execute(server, token_for("ada", "acme"), "{ nodes(ids: []) { id } executions { totalCount } }")

    assert answer.body["extensions"]["cost"]["remaining"] == POINTS - answer.body["extensions"]["cost"]["requested"]


async def test_a_caller_with_too_few_points_is_refused_with_when_to_try_again(server: str, token_for: Token):
    await store(execution(1))
    token = token_for("ada", "acme")
    assert [(await page(server, token)).status_code for _ in range(2)] == [200, 200]

    refused = await page(server, token)

    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) == error["extensions"]["retryAfter"] > 0
    assert refused.headers["ratelimit"].startswith('"caller";r=8;t=')
    assert "data" not in refused.json()
    assert "e001" not in refused.text


async def test_each_caller_spends_points_of_their_own(server: str, token_for: Token):
    for _ in range(3):
        await page(server, token_for("ada", "acme"))

    others = [await page(server, token_for(*who)) for who in (("grace", "acme"), ("ada", "globex"))]

    assert [response.status_code for response in others] == [200, 200]


async def test_rest_spends_the_same_points_and_is_refused_alike(server: str, token_for: Token):
    token = token_for("ada", "acme")
    responses = [await send(server, token, method="GET", url=f"{EXECUTIONS_PATH}?limit=20") for _ in range(3)]

    refused = responses[-1]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert refused.json()["code"] == "RATE_LIMITED"
    assert int(refused.headers["retry-after"]) > 0
    assert (await page(server, token)).status_code == 429


async def test_over_a_socket_the_operation_ends_with_an_error_and_the_socket_stays(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        for number in range(3):
            await socket.subscribe({"query": PAGE}, str(number))
        messages = [await socket.receive() for _ in range(5)]
        await socket.send({"type": "ping"})

        ended = [(each["id"], each["type"]) for each in messages if each["type"] != "next"]
        refused = [each["payload"][0] for each in messages if each["type"] == "error"]
        assert sorted(kind for _, kind in ended) == ["complete", "complete", "error"]
        assert [each["extensions"]["code"] for each in refused] == ["RATE_LIMITED"]
        assert await socket.receive() == {"type": "pong"}


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_a_stream_does_not_begin_without_points(server: str, token_for: Token, accept: str):
    token = token_for("ada", "acme")
    for _ in range(3):
        await page(server, token)
    for _ in range(POINTS):
        if (await execute(server, token, "{ viewer { userId } }")).status == 429:
            break

    async with streamed(server, token, accept, UPDATES) as response:
        await response.aread()

    assert response.status_code == 429


async def test_an_invalid_document_costs_points_too(server: str, token_for: Token):
    token = token_for("ada", "acme")
    garbage = "{ " + "nothing " * 100

    responses = [await execute(server, token, garbage) for _ in range(2)]

    assert [response.status for response in responses] == [400, 429]


async def test_refusals_are_counted(database: Database, settings: Settings, token_for: Token):
    limited = settings.model_copy(update={"rate_limit": f"{POINTS}/hour", "metrics": "open"})
    async with served(create_app(limited)) as server:
        await wait_until_ready(server)
        for _ in range(3):
            await page(server, token_for("ada", "acme"))

        metrics = (await send(server, token_for("ada", "acme"), method="GET", url="/metrics")).text

    assert 'execution_monitor_rate_limited_total{policy="caller"} 1.0' in metrics
    assert "execution_monitor_audit_dropped_total 0.0" in metrics


async def test_without_the_shared_store_reading_goes_on_and_metrics_and_readiness_say_so(
    database: Database, settings: Settings, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    silent_store = shared_store(f"mongodb://127.0.0.1:{port}", "nowhere")

    def choose_store(*_: str) -> MongoDBStorage:
        return silent_store

    monkeypatch.setattr(services, "shared_store", choose_store)
    changes = {"rate_limit": f"{POINTS}/hour", "rate_limit_store": "mongodb", "metrics": "open"}
    token = token_for("ada", "acme")

    async with served(create_app(settings.model_copy(update=changes))) as server:
        await wait_until_ready(server)
        responses = [(await page(server, token)).status_code for _ in range(3)]
        metrics = (await send(server, token, method="GET", url="/metrics")).text
        ready = await send(server, token, method="GET", url="/readyz")

    # What this process can count still holds.
    assert responses == [200, 200, 429]
    assert "execution_monitor_rate_limit_store_down 1.0" in metrics
    assert "execution_monitor_rate_limit_store_failures_total 1.0" in metrics
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["reasons"] == ["Rate limits are counted by each process alone: MongoDB does not keep them."]
