"""A load generator: closed loops over kept connections, which parse only the length of a response."""

import asyncio
import time
from typing import cast

from typing_extensions import override

_OK = b"HTTP/1.1 200"


def request_of(path: str, token: str, body: bytes, coding: str = "identity") -> bytes:
    """The bytes of a POST of JSON, by a client that accepts the content coding `coding`."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Accept-Encoding: {coding}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Loop(asyncio.Protocol):
    """One connection that sends the next request at each response until `stops_at`; `done` has the error, if any."""

    def __init__(self, request: bytes, stops_at: float, latencies: list[float]) -> None:
        self._request, self._stops_at, self._latencies = request, stops_at, latencies
        self._received, self._length = bytearray(), -1
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._length < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            if not self._received.startswith(_OK) or b"content-length:" not in head:
                self._end(RuntimeError(bytes(self._received[:500]).decode(errors="replace")))
                return
            size = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._length = end + 4 + int(size)
        if len(self._received) < self._length:
            return
        now = time.perf_counter()
        self._latencies.append(now - self._sent_at)
        self._received.clear()
        self._length = -1
        if now < self._stops_at:
            self._send()
        else:
            self._end(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or RuntimeError("the server closed the connection"))

    def _end(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()


async def request_repeatedly(seconds: float, port: int, request: bytes, connections: int) -> list[float]:
    """The seconds of each response to `request`, from `connections` closed loops.

    Raises:
        RuntimeError: If a response is not 200.
    """
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    stops_at = time.perf_counter() + seconds
    made = [
        await loop.create_connection(lambda: _Loop(request, stops_at, latencies), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.done for _, each in made))
    return latencies
