"""Errors as problem details: a status, a stable code, a sentence, and nothing of an internal cause."""

import asyncio
import socket
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from execution_monitor.app import create_app
from execution_monitor.asgi.problems import problem_handlers
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.revocations import Revocations
from execution_monitor.executions.services import Monitor
from execution_monitor.limits.streams import OpenStreams
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.rest.routes import rest_routes
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING
from tests.rest.client import Fetch, Store
from tests.rest.documents import executions
from tests.support.client import EXECUTIONS_PATH
from tests.support.raw_http import exchange, read_responses
from tests.support.servers import served
from tests.support.services import request_services
from tests.support.tokens import SECRET

STREAMS = OpenStreams(Revocations())
ADA = Caller(subject="ada", tenant="acme", scopes=frozenset({"executions:read"}))


async def test_an_unknown_path_is_a_problem(fetch: Fetch):
    response = await fetch("/api/v1/workflows")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "code": "NOT_FOUND",
    }


@pytest.mark.parametrize(
    "path",
    [
        *("/%00", "/%ff", "/%ed%a0%80", "/..", "/../etc/passwd", "/%2e%2e%2f", "/graphql/a", "//graphql", "/livez%00"),
        *(
            f"/{'x' * 8_000}",
            f"{EXECUTIONS_PATH}/%00",
            f"{EXECUTIONS_PATH}/%ff",
            f"{EXECUTIONS_PATH}/{'x' * 8_000}",
            f"/assets/{'x' * 253}.js",
        ),
    ],
)
async def test_no_malformed_path_is_a_server_error(server: str, path: str, token_for: Any):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    token = f"Authorization: Bearer {token_for('ada', 'acme')}\r\n\r\n"

    (answer,) = read_responses(await exchange(urlsplit(server).port or 0, (head + token).encode()))

    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")


async def test_a_handshake_at_an_unknown_path_is_a_problem(server: str):
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{server.replace('http', 'ws')}/nowhere"):
            pass

    assert refused.value.response.status_code == 404
    assert b"NOT_FOUND" in (refused.value.response.body or b"")


async def test_a_client_that_disconnects_within_its_request_is_no_failure(
    server: str, token_for: Any, caplog: pytest.LogCaptureFixture
):
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
        f"Authorization: Bearer {token_for('ada', 'acme')}\r\nExpect: 100-continue\r\n\r\n"
    )
    with capture_logs() as lines:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(server).port)
        writer.write(head.encode())
        # So that the application is waiting for the body.
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        writer.close()
        async with asyncio.timeout(10):
            # The server runs in this process and offers nothing to wait for.
            while not (requests := [line for line in lines if line["event"] == "request"]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    # What runs in the background may log as well.
    assert [(line["status"], line["log_level"]) for line in requests] == [(499, "info")]
    assert [line for line in lines if line["log_level"] == "error"] == []
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_method_that_is_not_allowed_gets_a_list_of_those_that_are(fetch: Fetch, method: str):
    response = await fetch(EXECUTIONS_PATH, method=method)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["code"] == "METHOD_NOT_ALLOWED"
    assert response.json()["detail"] == "This address takes only GET, HEAD."


async def test_an_unavailable_database_is_a_problem_with_a_time_to_retry(token_for: Any):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    uri = SecretStr(f"mongodb://someone:hidden@127.0.0.1:{port}")
    app = create_app(Settings(mongodb_uri=uri, jwt_secret=SecretStr(SECRET), environment="production"))

    async with served(app) as url, httpx2.AsyncClient(base_url=url) as client:
        response = await client.get(EXECUTIONS_PATH, headers={"Authorization": f"Bearer {token_for('ada', 'acme')}"})

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["code"] == "DATABASE_UNAVAILABLE"
    assert "hidden" not in response.text


async def admit_ada(*_: object) -> Caller:
    return ADA


async def test_a_query_beyond_its_time_limit_says_what_would_make_it_fast(
    database: Database, mongodb_uri: str, store: Store
):
    # Half match either condition and none both: whichever index it takes, MongoDB looks at thousands of documents.
    rows = [
        {
            **each,
            "status": "failed" if index % 2 else "completed",
            "workflow_template_id": "even" if index % 2 == 0 else "odd",
        }
        for index, each in enumerate(executions(10_000))
    ]
    await store(rows)
    monitor = Monitor.over(database, timeout_ms=1, count_limit=10_000)
    live = Live(database, mongodb_uri, LiveCursors(b"x" * 32))
    app = Starlette(
        routes=rest_routes(
            request_services(monitor=monitor, live=live, admit=admit_ada, streams=STREAMS), lambda _: EVERYTHING
        ),
        exception_handlers=problem_handlers(),
    )

    async with served(app) as url, httpx2.AsyncClient(base_url=url) as client:
        response = await client.get(f"{EXECUTIONS_PATH}?status=failed&workflow_id=even&sort_by=duration")

    assert response.status_code == 504
    assert response.json()["code"] == "QUERY_TIMEOUT"
    assert "start_date" in response.json()["detail"]


async def test_an_unexpected_error_is_masked_and_logged_under_the_id_that_the_client_gets(
    database: Database, mongodb_uri: str
):
    async def fail(*_: object) -> Caller:
        raise RuntimeError("the cause, with a password")

    monitor = Monitor.over(database, timeout_ms=5_000, count_limit=10)
    live = Live(database, mongodb_uri, LiveCursors(b"x" * 32))
    app = Starlette(
        routes=rest_routes(
            request_services(monitor=monitor, live=live, admit=fail, streams=STREAMS), lambda _: EVERYTHING
        ),
        exception_handlers=problem_handlers(),
    )

    with capture_logs() as logs:
        async with served(app) as url, httpx2.AsyncClient(base_url=url) as client:
            response = await client.get(f"{EXECUTIONS_PATH}/run-1")

    (entry,) = logs
    problem = response.json()
    assert response.status_code == problem["status"] == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["title"], problem["code"]) == ("Internal Server Error", "INTERNAL_SERVER_ERROR")
    assert problem["request_id"] == entry["request_id"]
    assert cast("str", entry["request_id"]) in problem["detail"]
    assert (entry["event"], entry["path"], repr(entry["exc_info"])) == (
        "request_failed",
        f"{EXECUTIONS_PATH}/run-1",
        "RuntimeError('the cause, with a password')",
    )
    assert "password" not in response.text
