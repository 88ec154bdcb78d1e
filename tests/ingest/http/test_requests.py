"""Requests to ingest: who is refused before the body, which bodies are, and what observers see of each."""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from execution_monitor.asgi.operations import Observers, OperationKind
from execution_monitor.asgi.origin import Origin
from execution_monitor.asgi.problems import problem_handlers
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import RateLimited, ServerBusy, Unauthenticated
from execution_monitor.ingest.http.requests import IngestRequests
from execution_monitor.ingest.service import Ingest, Stored
from execution_monitor.ingest.writer.facts import Facts
from tests.graphql.recording_observer import RecordingObserver
from tests.support.raw_http import HttpResponse, MemoryConnection
from tests.support.services import request_services

LIMIT = 1_000
WRITER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_WRITE}))
JSON = "application/json"


class StoringNothing(Ingest):
    """Refuses what it is to store, with `refusal` where a test sets it."""

    refusal: Exception | None = None

    @override
    def begin(self) -> Facts:
        return Facts(lambda _, value: value)

    @override
    async def store(self, caller: Caller, facts: Facts) -> Stored:
        if self.refusal is not None:
            raise self.refusal
        return Stored(changed=frozenset(facts.execution_ids))


@dataclass
class Endpoint:
    """An endpoint that takes a body, and stores an execution for each line of it."""

    caller: Caller = WRITER
    exhausted: RateLimited | None = None
    observer: RecordingObserver = field(default_factory=RecordingObserver)
    ingest: StoringNothing = field(default_factory=StoringNothing)
    contents: list[bytes] = field(default_factory=list[bytes])

    def connect(self) -> MemoryConnection:
        services = request_services(
            admit=self.admit, observers=Observers(self.observer), refuse_exhausted=self.refuse_exhausted
        )
        requests = IngestRequests(services, self.ingest, origins=["https://friend.example"], max_body_bytes=LIMIT)
        route = Route("/ingest", partial(self.respond, requests), methods=["POST"])
        return MemoryConnection(Starlette(routes=[route], exception_handlers=problem_handlers()))

    async def respond(self, requests: IngestRequests, request: Request) -> Response:
        async with requests.receive(request, "ingestLines", [JSON]) as received:
            self.contents.append(received.content)
            facts = requests.begin()
            lines = received.content.decode().split()
            for line in lines:
                facts.execution(line)
            await received.store(facts, {"lines": len(lines)})
        return Response(status_code=HTTPStatus.CREATED)

    async def admit(self, headers: Mapping[str, str], _: Origin) -> Caller:
        if headers.get("authorization") != "Bearer em_1":
            raise Unauthenticated("Send a token.")
        return self.caller

    def refuse_exhausted(self, _: Caller, __: Origin) -> None:
        if self.exhausted is not None:
            raise self.exhausted

    async def post(self, body: bytes, **headers: str) -> HttpResponse:
        connection = self.connect()
        connection.feed(head(len(body), **headers) + body)
        (response,) = await connection.answers()
        return response


def head(length: int | None, **headers: str) -> bytes:
    sent = {"Host": "localhost", "Authorization": "Bearer em_1", "Content-Type": JSON}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    return (
        b"POST /ingest HTTP/1.1\r\n" + "".join(f"{name}: {each}\r\n" for name, each in sent.items()).encode() + b"\r\n"
    )


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


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
    assert endpoint.contents == [b"run-1"]


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON", f"{JSON}; charset=utf-8"])
async def test_a_media_type_is_taken_however_it_is_spelt(endpoint: Endpoint, content_type: str):
    assert (await endpoint.post(b"run-1", Content_Type=content_type)).status == HTTPStatus.CREATED


async def test_a_chunked_body_is_read_to_its_end(endpoint: Endpoint):
    connection = endpoint.connect()

    connection.feed(head(None), b"3\r\nrun\r\n", b"2\r\n-1\r\n", b"0\r\n\r\n")
    (response,) = await connection.answers()

    assert (response.status, endpoint.contents) == (HTTPStatus.CREATED, [b"run-1"])


async def test_an_empty_body_is_no_error_of_http(endpoint: Endpoint):
    assert (await endpoint.post(b"", Content_Encoding="gzip")).status == HTTPStatus.CREATED
    assert endpoint.contents == [b""]


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
    connection.feed(head(5, **headers))
    (response,) = await connection.answers()

    assert (response.status, response.json["code"], endpoint.contents) == (status, code, [])


async def test_a_body_that_is_declared_too_long_is_refused_before_it_comes(endpoint: Endpoint):
    connection = endpoint.connect()

    connection.feed(head(LIMIT + 1))
    (response,) = await connection.answers()

    assert (response.status, endpoint.contents) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [])


async def test_another_coding_is_refused_with_those_that_are_taken(endpoint: Endpoint):
    response = await endpoint.post(b"", Content_Encoding="zstd")

    assert response.headers["accept-encoding"] == "gzip"


async def test_a_caller_who_may_not_write_is_refused_and_recorded(endpoint: Endpoint):
    endpoint.caller = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.MANAGE}))

    response = await endpoint.post(b"run-1")

    operation, outcome = await endpoint.observer.last()
    assert (response.status, endpoint.contents) == (HTTPStatus.FORBIDDEN, [])
    assert (operation.name, operation.cost, outcome.codes) == ("ingestLines", 1, ["FORBIDDEN"])


async def test_a_caller_without_points_is_refused_before_the_body_and_recorded_without_a_cost(endpoint: Endpoint):
    endpoint.exhausted = RateLimited("Wait.", 7)

    response = await endpoint.post(b"run-1")

    operation, outcome = await endpoint.observer.last()
    assert (response.status, response.headers["retry-after"]) == (HTTPStatus.TOO_MANY_REQUESTS, "7")
    assert (operation.cost, outcome.codes, endpoint.contents) == (0, ["RATE_LIMITED"], [])


@pytest.mark.parametrize("length", [LIMIT, LIMIT + 1])
async def test_a_chunked_body_is_refused_beyond_the_limit(endpoint: Endpoint, length: int):
    connection = endpoint.connect()

    connection.feed(head(None), f"{length:x}\r\n".encode() + b"a" * length + b"\r\n0\r\n\r\n")
    (response,) = await connection.answers()

    assert (response.status, len(endpoint.contents)) == (
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
    assert (response.status, outcome.codes, endpoint.contents) == (HTTPStatus.BAD_REQUEST, ["BAD_USER_INPUT"], [])


async def test_a_failure_to_store_is_recorded_once(endpoint: Endpoint):
    endpoint.ingest.refusal = ServerBusy("Later.")

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
