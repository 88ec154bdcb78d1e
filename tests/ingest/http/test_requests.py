"""Requests to ingest: who is refused before the body, which bodies are, and what observers see of each."""

import gzip
import zlib
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from execution_monitor.asgi.operations import OperationKind
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import RateLimited, ServerBusy
from execution_monitor.ingest.http.requests import IngestRequests
from tests.ingest.http.storing_nothing import JSON, WRITER, Endpoint

LIMIT = 1_000


def lines_routes(requests: IngestRequests) -> Sequence[BaseRoute]:
    return [Route("/ingest", partial(store_lines, requests), methods=["POST"])]


async def store_lines(requests: IngestRequests, request: Request) -> Response:
    """Store an execution for each word of the body."""
    async with requests.receive(request, "ingestLines", [JSON]) as received:
        facts = requests.begin()
        lines = received.content.decode().split()
        for line in lines:
            facts.execution(line[:1_000])
        await received.store(facts, {"lines": len(lines)})
    return Response(status_code=HTTPStatus.CREATED)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(lines_routes, "/ingest", max_body_bytes=LIMIT)


def stored_by(endpoint: Endpoint) -> list[Sequence[str]]:
    return [facts.execution_ids for facts in endpoint.ingest.given]


def packed(size: int) -> bytes:
    return gzip.compress(b"a" * size)


async def test_a_body_is_stored_and_recorded_without_its_content(endpoint: Endpoint):
    response = await endpoint.post(b"run-1 run-2")

    operation, outcome = await endpoint.observer.last()
    assert response.status == HTTPStatus.CREATED
    assert (operation.kind, operation.name, operation.cost) == (OperationKind.REST, "ingestLines", 2)
    assert (operation.caller, operation.arguments()) == (WRITER, {"ingestLines": {"lines": 2}})
    assert (outcome.execution_ids, outcome.codes) == (["run-1", "run-2"], [])


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_a_packed_body_is_unpacked(endpoint: Endpoint, coding: str):
    assert (await endpoint.post(gzip.compress(b"run-1"), Content_Encoding=coding)).status == HTTPStatus.CREATED
    assert stored_by(endpoint) == [["run-1"]]


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON", f"{JSON}; charset=utf-8"])
async def test_a_media_type_is_taken_however_it_is_spelt(endpoint: Endpoint, content_type: str):
    assert (await endpoint.post(b"run-1", Content_Type=content_type)).status == HTTPStatus.CREATED


async def test_a_chunked_body_is_read_to_its_end(endpoint: Endpoint):
    connection = endpoint.connect()

    connection.feed(endpoint.head(None), b"3\r\nrun\r\n", b"2\r\n-1\r\n", b"0\r\n\r\n")
    (response,) = await connection.answers()

    assert (response.status, stored_by(endpoint)) == (HTTPStatus.CREATED, [["run-1"]])


async def test_an_empty_body_is_no_error_of_http(endpoint: Endpoint):
    assert (await endpoint.post(b"", Content_Encoding="gzip")).status == HTTPStatus.CREATED
    assert stored_by(endpoint) == [[]]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"Authorization": "Bearer em_2"}, HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", id="another key"),
        pytest.param({"Origin": "https://stranger.example"}, HTTPStatus.FORBIDDEN, "FORBIDDEN", id="another site"),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, HTTPStatus.FORBIDDEN, "FORBIDDEN", id="a form of another site"),
        pytest.param(
            {"Content_Type": "text/plain"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", id="another type"
        ),
        pytest.param({"Content_Type": ""}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", id="no type"),
        pytest.param(
            {"Content_Type": f"{JSON}; charset=utf-16"},
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "BAD_USER_INPUT",
            id="another charset",
        ),
        pytest.param(
            {"Content_Encoding": "br"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", id="another coding"
        ),
        pytest.param(
            {"Content_Encoding": "gzip, gzip"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BAD_USER_INPUT", id="packed twice"
        ),
    ],
)
async def test_what_the_head_gives_away_is_refused_before_the_body(
    endpoint: Endpoint, headers: dict[str, str], status: HTTPStatus, code: str
):
    connection = endpoint.connect()

    # No byte of the body has come.
    connection.feed(endpoint.head(5, **headers))
    (response,) = await connection.answers()

    assert (response.status, response.json["code"], endpoint.ingest.given) == (status, code, [])


async def test_a_body_that_is_declared_too_long_is_refused_before_it_comes(endpoint: Endpoint):
    connection = endpoint.connect()

    connection.feed(endpoint.head(LIMIT + 1))
    (response,) = await connection.answers()

    assert (response.status, endpoint.ingest.given) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [])


async def test_another_coding_is_refused_with_those_that_are_taken(endpoint: Endpoint):
    response = await endpoint.post(b"", Content_Encoding="zstd")

    assert response.headers["accept-encoding"] == "gzip"


async def test_a_caller_who_may_not_write_is_refused_and_recorded(endpoint: Endpoint):
    endpoint.caller = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.MANAGE}))

    response = await endpoint.post(b"run-1")

    operation, outcome = await endpoint.observer.last()
    assert (response.status, endpoint.ingest.given) == (HTTPStatus.FORBIDDEN, [])
    assert (operation.name, operation.cost, outcome.codes) == ("ingestLines", 1, ["FORBIDDEN"])


async def test_a_caller_without_points_is_refused_before_the_body_and_recorded_without_a_cost(endpoint: Endpoint):
    endpoint.exhausted = RateLimited("Wait.", 7)

    response = await endpoint.post(b"run-1")

    operation, outcome = await endpoint.observer.last()
    assert (response.status, response.headers["retry-after"]) == (HTTPStatus.TOO_MANY_REQUESTS, "7")
    assert (operation.cost, outcome.codes, endpoint.ingest.given) == (0, ["RATE_LIMITED"], [])


@pytest.mark.parametrize("length", [LIMIT, LIMIT + 1])
async def test_a_chunked_body_is_refused_beyond_the_limit(endpoint: Endpoint, length: int):
    connection = endpoint.connect()

    connection.feed(endpoint.head(None), f"{length:x}\r\n".encode() + b"a" * length + b"\r\n0\r\n\r\n")
    (response,) = await connection.answers()

    assert (response.status, len(endpoint.ingest.given)) == (
        (HTTPStatus.CREATED, 1) if length == LIMIT else (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 0)
    )


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 200 * LIMIT])
async def test_a_packed_body_is_refused_where_it_is_unpacked_beyond_the_limit(endpoint: Endpoint, size: int):
    response = await endpoint.post(packed(size), Content_Encoding="gzip")

    assert response.status == (HTTPStatus.CREATED if size == LIMIT else HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


async def test_of_a_bomb_only_a_slice_is_unpacked(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint):
    unpacked: list[int] = []
    made = zlib.decompressobj

    class Watched:
        def __init__(self, *arguments: Any) -> None:
            self._unpacking = made(*arguments)

        def decompress(self, *arguments: Any) -> bytes:
            found = self._unpacking.decompress(*arguments)
            unpacked.append(len(found))
            return found

    monkeypatch.setattr("zlib.decompressobj", Watched)
    bomb = packed(10_000_000)[:LIMIT]

    response = await endpoint.post(bomb, Content_Encoding="gzip")

    assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert len(unpacked) == 1
    assert unpacked[0] <= 2**20


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"run-1", id="not packed"),
        pytest.param(gzip.compress(b"run-1")[:-1], id="cut off"),
        pytest.param(gzip.compress(b"run-1")[:-8] + b"\0" * 8, id="another checksum"),
        pytest.param(gzip.compress(b"run-1") + b"run-2", id="followed by more"),
        pytest.param(zlib.compress(b"run-1"), id="deflate"),
    ],
)
async def test_a_body_that_is_not_gzip_as_it_says_is_refused_and_recorded(endpoint: Endpoint, body: bytes):
    response = await endpoint.post(body, Content_Encoding="gzip")

    _, outcome = await endpoint.observer.last()
    assert (response.status, outcome.codes, endpoint.ingest.given) == (HTTPStatus.BAD_REQUEST, ["BAD_USER_INPUT"], [])


async def test_a_failure_to_store_is_recorded_once(endpoint: Endpoint):
    endpoint.ingest.failure = ServerBusy("Later.")

    response = await endpoint.post(b"run-1")

    _, outcome = await endpoint.observer.last()
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert (len(endpoint.observer.ended), outcome.codes) == (1, ["SERVER_BUSY"])


async def test_what_observers_refuse_is_not_stored(endpoint: Endpoint):
    endpoint.observer.refusal = RateLimited("Wait.", 7)

    response = await endpoint.post(b"run-1")

    _, outcome = await endpoint.observer.last()
    assert response.status == HTTPStatus.TOO_MANY_REQUESTS
    assert (len(endpoint.observer.begun), outcome.executions) == (1, 0)
