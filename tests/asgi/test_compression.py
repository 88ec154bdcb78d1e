"""Compressed responses: what they hold, which requests get them, and what is never compressed."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from execution_monitor.app import create_app
from execution_monitor.asgi.compression import COMPRESSED, MINIMUM_BYTES
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.web.sign_in import Person
from tests.graphql.transport.test_event_streams import UPDATES
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]
LIST = "{ executions(first: 100) { nodes { executionId workflowName status createdAt } } }"
WRONG = "{ " + " ".join(f"field{number}" for number in range(50)) + " }"
REST = "/api/v1/workflow-management/executions"
SOON = 10.0


@dataclass(frozen=True)
class Raw:
    """A response as it was sent."""

    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def coding(self) -> str | None:
        return self.headers.get("content-encoding")

    @property
    def content(self) -> bytes:
        return self.body if self.coding is None else gzip.decompress(self.body)


async def send(url: str, path: str, token: str | None = None, accept: str | None = "gzip", **request: Any) -> Raw:
    """Send a request with the header `Accept-Encoding: <accept>`, or without it for None."""
    headers = httpx2.Headers(request.pop("headers", {}))
    if accept is not None:
        headers["accept-encoding"] = accept
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    method = request.pop("method", "POST" if "json" in request else "GET")
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        # httpx2 would name codings of its own.
        del client.headers["accept-encoding"]
        async with client.stream(method, path, headers=headers, **request) as response:
            body = b"".join([chunk async for chunk in response.aiter_raw()])
    return Raw(response.status_code, response.headers, body)


@pytest.fixture
async def stored(database: Database) -> None:
    await store(*(execution(number) for number in range(100)))


def paths() -> list[Any]:
    return [
        pytest.param("/graphql", {"json": {"query": LIST}}, id="GraphQL"),
        pytest.param("/graphql", {"params": {"query": LIST}}, id="GraphQL in the address"),
        pytest.param("/graphql", {"params": {"query": WRONG}}, id="errors of GraphQL"),
        pytest.param(REST, {"params": {"page_size": 100}}, id="the list of REST"),
        pytest.param("/api/v1/openapi.json", {}, id="the description of REST"),
    ]


@pytest.mark.parametrize(("path", "request_"), paths())
async def test_a_long_response_is_compressed_and_has_the_same_content(
    server: str, token_for: Token, stored: None, path: str, request_: Any
):
    token = token_for("ada", "acme")

    packed = await send(server, path, token, **request_)
    plain = await send(server, path, token, accept="identity", **request_)

    assert (packed.coding, plain.coding) == ("gzip", None)
    assert packed.status == plain.status
    assert len(plain.body) > MINIMUM_BYTES
    assert without_points(packed.content) == without_points(plain.content)
    assert [int(each.headers["content-length"]) for each in (packed, plain)] == [len(packed.body), len(plain.body)]
    assert len(packed.body) < len(plain.body) / 2
    for each in (packed, plain):
        assert each.headers["vary"] == "Accept-Encoding"
        assert each.headers["content-type"] == plain.headers["content-type"]


def without_points(body: bytes) -> Any:
    """The response without the points that are left, which each request changes."""
    return {name: value for name, value in orjson.loads(body).items() if name != "extensions"}


async def test_the_detail_of_rest_is_compressed(server: str, token_for: Token, database: Database):
    await store(execution(1, error_details={"message": "no " * 1_000}))

    packed = await send(server, f"{REST}/e001", token_for("ada", "acme"))

    assert packed.coding == "gzip"
    assert orjson.loads(packed.content)["execution_id"] == "e001"


async def test_a_short_response_is_not_compressed(server: str, token_for: Token, database: Database):
    answer = await send(server, "/graphql", token_for("ada", "acme"), json={"query": "{ viewer { userId } }"})

    assert (answer.status, answer.coding) == (200, None)
    assert orjson.loads(answer.body)["data"] == {"viewer": {"userId": "ada"}}


async def test_a_response_to_head_has_the_headers_of_that_to_get(server: str, token_for: Token, stored: None):
    token = token_for("ada", "acme")
    request: dict[str, Any] = {"params": {"page_size": 100}}

    got = await send(server, REST, token, **request)
    head = await send(server, REST, token, **request, method="HEAD")

    assert (head.coding, head.body) == ("gzip", b"")
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        pytest.param(None, None, id="no header"),
        pytest.param("gzip;q=0", None, id="gzip is refused"),
        pytest.param("br, deflate", None, id="other codings"),
        pytest.param("gzip, deflate, br, zstd", "gzip", id="a browser's"),
    ],
)
async def test_the_server_responds_in_a_coding_that_is_accepted(
    server: str, token_for: Token, stored: None, accept: str | None, coding: str | None
):
    answer = await send(server, "/graphql", token_for("ada", "acme"), accept, json={"query": LIST})

    assert answer.coding == coding
    assert len(orjson.loads(answer.content)["data"]["executions"]["nodes"]) == 100


async def test_an_asset_is_not_compressed_for_clients_that_refuse_gzip(server: str):
    page = (await send(server, "/")).content.decode()
    asset = page.partition('src="')[2].partition('"')[0]

    packed, plain = await send(server, asset), await send(server, asset, accept="gzip;q=0")

    assert (packed.coding, plain.coding) == ("gzip", None)
    assert packed.content == plain.body


async def test_responses_to_requests_that_a_foreign_page_can_make_are_not_compressed(
    settings: Settings, stored: None, token_for: Token
):
    token = token_for("ada", "acme")
    open_to_all = settings.model_copy(update={"environment": "development"})
    introspection: dict[str, Any] = {"params": {"query": "{ __schema { types { name description } } }"}}

    async with served(create_app(open_to_all)) as url:
        await wait_until_ready(url)
        answers = [
            await send(url, "/graphql", **introspection),
            await send(url, "/api/v1/openapi.json"),
            # Credentials that a browser adds by itself to requests of other pages.
            await send(url, "/api/v1/openapi.json", headers={"Authorization": "Basic YWRhOnNlY3JldA=="}),
            await send(url, "/api/v1/openapi.json", headers={"Cookie": f"token={token}"}),
            await send(url, "/graphql", params={**introspection["params"], "access_token": token}),
        ]
        with_token = await send(url, "/graphql", token, **introspection)

    assert with_token.coding == "gzip"
    assert [each.status for each in answers] == [200] * 5
    assert [each.coding for each in answers] == [None] * 5
    assert min(len(each.body) for each in answers) > MINIMUM_BYTES


async def test_responses_with_new_tokens_are_not_compressed(settings: Settings, token_for: Token):
    token = token_for("ada", "acme")
    people = [Person(f"ada {number}", "an owner", token) for number in range(100)]

    async with served(create_app(settings, people=lambda: people)) as url:
        answer = await send(url, "/development/people", token)

    assert (answer.status, answer.coding) == (200, None)
    assert len(answer.body) > MINIMUM_BYTES
    assert answer.headers["cache-control"] == "no-store, no-transform"


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_an_event_of_a_stream_does_not_wait_in_a_compressor(
    server: str, token_for: Token, stored: None, accept: str
):
    headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}", "Accept-Encoding": "gzip", "Accept": accept}
    async with (
        httpx2.AsyncClient(base_url=server, headers=headers) as client,
        client.stream("POST", "/graphql", json={"query": UPDATES}) as response,
    ):
        found = await read_until(response, b"e777", lambda: store(execution(777)))

    assert response.headers["content-type"].startswith(accept)
    assert "content-encoding" not in response.headers
    assert b"e777" in found


async def test_an_event_of_rest_does_not_wait_in_a_compressor(server: str, token_for: Token, database: Database):
    headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}", "Accept-Encoding": "gzip"}
    async with (
        httpx2.AsyncClient(base_url=server, headers=headers) as client,
        client.stream("GET", f"{REST}/stream") as response,
    ):
        found = await read_until(response, b"e777", lambda: store(execution(777, status="running")))

    assert "content-encoding" not in response.headers
    assert b"e777" in found


async def read_until(response: httpx2.Response, awaited: bytes, act: Callable[[], Any]) -> bytes:
    """Read an open stream until `awaited` has come; `act` is called first."""
    found = b""
    await act()
    async with asyncio.timeout(SOON):
        async for chunk in response.aiter_raw():
            found += chunk
            if awaited in found:
                break
    return found


@contextlib.asynccontextmanager
async def wrapped(answer: Callable[[], Response]) -> AsyncGenerator[str]:
    """An application with a compressed route that responds with what `answer` makes."""

    def handle(_: Request) -> Response:
        return answer()

    async with served(Starlette(routes=[Route("/", handle, middleware=COMPRESSED)])) as url:
        yield url


@pytest.mark.parametrize("control", ["no-transform", "no-store, No-Transform"])
async def test_a_response_with_no_transform_is_not_compressed(control: str):
    body = b"secret " * 1_000

    async with wrapped(lambda: Response(body, headers={"Cache-Control": control})) as url:
        forbidden = await send(url, "/", "a.b.c")
    async with wrapped(lambda: Response(body, headers={"Cache-Control": "no-store"})) as url:
        allowed = await send(url, "/", "a.b.c")

    assert (forbidden.coding, forbidden.body) == (None, body)
    assert (allowed.coding, allowed.content) == ("gzip", body)


async def test_a_response_in_pieces_is_not_compressed():
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(3):
            yield b"piece " * 1_000

    async with wrapped(lambda: StreamingResponse(pieces(), media_type="application/json")) as url:
        answer = await send(url, "/", "a.b.c")

    assert (answer.coding, answer.body) == (None, b"piece " * 3_000)


@pytest.mark.parametrize("size", [MINIMUM_BYTES - 1, MINIMUM_BYTES, 1_000_000])
async def test_a_response_is_compressed_if_it_is_longer_than_a_packet(size: int):
    async with wrapped(lambda: Response(b"x" * size)) as url:
        packed, plain = await send(url, "/", "a.b.c"), await send(url, "/", "a.b.c", accept="identity")

    is_long = size >= MINIMUM_BYTES
    assert (packed.coding, packed.content) == ("gzip" if is_long else None, b"x" * size)
    assert packed.headers.get("vary") == plain.headers.get("vary") == ("Accept-Encoding" if is_long else None)


async def test_responses_to_pages_of_other_origins_vary_by_origin_and_coding(
    settings: Settings, stored: None, token_for: Token
):
    shared = settings.model_copy(update={"allowed_origins": ("https://a.example.com", "https://b.example.com")})
    async with served(create_app(shared)) as url:
        await wait_until_ready(url)
        answer = await send(
            url, "/graphql", token_for("ada", "acme"), json={"query": LIST}, headers={"Origin": "https://a.example.com"}
        )

    assert answer.coding == "gzip"
    assert {each.strip() for each in answer.headers["vary"].split(",")} == {"Accept-Encoding", "Origin"}
