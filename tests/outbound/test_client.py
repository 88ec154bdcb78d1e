"""The outbound client, against real receivers over TLS."""

import asyncio
import gzip
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.outbound.client import MAX_ANSWER_BYTES, Answer, Failure, Outbound
from execution_monitor.outbound.destinations import DestinationRules
from tests.outbound.receiver import NAME, Authority, Receiver, Respond, answering, receiving

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
# Long enough for a busy machine, short beside what a test that waits for it does.
SECONDS = 20.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def loopback(host: str, port: int) -> Sequence[str]:
    assert host == NAME
    assert port
    return ["127.0.0.1"]


def outbound_to(receiver: Receiver, authority: Authority) -> Outbound:
    rules = DestinationRules(frozenset({f"{NAME}:{receiver.port}"}))
    return Outbound(rules, resolver=loopback, trusted=authority.trusted)


async def send(respond: Respond, authority: Authority, seconds: float = SECONDS) -> Answer | Failure:
    async with receiving(respond, authority.server()) as receiver, outbound_to(receiver, authority) as outbound:
        return await outbound.post(outbound.rules.check(receiver.url), b"{}", {}, seconds=seconds)


async def test_a_request_has_the_name_of_its_receiver_as_sni_and_host(authority: Authority):
    async with receiving(answering(OK), authority.server()) as receiver, outbound_to(receiver, authority) as outbound:
        headers = {"content-type": "application/json", "webhook-id": "msg_1"}

        answer = await outbound.post(outbound.rules.check(receiver.url), b'{"a": 1}', headers)

    assert answer == Answer(200, None, "ok")
    (request,) = receiver.requests
    assert request.line == "POST /hook?key=1 HTTP/1.1"
    assert (request.body, request.server_name) == (b'{"a": 1}', NAME)
    assert request.headers == {
        "host": f"{NAME}:{receiver.port}",
        "user-agent": "execution-monitor",
        "accept-encoding": "identity",
        "content-length": "8",
        **headers,
    }


async def test_a_connection_is_used_again(authority: Authority):
    async with receiving(answering(OK), authority.server()) as receiver, outbound_to(receiver, authority) as outbound:
        for _ in range(3):
            await outbound.post(outbound.rules.check(receiver.url), b"{}", {})

    assert (receiver.connections, len(receiver.requests)) == (1, 3)


async def test_a_redirect_is_an_answer_and_not_followed(authority: Authority):
    moved = b"HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"

    assert await send(answering(moved), authority) == Answer(302, None, "")


async def test_a_receiver_that_says_nothing_is_left_at_the_deadline(authority: Authority):
    assert await send(answering(pause=SECONDS), authority, seconds=0.5) is Failure.TIMED_OUT


async def test_a_receiver_that_sends_its_head_byte_by_byte_is_left_at_the_deadline(authority: Authority):
    drops = [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" * 50]

    assert await send(answering(*drops, pause=0.05), authority, seconds=1.0) is Failure.TIMED_OUT


async def test_a_status_counts_though_the_body_never_ends(authority: Authority):
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"

    answer = await send(answering(head + b"begun", b"", pause=SECONDS), authority, seconds=1.0)

    assert answer == Answer(200, None, "begun")


async def test_of_an_endless_body_only_the_beginning_is_read(authority: Authority):
    head = b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    answer = await send(answering(head, *[chunk] * 1_000), authority)

    assert answer == Answer(500, None, "x" * MAX_ANSWER_BYTES)


async def test_a_compressed_body_is_not_unpacked(authority: Authority):
    bomb = gzip.compress(bytes(10_000_000))[:900]
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()

    answer = await send(answering(head + bomb), authority)

    assert answer == Answer(200, None, bomb.decode(errors="replace"))


async def test_a_certificate_for_another_name_is_not_trusted(authority: Authority):
    context = authority.server("other.example.com")
    async with receiving(answering(OK), context) as receiver, outbound_to(receiver, authority) as outbound:
        answer = await outbound.post(outbound.rules.check(receiver.url), b"{}", {})

    assert answer is Failure.NOT_TRUSTED
    assert receiver.requests == []


async def test_a_certificate_of_an_unknown_authority_is_not_trusted(authority: Authority, tmp_path: Path):
    stranger = Authority(tmp_path)
    async with receiving(answering(OK), stranger.server()) as receiver, outbound_to(receiver, authority) as outbound:
        answer = await outbound.post(outbound.rules.check(receiver.url), b"{}", {})

    assert answer is Failure.NOT_TRUSTED


@pytest.mark.parametrize("garbage", [b"", b"\x00\x01\x02\r\n\r\n", b"SSH-2.0-OpenSSH\r\n"])
async def test_what_is_no_http_is_broken(authority: Authority, garbage: bytes):
    async def close(writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()
        await writer.wait_closed()

    assert await send(close, authority) is Failure.BROKEN


async def test_a_closed_port_takes_no_connection(authority: Authority):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        receiver = Receiver(free.getsockname()[1], answering())
    async with outbound_to(receiver, authority) as outbound:
        assert await outbound.post(outbound.rules.check(receiver.url), b"{}", {}) is Failure.NOT_CONNECTED


async def test_a_proxy_of_the_environment_is_not_used(authority: Authority, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert await send(answering(OK), authority) == Answer(200, None, "ok")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["64:ff9b::7f00:1"], ["::ffff:10.0.0.1"]],
)
async def test_a_name_with_any_address_inside_is_not_connected_to(authority: Authority, addresses: Sequence[str]):
    async def rebound(_: str, __: int) -> Sequence[str]:
        return addresses

    async with Outbound(DestinationRules(), resolver=rebound, trusted=authority.trusted) as outbound:
        assert await outbound.post(outbound.rules.check(f"https://{NAME}/"), b"{}", {}) is Failure.NOT_PUBLIC


async def test_a_name_is_resolved_once_and_that_address_connected_to(authority: Authority):
    resolved = list[str]()

    async def count(host: str, _: int) -> Sequence[str]:
        resolved.append(host)
        return ["127.0.0.1"]

    async with receiving(answering(OK), authority.server()) as receiver:
        rules = DestinationRules(frozenset({f"{NAME}:{receiver.port}"}))
        async with Outbound(rules, resolver=count, trusted=authority.trusted) as outbound:
            await outbound.post(rules.check(receiver.url), b"{}", {})

    assert resolved == [NAME]


async def test_a_name_without_an_address_is_not_found():
    async with Outbound(DestinationRules()) as outbound:
        destination = outbound.rules.check("https://receiver.invalid/")

        assert await outbound.post(destination, b"{}", {}) is Failure.NOT_RESOLVED


async def test_a_url_that_rules_no_longer_allow_is_refused(authority: Authority):
    stored = DestinationRules(frozenset({"10.0.0.7:443"})).check("https://10.0.0.7/")

    async with Outbound(DestinationRules(), trusted=authority.trusted) as outbound:
        with pytest.raises(BadUserInput):
            await outbound.post(stored, b"{}", {})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120.0), ("0", 0.0), ("99999999999999999999", 1_000_000.0), ("-1", None), ("soon", None), ("", None)],
)
async def test_retry_after_is_a_number_of_seconds(authority: Authority, text: str, seconds: float | None):
    busy = f"HTTP/1.1 503 Busy\r\nretry-after: {text}\r\ncontent-length: 0\r\n\r\n".encode()

    assert await send(answering(busy), authority) == Answer(503, seconds, "")


async def test_retry_after_may_be_a_date(authority: Authority):
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    busy = f"HTTP/1.1 429 Busy\r\nretry-after: {date}\r\ncontent-length: 0\r\n\r\n".encode()

    answer = await send(answering(busy), authority)

    assert isinstance(answer, Answer)
    assert answer.retry_after is not None
    assert 3_500 < answer.retry_after <= 3_600
