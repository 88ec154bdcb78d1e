"""Other host names and pages of other origins reach nothing, unless a setting allows them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from tests.support.client import EXECUTIONS_PATH
from tests.support.raw_http import exchange
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import SECRET

Token = Callable[..., str]
FRIEND, STRANGER = "https://friend.example.com", "https://stranger.example.com"


# One server for nearly all of these tests: nothing here depends on what is stored.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def running(mongodb_uri: str, database_name: str, **others: Any) -> AsyncGenerator[str]:
    settings = Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        **others,
    )
    async with served(create_app(settings)) as url:
        await wait_until_ready(url)
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(mongodb_uri: str, database_name: str) -> AsyncGenerator[str]:
    hosts = "monitor.example.com,*.inside.example.org"
    async with running(mongodb_uri, database_name, allowed_hosts=hosts, allowed_origins=FRIEND) as url:
        yield url


async def send(server: str, method: str, path: str, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server) as client:
        return await client.request(
            method, path, headers={name.replace("_", "-"): each for name, each in headers.items()}
        )


@pytest.mark.parametrize("path", ["/graphql", EXECUTIONS_PATH, "/livez", "/", "/metrics", "/nowhere"])
@pytest.mark.parametrize(
    "host", ["evil.example.com", "monitor.example.com.evil.example", "inside.example.org", "", ":80", "localhost.evil"]
)
async def test_a_request_for_another_host_gets_nothing(server: str, path: str, host: str):
    answer = await send(server, "GET", path, host=host)

    assert answer.status_code == 421
    assert answer.json()["code"] == "MISDIRECTED_REQUEST"
    assert "EXECUTION_MONITOR_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8000", "127.0.0.1:80", "10.1.2.3", "[::1]:8000", "[fe80::1]"),
        *("monitor.example.com", "MONITOR.example.com:443", "monitor.example.com.", "a.inside.example.org"),
    ],
)
async def test_requests_for_our_names_and_for_ip_addresses_are_served(server: str, host: str):
    assert (await send(server, "GET", "/livez", host=host)).status_code == 200


async def open_socket(server: str, path: str, origin: str | None, **options: Any) -> int:
    try:
        async with connect(
            server.replace("http", "ws") + path, origin=None if origin is None else Origin(origin), **options
        ):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize("path", ["/graphql", f"{EXECUTIONS_PATH}/ws"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param(None, 101, id="no page"),
        pytest.param("its own", 101, id="a page of the server"),
        pytest.param(FRIEND, 101, id="a page that may"),
        pytest.param(STRANGER, 403, id="a page that may not"),
        pytest.param("null", 403, id="a page of nowhere"),
        pytest.param("http://127.0.0.1:1", 403, id="a page of another port"),
        pytest.param("file://127.0.0.1", 403, id="a file"),
        pytest.param("http://[", 403, id="no origin at all"),
    ],
)
async def test_a_socket_is_for_pages_of_allowed_origins(server: str, path: str, origin: str | None, status: int):
    sent = server if origin == "its own" else origin

    found = await open_socket(server, path, sent, subprotocols=[Subprotocol("graphql-transport-ws")])

    assert found == status


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        pytest.param("https://monitor.example.com", "monitor.example.com", 101, id="behind TLS"),
        pytest.param("https://monitor.example.com", "monitor.example.com:443", 101, id="with the port of TLS"),
        pytest.param("http://monitor.example.com:80", "monitor.example.com", 101, id="with the port of HTTP"),
        pytest.param("https://Monitor.example.com", "monitor.example.com", 101, id="in other letters"),
        pytest.param("https://monitor.example.com:80", "monitor.example.com", 403, id="another port"),
        pytest.param("https://monitor.example.com", "monitor.example.com:81", 403, id="another server's port"),
    ],
)
async def test_a_server_serves_its_own_pages_with_any_proxy_in_front(server: str, origin: str, host: str, status: int):
    where = urlsplit(server)

    found = await open_socket(f"http://{host}", "/graphql", origin, host=where.hostname, port=where.port)

    assert found == status


async def answer_to(server: str, head: bytes) -> bytes:
    return await exchange(urlsplit(server).port or 0, head + b"Connection: close\r\n\r\n")


@pytest.mark.parametrize(
    "hosts",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"Host: localhost\r\nHost: localhost\r\n", id="two"),
        pytest.param(b"Host: localhost\r\nHost: evil.example.com\r\n", id="two others"),
        pytest.param(b"Host: ada@localhost\r\n", id="a user"),
        pytest.param(b"Host: ada:secret@localhost\r\n", id="a user and a password"),
        pytest.param(b"Host: [\r\n", id="half of a number"),
        pytest.param(b"Host: localhost:port\r\n", id="no port"),
        pytest.param(b"Host: localhost/livez\r\n", id="a path"),
        pytest.param(b"Host: localhost, localhost\r\n", id="a list"),
        pytest.param(b"Host: http://localhost\r\n", id="an address"),
        pytest.param(b"Host: local%zzhost\r\n", id="half of an escape"),
        pytest.param("Host: löcalhost\r\n".encode(), id="other letters"),
    ],
)
async def test_a_request_has_exactly_one_valid_host(server: str, hosts: bytes):
    answer = await answer_to(server, b"GET /livez HTTP/1.1\r\n" + hosts)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Host" in answer


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        pytest.param(b"http://localhost/livez", b"evil.example.com", 200, id="ours, beside a stranger's"),
        pytest.param(b"http://localhost:1", b"evil.example.com", 200, id="without a path"),
        pytest.param(b"http://evil.example.com/livez", b"localhost", 421, id="a stranger's, beside ours"),
        pytest.param(b"http://ada@localhost/livez", b"localhost", 400, id="with a user"),
        pytest.param(b"http:///livez", b"localhost", 421, id="without a name"),
    ],
)
async def test_the_host_of_an_absolute_target_counts_before_the_header(
    server: str, target: bytes, host: bytes, status: int
):
    answer = await answer_to(server, b"GET %b HTTP/1.1\r\nHost: %b\r\n" % (target, host))

    assert int(answer.split()[1]) == status


async def test_an_absolute_target_needs_the_header_host_too(server: str):
    assert (await answer_to(server, b"GET http://localhost/livez HTTP/1.1\r\n")).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("host", "status"), [("localhost", 101), ("evil.example.com", 421)])
async def test_a_handshake_may_have_an_absolute_target(server: str, host: str, status: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(server).port)
    writer.write(
        b"GET http://%b/graphql HTTP/1.1\r\nHost: elsewhere\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % host.encode()
    )
    answer = await reader.readuntil(b"\r\n")
    writer.close()

    assert int(answer.split()[1]) == status


@pytest.mark.parametrize("path", ["/graphql", f"{EXECUTIONS_PATH}/ws"])
async def test_a_socket_for_another_host_is_refused(server: str, path: str):
    where = urlsplit(server)
    uri = f"ws://evil.example.com:{where.port}{path}"

    with pytest.raises(InvalidStatus) as refused:
        async with connect(uri, host=where.hostname, port=where.port):
            pass

    assert refused.value.response.status_code == 421


@pytest.mark.parametrize("path", ["/graphql", EXECUTIONS_PATH])
async def test_pages_of_allowed_origins_may_send_requests(server: str, path: str, token_for: Token):
    preflight = {
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization,content-type",
    }

    friend = await send(server, "OPTIONS", path, origin=FRIEND, **preflight)
    stranger = await send(server, "OPTIONS", path, origin=STRANGER, **preflight)
    answer = await send(
        server, "GET", EXECUTIONS_PATH, origin=FRIEND, authorization=f"Bearer {token_for('ada', 'acme')}"
    )

    assert (friend.status_code, friend.headers["access-control-allow-origin"]) == (200, FRIEND)
    assert stranger.status_code == 400
    assert "access-control-allow-origin" not in stranger.headers
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "ratelimit" in answer.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers


async def test_without_allowed_origins_no_other_page_gets_anything(
    mongodb_uri: str, database_name: str, token_for: Token
):
    async with running(mongodb_uri, database_name) as server:
        preflight = await send(server, "OPTIONS", "/graphql", origin=FRIEND, access_control_request_method="POST")
        got = await send(
            server, "GET", EXECUTIONS_PATH, origin=FRIEND, authorization=f"Bearer {token_for('ada', 'acme')}"
        )

    assert preflight.status_code == 405
    assert not any("access-control" in name for name in (*preflight.headers, *got.headers))
