"""Text that is sent at once, over real sockets: whole, in its order, and only where there is room."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Close, Frame, Opcode

from execution_monitor.asgi.extensions import SendNow, send_now_of
from tests.support.servers import served

SOON = 10.0
Talk = Callable[[WebSocket, SendNow], Awaitable[None]]


@contextlib.asynccontextmanager
async def talking(talk: Talk) -> AsyncGenerator[ClientConnection]:
    """A client of a server that accepts its socket, talks, and reads until the client disconnects."""

    async def serve(socket: WebSocket) -> None:
        send_now = send_now_of(socket.scope)
        assert send_now is not None
        assert not send_now(b"before it is accepted")
        await socket.accept()
        await talk(socket, send_now)
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()

    async with (
        served(Starlette(routes=[WebSocketRoute("/", serve)])) as url,
        connect(url.replace("http", "ws"), max_size=None) as client,
    ):
        yield client


async def received(client: ClientConnection, count: int) -> list[str | bytes]:
    async with asyncio.timeout(SOON):
        return [await client.recv() for _ in range(count)]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
async def test_a_text_of_any_length_arrives_whole(length: int):
    text = "x" * length

    async def talk(_: WebSocket, send_now: SendNow) -> None:
        assert send_now(text.encode())

    async with talking(talk) as client:
        assert await received(client, 1) == [text]


async def test_texts_arrive_in_the_order_in_which_they_were_sent_however_they_were():
    async def talk(socket: WebSocket, send_now: SendNow) -> None:
        for number in range(50):
            assert send_now(f"now {number}".encode())
        await socket.send_text("then")
        for number in range(50, 60):
            assert send_now(f"now {number}".encode())
        await asyncio.sleep(0)
        assert send_now(b"in the next iteration")
        await socket.send_text("last")

    async with talking(talk) as client:
        texts = await received(client, 63)

    numbers = [f"now {number}" for number in range(60)]
    assert texts == [*numbers[:50], "then", *numbers[50:], "in the next iteration", "last"]


async def test_one_iteration_accepts_a_limited_number_of_bytes():
    accepted: list[bool] = []

    async def talk(_: WebSocket, send_now: SendNow) -> None:
        accepted.extend(send_now(b"x" * 10_000) for _ in range(30))

    async with talking(talk) as client:
        await received(client, 8)

        # One that is written, and as many as fit.
        assert accepted == [True] * 8 + [False] * 22


async def test_while_the_client_does_not_read_nothing_is_accepted():
    refused = asyncio.Event()

    async def talk(_: WebSocket, send_now: SendNow) -> None:
        while send_now(b"x" * 100_000):  # noqa: ASYNC110 - until the buffers are full
            await asyncio.sleep(0)
        refused.set()

    async with talking(talk) as client:
        client.transport.pause_reading()
        async with asyncio.timeout(SOON):
            await refused.wait()
        client.transport.abort()


async def test_what_waits_is_written_before_the_socket_closes_and_nothing_after():
    accepted: list[bool] = []

    async def talk(socket: WebSocket, send_now: SendNow) -> None:
        accepted.extend(send_now(f"{number}".encode()) for number in range(3))
        await socket.close(4403)
        accepted.append(send_now(b"too late"))

    async with talking(talk) as client:
        texts = await received(client, 3)
        await client.wait_closed()

    assert (texts, client.close_code) == (["0", "1", "2"], 4403)
    assert accepted == [True, True, True, False]


async def test_another_server_has_no_fast_path():
    offered: list[SendNow | None] = []

    async def serve(socket: WebSocket) -> None:
        offered.append(send_now_of(socket.scope))
        await socket.close()

    application = Starlette(routes=[WebSocketRoute("/", serve)])
    async with served(application, ready_frames=False) as url:
        with contextlib.suppress(Exception):
            await connect(url.replace("http", "ws"))

    assert offered == [None]


@contextlib.asynccontextmanager
async def listening(*texts: bytes) -> AsyncGenerator[str]:
    """A server that accepts every socket, sends it `texts` and reads."""

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        send_now = send_now_of(socket.scope)
        assert send_now is not None
        assert all(send_now(text) for text in texts)
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()

    async with served(Starlette(routes=[WebSocketRoute("/", serve)])) as url:
        yield url


def send_all_then_read(url: str, frames: bytes) -> Close:
    """Why a socket is closed, as a client learns it that reads only when it has sent everything."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        said = client.recv(65_536)
        client.sendall(frames)
        while received := client.recv(65_536):
            said += received
    frame = said.partition(b"\r\n\r\n")[2]
    assert frame[0] == 0x88, said
    return Close.parse(frame[2:])


LARGE = Frame(Opcode.TEXT, b"x" * 20_000_000).serialize(mask=True)
IN_PARTS = Frame(Opcode.TEXT, b"x" * 4_000_000, fin=False).serialize(mask=True) + b"".join(
    Frame(Opcode.CONT, b"x" * 4_000_000, fin=False).serialize(mask=True) for _ in range(5)
)
WITHOUT_A_MASK = Frame(Opcode.TEXT, b"x" * 20_000_000).serialize(mask=False)
NO_TEXT = (
    Frame(Opcode.TEXT, b"\xff").serialize(mask=True) + Frame(Opcode.TEXT, b"x" * 1_000_000).serialize(mask=True) * 15
)


@pytest.mark.parametrize("times", range(3))
@pytest.mark.parametrize(
    ("frames", "code"),
    [(LARGE, 1009), (IN_PARTS, 1009), (WITHOUT_A_MASK, 1002), (NO_TEXT, 1007)],
    ids=["too large", "too large in parts", "against the protocol", "no text"],
)
async def test_the_reason_of_a_close_reaches_a_client_that_still_sends(times: int, frames: bytes, code: int):
    async with listening() as url:
        close = await asyncio.to_thread(send_all_then_read, url, frames)

    assert close.code == code


async def test_a_handshake_that_is_refused_is_no_failure(caplog: pytest.LogCaptureFixture):
    async def refuse(socket: WebSocket) -> None:
        await socket.send_denial_response(PlainTextResponse("No.", 429, {"Retry-After": "7"}))

    async with served(Starlette(routes=[WebSocketRoute("/", refuse)])) as url:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url.replace("http", "ws")):
                pass

    assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (429, "7")
    assert [each.getMessage() for each in caplog.records if each.levelname in {"ERROR", "WARNING"}] == []


async def test_a_stop_closes_a_socket_with_a_reason_after_all_that_was_sent():
    async with contextlib.AsyncExitStack() as clients, contextlib.AsyncExitStack() as server:
        url = await server.enter_async_context(listening(b"0", b"1", b"2"))
        client = await clients.enter_async_context(connect(url.replace("http", "ws")))
        texts = await received(client, 3)
        await server.aclose()
        await client.wait_closed()

    assert texts == ["0", "1", "2"]
    assert (client.close_code, client.close_reason) == (1012, "The server stops; connect again.")
