"""HTTP byte by byte: to one connection of ours in memory, or to a server over a socket."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn.server import ServerState

from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY, TcpConnections
from execution_monitor.server.http_protocol import HttpProtocol
from execution_monitor.server.websocket_protocol import LoopIteration, WebSocketProtocol
from tests.support.servers import served

SOON = 10.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One parsed response of HTTP/1.1."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return orjson.loads(self.body)


def read_responses(data: bytes) -> list[HttpResponse]:
    """Parse all responses in `data`; fails if anything else is left."""
    responses: list[HttpResponse] = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers["content-length"])
        assert first.startswith("HTTP/1.1 "), first
        responses.append(HttpResponse(int(first.split()[1]), headers, data[:length]))
        data = data[length:]
    return responses


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that returns the request as JSON; it accepts a WebSocket and closes it with 1000."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    body = b""
    while scope["path"] != "/unread":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    request = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "body": body.decode(),
    }
    response = orjson.dumps(request)
    headers = [(b"content-length", str(len(response)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": response})


class _MemoryTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 80)})
        self.protocol: asyncio.BaseProtocol | None = None
        self.written = b""
        self.unsent = 0
        self.has_ended = False
        self.is_closed = False
        self.is_aborted = False
        self.reads = True

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.has_ended
        self.written += bytes(data)

    @override
    def write_eof(self) -> None:
        self.has_ended = True

    @override
    def get_write_buffer_size(self) -> int:
        return self.unsent

    @override
    def is_closing(self) -> bool:
        return self.is_closed

    @override
    def close(self) -> None:
        self.is_closed = True

    @override
    def abort(self) -> None:
        self.is_closed = self.is_aborted = True

    @override
    def pause_reading(self) -> None:
        self.reads = False

    @override
    def resume_reading(self) -> None:
        self.reads = True

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    @override
    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.protocol is not None
        return self.protocol


class MemoryConnection:
    """A connection of ours in memory, which receives exactly the pieces that a test feeds it."""

    def __init__(self, app: ASGIApp = echo, clients: TcpConnections | None = None) -> None:
        self.clients = clients or TcpConnections()
        config = uvicorn.Config(
            cast("Any", app),
            log_config=None,
            ws=cast("Any", partial(WebSocketProtocol, loop_iteration=LoopIteration())),
        )
        config.load()
        self._state = ServerState()
        self._protocol = HttpProtocol(config, self._state, {CONNECTIONS_KEY: self.clients})
        self.transport = _MemoryTransport()
        self.transport.protocol = self._protocol
        self._protocol.connection_made(self.transport)

    def feed(self, *pieces: bytes) -> None:
        """Give `pieces` to the connection, one by one."""
        for piece in pieces:
            protocol = cast("asyncio.Protocol", self.transport.get_protocol())
            if not self.transport.is_closed:
                protocol.data_received(piece)

    def lose(self) -> None:
        """Lose the connection to the client."""
        cast("asyncio.Protocol", self.transport.get_protocol()).connection_lost(None)

    def pause_writing(self, unsent: int) -> None:
        """Fill the send buffer with `unsent` bytes that the client has not read yet."""
        self.transport.unsent = unsent
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Empty the send buffer."""
        self.transport.unsent = 0
        self._protocol.resume_writing()

    async def settle(self) -> None:
        """Return when the application has handled all requests, and those that then begin."""
        async with asyncio.timeout(SOON):
            while self._state.tasks:
                await asyncio.gather(*self._state.tasks)

    async def answers(self) -> list[HttpResponse]:
        """All responses, once all requests are handled."""
        await self.settle()
        return read_responses(self.transport.written)


async def exchange(port: int, *pieces: bytes) -> bytes:
    """What a server sends after `pieces`, sent one by one, until it closes; `b"reset"` if it resets the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(SOON):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return await reader.read()
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()


@asynccontextmanager
async def serving_raw(app: ASGIApp = echo, clients: TcpConnections | None = None) -> AsyncGenerator[int]:
    """Serve `app` over real sockets, with `clients` for its limits; yields the port."""

    async def with_clients(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        scope["state"][CONNECTIONS_KEY] = clients or TcpConnections()
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async with served(with_clients) as url:
        yield int(url.rpartition(":")[2])


def splits_of(data: bytes) -> Sequence[tuple[bytes, ...]]:
    """`data` in one piece, in two at every place, and byte by byte."""
    halves = [(data[:place], data[place:]) for place in range(1, len(data))]
    return [(data,), *halves, tuple(bytes((each,)) for each in data)]
