"""Answers in gzip: what they hold, who gets them, and what is never compressed."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from execution_monitor.app import create_app
from execution_monitor.asgi.compression import COMPRESSED, MINIMUM_BYTES, accepts_gzip
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
    """An answer as it came over the wire."""

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
    """What is answered to who takes `accept` as codings; None says nothing of codings."""
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
        pytest.param("/graphql", {"params": {"query": WRONG}}, id="what is wrong with GraphQL"),
        pytest.param(REST, {"params": {"page_size": 100}}, id="the list of REST"),
        pytest.param("/api/v1/openapi.json", {}, id="the description of REST"),
    ]


@pytest.mark.parametrize(("path", "request_"), paths())
async def test_a_long_answer_is_compressed_and_says_the_same(
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
    """The answer, but for the points that are left, of which the request before spent some."""
    return {name: value for name, value in orjson.loads(body).items() if name != "extensions"}


async def test_the_detail_of_rest_is_compressed(server: str, token_for: Token, database: Database):
    await store(execution(1, error_details={"message": "no " * 1_000}))

    packed = await send(server, f"{REST}/e001", token_for("ada", "acme"))

    assert packed.coding == "gzip"
    assert orjson.loads(packed.content)["execution_id"] == "e001"


async def test_a_short_answer_is_not(server: str, token_for: Token, database: Database):
    answer = await send(server, "/graphql", token_for("ada", "acme"), json={"query": "{ viewer { userId } }"})

    assert (answer.status, answer.coding) == (200, None)
    assert orjson.loads(answer.body)["data"] == {"viewer": {"userId": "ada"}}


async def test_a_head_tells_of_what_a_get_would_bring(server: str, token_for: Token, stored: None):
    token = token_for("ada", "acme")
    request: dict[str, Any] = {"params": {"page_size": 100}}

    got = await send(server, REST, token, **request)
    head = await send(server, REST, token, **request, method="HEAD")

    assert (head.coding, head.body) == ("gzip", b"")
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        pytest.param(None, None, id="nothing is said"),
        pytest.param("gzip;q=0", None, id="gzip is refused"),
        pytest.param("br, deflate", None, id="others are taken"),
        pytest.param("gzip, deflate, br, zstd", "gzip", id="a browser's"),
    ],
)
async def test_the_server_answers_in_what_is_taken(
    server: str, token_for: Token, stored: None, accept: str | None, coding: str | None
):
    answer = await send(server, "/graphql", token_for("ada", "acme"), accept, json={"query": LIST})

    assert answer.coding == coding
    assert len(orjson.loads(answer.content)["data"]["executions"]["nodes"]) == 100


@pytest.mark.parametrize(
    ("lines", "accepts"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([""], False, id="an empty line"),
        pytest.param(["gzip"], True, id="gzip"),
        pytest.param(["GZIP"], True, id="in capitals"),
        pytest.param(["x-gzip"], True, id="by its old name"),
        pytest.param(["br , gzip ; q=0.5"], True, id="as second best"),
        pytest.param(["*"], True, id="anything"),
        pytest.param(["br;q=1, *;q=0.1"], True, id="anything at worst"),
        pytest.param(["br", "gzip"], True, id="in a second line"),
        pytest.param(["gzip;q=0.001"], True, id="at the lowest quality there is"),
        pytest.param(["gzip;q=0"], False, id="refused"),
        pytest.param(["gzip;q=0.000"], False, id="refused at length"),
        pytest.param(["gzip; Q=0"], False, id="refused in capitals"),
        pytest.param(["gzip;q=0, *"], False, id="anything else"),
        pytest.param(["*;q=0"], False, id="nothing whatever"),
        pytest.param(["identity"], False, id="as it is"),
        pytest.param(["identity, gzip;q=0.5"], False, id="rather as it is"),
        pytest.param(["identity;q=0.5, gzip"], True, id="rather not as it is"),
        pytest.param(["identity;q=0, gzip"], True, id="not as it is"),
        pytest.param(["gzip;q=x"], False, id="a quality that is no number"),
        pytest.param(["gzip;level=9"], False, id="a parameter that is none"),
        pytest.param(["xgzip, gzipped, notgzip"], False, id="names that hold the name"),
    ],
)
def test_gzip_is_taken_where_it_is_said(lines: Sequence[str], accepts: bool):  # noqa: FBT001 - a case
    raw = [(b"accept-encoding", line.encode()) for line in lines]

    assert accepts_gzip(Headers(raw=raw)) is accepts


async def test_an_asset_is_not_packed_for_who_refuses_gzip(server: str):
    page = (await send(server, "/")).content.decode()
    asset = page.partition('src="')[2].partition('"')[0]

    packed, plain = await send(server, asset), await send(server, asset, accept="gzip;q=0")

    assert (packed.coding, plain.coding) == ("gzip", None)
    assert packed.content == plain.body


async def test_what_a_foreign_page_could_have_made_is_not_compressed(
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
            # What a browser adds by itself to a request of a page that it remembers a password or a cookie for.
            await send(url, "/api/v1/openapi.json", headers={"Authorization": "Basic YWRhOnNlY3JldA=="}),
            await send(url, "/api/v1/openapi.json", headers={"Cookie": f"token={token}"}),
            await send(url, "/api/v1/openapi.json", params={"access_token": token}),
        ]
        with_token = await send(url, "/graphql", token, **introspection)

    assert with_token.coding == "gzip"
    assert [each.status for each in answers] == [200] * 5
    assert [each.coding for each in answers] == [None] * 5
    assert min(len(each.body) for each in answers) > MINIMUM_BYTES


async def test_tokens_that_are_handed_out_are_not_compressed(settings: Settings, token_for: Token):
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
        found = await heard_while_open(response, b"e777", lambda: store(execution(777)))

    assert response.headers["content-type"].startswith(accept)
    assert "content-encoding" not in response.headers
    assert b"e777" in found


async def test_an_event_of_rest_does_not_wait_in_a_compressor(server: str, token_for: Token, database: Database):
    headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}", "Accept-Encoding": "gzip"}
    async with (
        httpx2.AsyncClient(base_url=server, headers=headers) as client,
        client.stream("GET", f"{REST}/stream") as response,
    ):
        found = await heard_while_open(response, b"e777", lambda: store(execution(777, status="running")))

    assert "content-encoding" not in response.headers
    assert b"e777" in found


async def heard_while_open(response: httpx2.Response, awaited: bytes, act: Callable[[], Any]) -> bytes:
    """What has come of a stream when `awaited` has; `act` is done once the stream is open."""
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
    """An application that gives what `answer` makes on a compressed route."""

    def handle(_: Request) -> Response:
        return answer()

    async with served(Starlette(routes=[Route("/", handle, middleware=COMPRESSED)])) as url:
        yield url


@pytest.mark.parametrize("control", ["no-transform", "no-store, No-Transform"])
async def test_an_answer_that_holds_a_new_secret_is_not_compressed_on_any_route(control: str):
    body = b"secret " * 1_000

    async with wrapped(lambda: Response(body, headers={"Cache-Control": control})) as url:
        forbidden = await send(url, "/", "a.b.c")
    async with wrapped(lambda: Response(body, headers={"Cache-Control": "no-store"})) as url:
        allowed = await send(url, "/", "a.b.c")

    assert (forbidden.coding, forbidden.body) == (None, body)
    assert (allowed.coding, allowed.content) == ("gzip", body)


async def test_an_answer_in_pieces_comes_as_it_is():
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(3):
            yield b"piece " * 1_000

    async with wrapped(lambda: StreamingResponse(pieces(), media_type="application/json")) as url:
        answer = await send(url, "/", "a.b.c")

    assert (answer.coding, answer.body) == (None, b"piece " * 3_000)


@pytest.mark.parametrize("size", [MINIMUM_BYTES - 1, MINIMUM_BYTES, 1_000_000])
async def test_an_answer_is_compressed_from_a_packet_on(size: int):
    async with wrapped(lambda: Response(b"x" * size)) as url:
        packed, plain = await send(url, "/", "a.b.c"), await send(url, "/", "a.b.c", accept="identity")

    is_long = size >= MINIMUM_BYTES
    assert (packed.coding, packed.content) == ("gzip" if is_long else None, b"x" * size)
    assert packed.headers.get("vary") == plain.headers.get("vary") == ("Accept-Encoding" if is_long else None)


async def test_answers_to_pages_of_other_origins_vary_by_both(settings: Settings, stored: None, token_for: Token):
    shared = settings.model_copy(update={"allowed_origins": "https://a.example.com,https://b.example.com"})
    async with served(create_app(shared)) as url:
        await wait_until_ready(url)
        answer = await send(
            url, "/graphql", token_for("ada", "acme"), json={"query": LIST}, headers={"Origin": "https://a.example.com"}
        )

    assert answer.coding == "gzip"
    assert {each.strip() for each in answer.headers["vary"].split(",")} == {"Accept-Encoding", "Origin"}
