"""Lines of requests and sockets, and the id that the client is told."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx2
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from execution_monitor.storage.records import ExecutionRecord
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.documents import execution, store
from tests.web.test_metrics import values_of

Token = Callable[..., str]
SOON = 10.0


@pytest.fixture
async def client(server: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=server) as client:
        yield client


def lines_of(logs: list[Any], event: str) -> list[Any]:
    return [each for each in logs if each["event"] == event]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/api/v1/openapi.json", 200, id="an answer"),
        pytest.param("GET", "/api/v1/workflow-management/executions", 401, id="a refusal"),
        pytest.param("DELETE", "/graphql", 405, id="a wrong method"),
        pytest.param("GET", "/nowhere", 404, id="no address of ours"),
    ],
)
async def test_every_answer_tells_the_id_of_its_line(client: httpx2.AsyncClient, method: str, path: str, status: int):
    with capture_logs([merge_contextvars]) as logs:
        answer = await client.request(method, path, headers={"X-Request-Id": "mine-1"})
        answers_alone = await client.request(method, path)

    first, second = lines_of(logs, "request")
    assert answer.headers["x-request-id"] == first["request_id"] == "mine-1"
    assert answers_alone.headers["x-request-id"] == second["request_id"] != "mine-1"
    assert (first["method"], first["path"], first["status"]) == (method, path, status)
    assert 0 < first["seconds"] < SOON
    assert first["address"] == "127.0.0.1"


async def test_requests_at_once_do_not_mix_their_ids(client: httpx2.AsyncClient):
    with capture_logs([merge_contextvars]) as logs:
        answers = await asyncio.gather(
            *(client.get(f"/nowhere/{number}", headers={"X-Request-Id": f"r{number}"}) for number in range(20))
        )

    assert [each.headers["x-request-id"] for each in answers] == [f"r{number}" for number in range(20)]
    assert {line["path"]: line["request_id"] for line in lines_of(logs, "request")} == {
        f"/nowhere/{number}": f"r{number}" for number in range(20)
    }


async def test_neither_tokens_nor_query_strings_are_told(client: httpx2.AsyncClient, token_for: Token):
    token = token_for("ada", "acme")

    with capture_logs([merge_contextvars]) as logs:
        answer = await client.get(
            "/graphql",
            params={"query": '{ executions(filter: {workflowName: {eq: "the-secret"}}) { totalCount } }'},
            headers={"Authorization": f"Bearer {token}", "Cookie": "the-secret"},
        )

    assert answer.status_code == 200
    assert len(lines_of(logs, "request")) == 1
    assert "the-secret" not in str(logs)
    assert token not in str(logs)


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_probe_that_is_answered_is_no_news(client: httpx2.AsyncClient, path: str):
    with capture_logs() as logs:
        answer = await client.get(path)

    (line,) = lines_of(logs, "request")
    assert line["log_level"] == "debug"
    assert "x-request-id" in answer.headers


async def test_a_socket_has_an_id_too_and_one_line_with_its_close_code(server: str, token_for: Token):
    url = server.replace("http", "ws") + "/graphql?token=the-secret"
    headers = {"X-Request-Id": "socket-1"}

    closed: asyncio.Queue[Any] = asyncio.Queue()

    def tell(_: object, __: str, line: EventDict) -> EventDict:
        if line["event"] == "socket":
            closed.put_nowait({**line})
        return line

    with capture_logs([merge_contextvars, tell]) as logs:
        async with connect(
            url, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=headers
        ) as socket:
            assert socket.response is not None
            told = socket.response.headers["x-request-id"]
            await socket.send("[]")
            async with asyncio.timeout(SOON):
                line = await closed.get()

    assert told == line["request_id"] == "socket-1"
    assert (line["path"], line["code"]) == ("/graphql", 4400)
    assert "the-secret" not in str(logs)


async def test_a_handshake_that_is_refused_has_a_line_with_its_status(server: str):
    with capture_logs() as logs, pytest.raises(InvalidStatus):
        async with connect(server.replace("http", "ws") + "/nowhere"):
            pass

    (line,) = lines_of(logs, "socket")
    assert (line["status"], line["code"], line["log_level"]) == (404, None, "info")


async def test_the_address_is_the_one_that_a_trusted_proxy_tells(client: httpx2.AsyncClient):
    with capture_logs() as logs:
        await client.get("/nowhere", headers={"X-Forwarded-For": "203.0.113.7"})

    (line,) = lines_of(logs, "request")
    assert line["address"] == "203.0.113.7"


async def test_a_masked_failure_over_a_socket_tells_the_id_of_its_lines(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    await store(execution(1))
    monkeypatch.setattr(ExecutionRecord, "name", property(lambda _: 1 / 0))

    with capture_logs([merge_contextvars]) as logs:
        async with opened(server, additional_headers={"X-Request-Id": "socket-2"}) as socket:
            await socket.begin(token_for("ada", "acme"))
            await socket.subscribe({"query": "{ executions { nodes { name } } }"})
            payload = (await socket.receive())["payload"]

    (error,), (line,) = payload["errors"], lines_of(logs, "operation_failed")
    assert error["extensions"]["requestId"] == line["request_id"] == "socket-2"
    assert error["message"].endswith("under socket-2.")


async def test_a_failure_that_sockets_share_has_an_id_of_its_own(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ExecutionRecord, "name", property(lambda _: 1 / 0))
    updates = {"query": "subscription { executionUpdates { execution { name } } }"}

    manager = token_for("eve", "acme", "manage")

    with capture_logs() as logs:
        async with (
            opened(server, additional_headers={"X-Request-Id": "socket-1"}) as one,
            opened(server, additional_headers={"X-Request-Id": "socket-2"}) as other,
        ):
            for socket in (one, other):
                await socket.begin(token_for("ada", "acme"))
                await socket.subscribe(updates)
            async with asyncio.timeout(10):
                while (await values_of(server, manager))["execution_monitor_live_subscribers"] < 2:
                    pass
            await store(execution(1))
            payloads = [(await socket.receive())["payload"] for socket in (one, other)]

    (line,) = lines_of(logs, "operation_failed")
    assert [each["errors"][0]["extensions"]["requestId"] for each in payloads] == [line["request_id"]] * 2
    assert line["request_id"] not in ("socket-1", "socket-2")
