"""How a connection ends: at a limit of time or number, or by a refusal that its client can read."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from execution_monitor.limits.tcp_connections import Phase, TcpConnectionLimits, TcpConnections
from execution_monitor.storage.database import Database
from tests.limits.test_tcp_connections import elapse
from tests.support.raw_http import MemoryConnection, exchange, read_responses, serving_raw
from tests.support.server_process import free_ports, running_server

HEAD = b"GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
POST_UNREAD = POST.replace(b"/first", b"/unread")
CLOSING = POST_UNREAD.replace(b"Content-Length", b"Connection: close\r\nContent-Length")


def statuses(wire: MemoryConnection) -> list[int]:
    return [each.status for each in read_responses(wire.transport.written)]


def phase_of(wire: MemoryConnection) -> Phase:
    (phase,) = [phase for phase, count in wire.clients.phases.items() if count]
    return phase


class PausedApp:
    """An application that responds `ok` once it is released, and records which requests were disconnected."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.left: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond once released, unless the client disconnects first."""
        message: Message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
        if message["type"] == "http.disconnect":
            self.left.append(scope["path"])
            return
        leaving = asyncio.ensure_future(receive())
        opening = asyncio.ensure_future(self.released.wait())
        await asyncio.wait({leaving, opening}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            self.left.append(scope["path"])
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})
        leaving.cancel()
        opening.cancel()
        await asyncio.gather(leaving, opening, return_exceptions=True)


async def test_a_silent_connection_is_closed_without_a_response():
    wire = MemoryConnection()
    wire.feed(b"\r\n")
    elapse(wire.clients, 29)
    before = wire.transport.is_closed
    wire.feed(b"\r\n")
    elapse(wire.clients, 2)

    assert (before, wire.transport.is_closed, wire.transport.written) == (False, True, b"")


async def test_a_head_has_its_time_limit_in_any_number_of_pieces():
    wire = MemoryConnection()
    for number in range(14):
        wire.feed(HEAD[number : number + 1])
        elapse(wire.clients, 1)
    before = wire.transport.written
    elapse(wire.clients, 2)

    assert before == b""
    assert statuses(wire) == [408]
    assert wire.transport.has_ended


async def test_a_head_in_time_gets_a_response_and_the_next_has_its_own_time_limit():
    wire = MemoryConnection()
    for _ in range(3):
        wire.feed(HEAD[:20])
        elapse(wire.clients, 14)
        wire.feed(HEAD[20:])
        await wire.settle()

    assert statuses(wire) == [200, 200, 200]
    assert phase_of(wire) is Phase.IDLE


async def test_a_connection_is_kept_alive_between_two_requests_for_a_while():
    wire = MemoryConnection()
    wire.feed(HEAD)
    await wire.settle()
    elapse(wire.clients, 74)
    before = wire.transport.is_closed
    elapse(wire.clients, 2)

    assert (before, wire.transport.is_closed, statuses(wire)) == (False, True, [200])


@pytest.mark.parametrize(("rate", "comes"), [(1_100, True), (900, False)])
async def test_a_body_must_arrive_at_a_minimum_rate(rate: int, *, comes: bool):
    app = PausedApp()
    app.released.set()
    wire = MemoryConnection(app)
    wire.feed(POST)
    left = 100_000
    while left > 0:
        wire.feed(b"x" * min(rate, left))
        left -= rate
        await asyncio.sleep(0)
        elapse(wire.clients, 1)
    await wire.settle()

    assert statuses(wire) == [200 if comes else 408]
    assert app.left == ([] if comes else ["/first"])
    assert wire.transport.has_ended is not comes


async def test_a_body_that_is_not_read_yet_is_not_late():
    waiting = MemoryConnection(PausedApp())
    waiting.feed(POST.replace(b"Content", b"Expect: 100-continue\r\nContent"))
    unread = MemoryConnection(PausedApp())
    unread.feed(POST, b"x" * 70_000)
    for wire in (waiting, unread):
        elapse(wire.clients, 100)

    assert not unread.transport.reads
    assert (waiting.transport.written, unread.transport.written) == (b"", b"")


async def test_a_body_that_is_not_needed_is_discarded_for_a_while_and_the_next_request_is_served():
    wire = MemoryConnection()
    wire.feed(POST_UNREAD, b"x" * 50_000)
    await wire.settle()
    elapse(wire.clients, 25)
    wire.feed(b"x" * 50_000 + HEAD)
    await wire.settle()
    wire.feed(POST_UNREAD)
    await wire.settle()
    before = wire.transport.is_closed
    elapse(wire.clients, 31)

    assert statuses(wire) == [200, 200, 200]
    assert (before, wire.transport.is_closed) == (False, True)


async def test_a_response_that_closes_is_not_lost_by_what_the_client_still_sends():
    wire = MemoryConnection()
    wire.feed(CLOSING)
    await wire.settle()
    wire.feed(b"x" * 50_000)
    before = wire.transport.has_ended, wire.transport.is_closed
    elapse(wire.clients, 31)

    assert statuses(wire) == [200]
    assert (before, wire.transport.is_closed) == ((True, False), True)


async def test_an_invalid_request_is_refused_after_the_responses_to_all_before_it():
    app = PausedApp()
    wire = MemoryConnection(app)
    wire.feed(HEAD + HEAD.replace(b"first", b"second") + b"no HTTP at all\r\n\r\n", HEAD)
    before = wire.transport.written
    app.released.set()
    await wire.settle()

    assert before == b""
    assert statuses(wire) == [200, 200, 400]
    assert wire.transport.has_ended


async def test_an_incomplete_request_after_another_is_refused_in_its_turn():
    app = PausedApp()
    wire = MemoryConnection(app)
    wire.feed(HEAD + b"POST /second HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno length")
    app.released.set()
    await wire.settle()

    assert statuses(wire) == [200, 400]
    assert app.left == []


async def test_an_incomplete_body_is_refused_once_and_its_application_gets_a_disconnect():
    app = PausedApp()
    wire = MemoryConnection(app)
    wire.feed(
        b"POST /first HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", b"no length\r\n"
    )
    await wire.settle()

    assert statuses(wire) == [400]
    assert app.left == ["/first"]
    assert wire.clients.invalid == {400: 1}


async def test_a_client_that_disconnects_with_pipelined_requests_disconnects_the_one_that_is_served():
    app = PausedApp()
    wire = MemoryConnection(app)
    wire.feed(HEAD + HEAD.replace(b"first", b"second"))
    await asyncio.sleep(0)
    wire.lose()
    await wire.settle()

    assert app.left == ["/first"]


@pytest.mark.parametrize("reads", [True, False])
async def test_a_response_is_read_bit_by_bit_or_not_at_all(*, reads: bool):
    wire = MemoryConnection(PausedApp())
    wire.feed(HEAD)
    wire.pause_writing(1_000_000)
    for _ in range(5):
        wire.transport.unsent -= 10 if reads else 0
        elapse(wire.clients, 50)
    was_aborted = wire.transport.is_aborted
    before = phase_of(wire)
    wire.resume_writing()
    after = phase_of(wire)
    wire.lose()
    await wire.settle()

    assert (was_aborted, before, after) == (not reads, Phase.UNREAD, Phase.ACTIVE)


async def test_another_request_gives_no_more_time_to_read_a_response():
    wire = MemoryConnection(PausedApp())
    wire.feed(HEAD)
    wire.pause_writing(1_000_000)
    for piece in (HEAD[:20], HEAD[20:]):
        wire.feed(piece)
    elapse(wire.clients, 125)
    wire.resume_writing()
    wire.lose()
    await wire.settle()

    assert wire.transport.is_aborted


async def test_a_connection_that_closes_with_an_unread_response_does_not_stay_for_ever():
    wire = MemoryConnection()
    wire.feed(HEAD)
    await wire.settle()
    wire.transport.unsent = 1_000
    elapse(wire.clients, 76)
    closed = wire.transport.is_closed, wire.transport.is_aborted
    elapse(wire.clients, 61)

    assert (closed, wire.transport.is_aborted) == ((True, False), True)


async def test_a_new_connection_is_refused_when_all_others_are_active():
    clients = TcpConnections(TcpConnectionLimits(total=1))
    first = MemoryConnection(PausedApp(), clients)
    first.feed(HEAD)
    second = MemoryConnection(PausedApp(), clients)
    second.feed(HEAD)
    second.lose()

    (answer,) = read_responses(second.transport.written)
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert second.transport.is_closed
    assert clients.phases[Phase.ACTIVE] == 1


async def test_a_time_limit_closes_a_real_connection():
    clients = TcpConnections(TcpConnectionLimits(first_byte_seconds=0.2, head_seconds=0.2, body_window_seconds=0.2))
    async with serving_raw(clients=clients) as port:
        said = await asyncio.gather(*(exchange(port, each) for each in (b"", HEAD[:20], POST)))

    assert [[each.status for each in read_responses(each)] for each in said] == [[], [408], [408]]


def send_all_then_read(port: int, data: bytes) -> bytes:
    """As a client does that looks for an answer only when it has sent everything."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(data)
        said = b""
        while received := client.recv(65_536):
            said += received
        return said


@pytest.mark.parametrize("times", range(3))
async def test_a_refusal_reaches_a_client_that_sends_before_it_reads(times: int):
    async with serving_raw() as port:
        large = CLOSING.replace(b"100000", b"20000000") + b"x" * 20_000_000
        received = await asyncio.to_thread(send_all_then_read, port, large)
        invalid = await asyncio.to_thread(send_all_then_read, port, b"no HTTP at all\r\n\r\n" + large)

    assert [each.status for each in read_responses(received)] == [200]
    assert [each.status for each in read_responses(invalid)] == [400]


@contextlib.asynccontextmanager
async def besieged(port: int, said: Sequence[bytes], count: int) -> AsyncGenerator[None]:
    """`count` sockets each that have said something, and say no more."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count * len(said))]
    try:
        for number, each in enumerate(sockets):
            with contextlib.suppress(ConnectionError):
                each.sendall(said[number % len(said)])
        yield
    finally:
        for each in sockets:
            each.close()


async def test_a_server_responds_under_more_hostile_connections_than_it_may_have(
    tmp_path: Path, mongodb_uri: str, database: Database, database_name: str, token_for: Callable[..., str]
):
    token = token_for("ada", "acme").encode()
    body = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: Bearer x\r\n\r\n"
    request = body.replace(b"Bearer x", b"Bearer " + token).replace(
        b"Authorization", b"Content-Type: application/json\r\nAuthorization"
    )
    port = free_ports(1)
    with running_server(
        tmp_path,
        mongodb_uri,
        database_name,
        max_tcp_connections="60",
        metrics_port=str(port),
        forwarded_allow_ips="192.0.2.1",
    ) as running:
        async with (
            besieged(running.port, [b"", b"G", HEAD[:-2], body, HEAD, request], 40),
            httpx2.AsyncClient() as client,
        ):
            for _ in range(20):
                async with httpx2.AsyncClient() as stranger:
                    assert (await stranger.get(f"{running.url}/livez")).status_code == 200
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text

    values = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if line[0] != "#"}
    held = sum(value for name, value in values.items() if name.startswith("execution_monitor_tcp_connections{"))
    assert held <= 60
    assert values["execution_monitor_tcp_displaced_total"] >= 180
    assert values["execution_monitor_tcp_connections_limit"] == 60
