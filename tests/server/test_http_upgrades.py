"""Offers to speak another protocol: ignored, unless it is a WebSocket; nothing is smuggled by way of one."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from execution_monitor.server.http_request_heads import head_without_upgrade, takes_websocket
from tests.support.raw_http import HttpResponse, MemoryConnection, exchange, read_responses, serving_raw, splits_of

Token = Callable[..., str]

H2C = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
TLS = b"Connection: upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n"
TWICE = b"Connection: Upgrade\r\nUpgrade: h2c\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(offer: bytes, body: bytes) -> bytes:
    return b"POST /first?a=b HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n%b" % (offer, len(body), body)


def chunked(offer: bytes, body: bytes) -> bytes:
    head = b"POST /first?a=b HTTP/1.1\r\nHost: localhost\r\n%bTransfer-Encoding: chunked\r\n\r\n" % offer
    return head + (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"


def seen(answers: list[HttpResponse]) -> list[tuple[int, str, str, str]]:
    return [(each.status, each.json["method"], each.json["path"], each.json["body"]) for each in answers]


@pytest.mark.parametrize("offer", [H2C, WEBSOCKET, TLS, TWICE], ids=["h2c", "websocket", "TLS", "two lines"])
@pytest.mark.parametrize("request_with", [post, chunked])
@pytest.mark.parametrize("body", [b"{}", SMUGGLED, b""], ids=["JSON", "another request", "nothing"])
async def test_a_body_after_an_ignored_upgrade_is_a_body_and_what_follows_is_the_next_request(
    offer: bytes, request_with: Callable[[bytes, bytes], bytes], body: bytes
):
    sent = request_with(offer, body) + NEXT

    for pieces in splits_of(sent) if body == SMUGGLED else [(sent,)]:
        wire = MemoryConnection()
        wire.feed(*pieces)

        assert seen(await wire.answers()) == [(200, "POST", "/first", body.decode()), (200, "GET", "/next", "")]


async def test_all_of_the_head_but_the_upgrade_arrives():
    wire = MemoryConnection()
    wire.feed(post(H2C + b"X-Empty:\r\nX-Two: a\r\nX-Two: b\r\n", b"{}"))

    (answer,) = await wire.answers()

    assert (answer.json["query"], answer.json["headers"]) == (
        "a=b",
        [
            ["host", "localhost"],
            ["connection", "Upgrade, HTTP2-Settings"],
            ["http2-settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"],
            ["x-empty", ""],
            *(["x-two", "a"], ["x-two", "b"]),
            ["content-length", "2"],
        ],
    )


async def test_pipelined_requests_with_upgrades_get_their_responses_in_order():
    wire = MemoryConnection()
    wire.feed(post(H2C, b"1") + post(WEBSOCKET, SMUGGLED) + chunked(TLS, b"3") + NEXT)

    answers = await wire.answers()

    assert [each.json["body"] for each in answers] == ["1", SMUGGLED.decode(), "3", ""]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(post(H2C + b"Transfer-Encoding: chunked\r\n", SMUGGLED), id="two lengths"),
        pytest.param(post(H2C + b"Content-Length: 1\r\n", SMUGGLED), id="two other lengths"),
        pytest.param(post(H2C + b"Content-Length : 1\r\n", SMUGGLED), id="a blank in a name"),
        pytest.param(post(H2C + b"X: 1\r\n folded\r\n", SMUGGLED), id="a folded line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + WEBSOCKET + b"\r\n" + SMUGGLED, id="after a handshake"),
    ],
)
async def test_an_ambiguous_request_is_refused(sent: bytes):
    for pieces in splits_of(sent)[:-1] if b"Sec-WebSocket" not in sent else [(sent,)]:
        wire = MemoryConnection()
        wire.feed(*pieces)

        assert [each.status for each in await wire.answers()] == [400]


async def test_nothing_is_read_after_connect():
    wire = MemoryConnection()
    wire.feed(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED, SMUGGLED)

    assert [each.status for each in await wire.answers()] == [501]
    assert wire.transport.has_ended


async def test_a_handshake_while_a_request_is_served_is_ignored():
    wire = MemoryConnection()
    wire.feed(NEXT + b"GET /socket HTTP/1.1\r\nHost: localhost\r\n" + WEBSOCKET + b"\r\n")

    assert [path for _, _, path, _ in seen(await wire.answers())] == ["/next", "/socket"]


@pytest.mark.parametrize(
    ("method", "version", "offer", "accepts"),
    [
        (b"GET", "1.1", [(b"upgrade", b"websocket")], True),
        (b"GET", "1.1", [(b"upgrade", b"h2c"), (b"upgrade", b"foo, WebSocket")], True),
        (b"GET", "1.1", [(b"upgrade", b"websocket"), (b"content-length", b"0")], True),
        (b"GET", "1.1", [(b"upgrade", b"websocket"), (b"content-length", b"1")], False),
        (b"GET", "1.1", [(b"upgrade", b"websocket"), (b"transfer-encoding", b"chunked")], False),
        (b"GET", "1.1", [(b"upgrade", b"websockets")], False),
        (b"GET", "1.0", [(b"upgrade", b"websocket")], False),
        (b"POST", "1.1", [(b"upgrade", b"websocket")], False),
    ],
)
def test_only_a_get_without_a_body_opens_a_websocket(
    method: bytes, version: str, offer: list[tuple[bytes, bytes]], *, accepts: bool
):
    assert takes_websocket(method, version, offer) is accepts


def test_a_head_is_rewritten_without_its_upgrade():
    headers = [(b"host", b"a"), (b"upgrade", b"h2c"), (b"x", b"")]

    assert head_without_upgrade(b"GET", b"/a?b", "1.0", headers) == b"GET /a?b HTTP/1.0\r\nhost: a\r\nx: \r\n\r\n"


async def test_a_handshake_switches_and_its_connection_is_counted_until_it_is_lost():
    wire = MemoryConnection()
    wire.feed(b"GET /socket HTTP/1.1\r\nHost: localhost\r\n" + WEBSOCKET + b"\r\n")
    during = sum(wire.clients.phases.values())
    await wire.settle()
    wire.lose()

    assert wire.transport.written.startswith(b"HTTP/1.1 101 ")
    assert (during, sum(wire.clients.phases.values())) == (1, 0)


async def test_a_handshake_with_lines_that_are_too_long_is_refused():
    wire = MemoryConnection()
    wire.feed(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: %b\r\n%b\r\n" % (b"x" * 10_000, WEBSOCKET))

    assert [each.status for each in await wire.answers()] == [431]
    assert wire.transport.has_ended


async def test_each_request_over_a_real_connection_gets_a_response_of_its_own():
    async with serving_raw() as port:
        last = NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        said = await exchange(port, *post(H2C, SMUGGLED).partition(b"\r\n\r\n"), chunked(WEBSOCKET, SMUGGLED), last)

    bodies = [each.json["body"] for each in read_responses(said)]
    assert bodies == [SMUGGLED.decode(), SMUGGLED.decode(), ""]


QUESTION = '{"query": "{ viewer { userId } }"}'
ANSWER = {"viewer": {"userId": "ada"}}

_JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] given) throws Exception {
        var client = HttpClient.newHttpClient();
        var request = HttpRequest.newBuilder(URI.create(given[0]))
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer " + given[1])
            .POST(HttpRequest.BodyPublishers.ofString(given[2])).build();
        for (int times = 0; times < 2; times++)
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="There is no java on this machine.")
async def test_javas_own_client_gets_a_response(server: str, token_for: Token, tmp_path: Path):
    source = tmp_path / "Ask.java"
    source.write_text(_JAVA)

    said = await _run("java", str(source), f"{server}/graphql", token_for("ada", "acme"), QUESTION)

    assert [orjson.loads(line)["data"] for line in said.splitlines()] == [ANSWER, ANSWER]


@pytest.mark.skipif(shutil.which("curl") is None, reason="There is no curl on this machine.")
async def test_curl_that_offers_http_2_gets_a_response(server: str, token_for: Token):
    headers = ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {token_for('ada', 'acme')}"]

    said = await _run("curl", "-s", "--http2", *headers, "-d", QUESTION, f"{server}/graphql")

    assert orjson.loads(said)["data"] == ANSWER


async def _run(*command: str) -> bytes:
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=True)
    return done.stdout
