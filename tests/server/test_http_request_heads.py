"""Heads of requests are limited, and bodies and trailers are not taken for heads."""

from collections.abc import Callable, Generator

import pytest

from execution_monitor.server.http_request_heads import MAX_HEAD_BYTES, MAX_TARGET_BYTES, to_origin_form
from tests.support.raw_http import MemoryConnection, exchange, read_responses, splits_of
from tests.support.server_process import running_server

Token = Callable[..., str]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, mongodb_uri: str, database_name: str) -> Generator[int]:
    """The port of a server, with a database of its own."""
    with running_server(tmp_path_factory.mktemp("server"), mongodb_uri, f"{database_name}_heads") as running:
        yield running.port


def filler(size: int) -> list[bytes]:
    line = b"X-Filler: " + b"x" * 990 + b"\r\n"
    return [line] * (size // len(line))


async def test_heads_are_limited_and_bodies_are_not_taken_for_heads(port: int):
    begin = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
    end = b"Connection: close\r\n\r\n"
    body = b"x" * (2 * MAX_HEAD_BYTES)
    posted = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)

    chunked = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"

    large = await exchange(port, begin, *filler(MAX_HEAD_BYTES - 4_096), end)
    too_large = await exchange(port, begin, *filler(4 * MAX_HEAD_BYTES))
    endless_line = await exchange(port, begin, b"X: ", *[b"x" * 4_096] * 64)
    at_once = await exchange(port, begin + b"".join(filler(MAX_HEAD_BYTES + 8_192)) + end)
    trailers = await exchange(port, chunked, b"X: ", *[b"x" * 4_096] * 64)
    after_a_body = await exchange(port, posted, body, begin + end)

    assert large.startswith(b"HTTP/1.1 200 OK")
    for refusal in (too_large, endless_line, at_once):
        assert refusal.startswith(b"HTTP/1.1 431")
    # It got its response before its trailers arrived; a second response would belong to no request.
    assert [each.status for each in read_responses(trailers)] == [405]
    assert [each.status for each in read_responses(after_a_body)] == [405, 200]


async def test_a_target_is_limited_before_its_head_is(port: int):
    end = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    longest = await exchange(port, b"GET /livez?" + b"x" * (MAX_TARGET_BYTES - len("/livez?")) + end)
    too_long = await exchange(port, b"GET /livez?" + b"x" * MAX_TARGET_BYTES + end)
    endless = await exchange(port, b"GET /livez?", *[b"x" * 4_096] * 64)

    assert longest.startswith(b"HTTP/1.1 200 OK")
    for refusal in (too_long, endless):
        (answer,) = read_responses(refusal)
        assert answer.status == 414
        assert b"POST" in answer.body


async def test_a_head_after_a_body_in_one_read_is_limited_too():
    posted = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
    wire = MemoryConnection()
    wire.feed(posted + b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(filler(MAX_HEAD_BYTES + 2_048)) + b"\r\n")

    assert [each.status for each in await wire.answers()] == [200, 431]


CHUNKED = (
    b"POST /first HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\n\r\n"
    b"2\r\n{}\r\n0\r\nX-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer mine\r\nHost: elsewhere\r\n"
    b"Expect: 100-continue\r\n\r\n"
)


async def test_trailers_are_dropped_in_any_number_of_pieces():
    for pieces in splits_of(CHUNKED + CHUNKED.replace(b"/first", b"/next")):
        wire = MemoryConnection()
        wire.feed(*pieces)
        answers = await wire.answers()

        assert [(each.json["path"], each.json["body"]) for each in answers] == [("/first", "{}"), ("/next", "{}")]
        for answer in answers:
            assert answer.json["headers"] == [
                ["host", "localhost"],
                ["transfer-encoding", "chunked"],
                ["trailer", "X-Forwarded-For"],
            ]


async def test_trailers_after_an_ignored_upgrade_are_dropped_too():
    offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding"
    wire = MemoryConnection()
    wire.feed(CHUNKED.replace(b"Transfer-Encoding", offer))

    (answer,) = await wire.answers()

    assert "x-forwarded-for" not in dict(answer.json["headers"])


async def test_a_token_in_a_trailer_is_ignored(port: int, token_for: Token):
    body = b'{"query": "{ viewer { userId } }"}'
    head = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    token = b"Authorization: Bearer %b\r\n" % token_for("ada", "acme").encode()
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(body), body)
    at_once = await exchange(port, head + chunks + token + b"\r\n")
    piece_by_piece = await exchange(port, head, chunks, token, b"\r\n")
    in_its_place = await exchange(port, head + token + chunks + b"\r\n")

    answers = [read_responses(each)[0].status for each in (at_once, piece_by_piece, in_its_place)]
    assert answers == [401, 401, 200]


@pytest.mark.parametrize(
    ("target", "origin_form", "host"),
    [
        (b"http://a.example:80/b?c", b"/b?c", b"a.example:80"),
        (b"HTTPS://a.example", b"/", b"a.example"),
        (b"http://a.example?c", b"/?c", b"a.example"),
        (b"http://ada@a.example/", b"/", b"ada@a.example"),
        (b"http://", b"/", b""),
        (b"/http://a.example/", b"/http://a.example/", b"other"),
        (b"*", b"*", b"other"),
    ],
)
def test_the_host_of_an_absolute_target_replaces_the_header(target: bytes, origin_form: bytes, host: bytes):
    headers = [(b"host", b"other"), (b"x", b"y")]

    assert to_origin_form(target, headers) == origin_form
    assert headers == [(b"host", host), (b"x", b"y")]
