"""A TCP proxy that fails as networks do: it delays, throttles, cuts connections mid-message, or forwards nothing.

    async with faulty_proxy("127.0.0.1", 27017) as proxy:
        client = MongoClient(proxy.uri)
        proxy.blackhole()
        ...
        proxy.restore()

It runs on the event loop of the test. Faults hold for connections that are open and for those that come.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

_CHUNK_BYTES = 65_536
# As much as a long connection holds, or as a system buffers for a client that does not read.
_MOST_CHUNKS_HELD = 64
# A connection of limited speed sends so many pieces a second.
_PIECES_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class _Fault:
    """What happens to bytes on their way."""

    delay_seconds: float = 0.0
    bytes_per_second: int | None = None
    is_silent: bool = False
    most_answered: int | None = None  # bytes of answers on each connection


class FaultyProxy:
    """Forwards connections to `host`:`port` with the fault that was set last; at first with none."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self._fault = _Fault()
        self._changed = asyncio.Event()
        self._bytes_until_cut: int | None = None
        self.accepted = 0
        self.bytes_forwarded = 0

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def uri(self) -> str:
        """The URI for a client of the MongoDB server behind it, which must not connect to that directly."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def delay(self, milliseconds: float) -> None:
        """Delay every byte for so long, in both directions."""
        self._set(_Fault(delay_seconds=milliseconds / 1_000))

    def throttle(self, bytes_per_second: int) -> None:
        """Forward no more than this a second, on each connection in each direction."""
        self._set(_Fault(bytes_per_second=bytes_per_second))

    def blackhole(self) -> None:
        """Forward nothing, as where packets are dropped: neither side learns that the other is gone.

        New connections are accepted, and silent as well. What was held back arrives after `restore`, as TCP repeats
        what was not acknowledged.
        """
        self._set(_Fault(is_silent=True))

    def clog(self, *, after_bytes: int) -> None:
        """Forward only the first `after_bytes` bytes of answers on each connection: no large message passes."""
        self._set(_Fault(most_answered=after_bytes))

    def cut(self, *, after_bytes: int = 0) -> None:
        """Close every connection after `after_bytes` more bytes of answers, in the middle of a message."""
        self._bytes_until_cut = after_bytes
        if not after_bytes:
            self._cut_all()

    def restore(self) -> None:
        """Forward without a fault again."""
        self._set(_Fault())

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def wait_until_left(self) -> None:
        """Return when no client is connected."""
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def close(self) -> None:
        """Close every connection, and stop listening."""
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _set(self, fault: _Fault) -> None:
        self._fault = fault
        self._changed.set()
        self._changed = asyncio.Event()

    def _cut_all(self) -> None:
        self._bytes_until_cut = None
        for writers in self._connections.values():
            for writer in writers:
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = (writer,)
        try:
            there, back = await asyncio.open_connection(*self._target)
            self._connections[task] = (writer, back)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forward(reader, back, answers=False))
                ways.create_task(self._forward(there, writer, answers=True))
        except* OSError:
            pass
        finally:
            for each in self._connections.pop(task):
                each.transport.abort()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        # Delayed bytes are all under way together, as on a long connection: reading goes on while they are held back.
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_CHUNKS_HELD)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._take(source, held))
            ends.create_task(self._give(held, sink, answers=answers))

    async def _take(self, source: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes]]) -> None:
        data = b"-"
        while data:
            data = await source.read(_CHUNK_BYTES)
            await held.put((time.monotonic() + self._fault.delay_seconds, data))

    async def _give(
        self, held: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        answered = 0
        while True:
            due, data = await held.get()
            answered += len(data) if answers else 0
            while self._fault.most_answered is not None and answered > self._fault.most_answered:
                await self._changed.wait()
            await asyncio.sleep(due - time.monotonic())
            if not data:
                # A side that closes one direction is done with the other.
                raise ConnectionResetError
            while data:
                data = await self._send_some(sink, data, answers=answers)

    async def _send_some(self, sink: asyncio.StreamWriter, data: bytes, *, answers: bool) -> bytes:
        """Send as much of `data` as may go at once; returns the rest."""
        while self._fault.is_silent:
            await self._changed.wait()
        size, rate = len(data), self._fault.bytes_per_second
        if rate is not None:
            size = max(1, min(size, rate // _PIECES_PER_SECOND))
            await asyncio.sleep(size / rate)
        if answers and self._bytes_until_cut is not None:
            size = min(size, self._bytes_until_cut)
            self._bytes_until_cut -= size
        sink.write(data[:size])
        await sink.drain()
        self.bytes_forwarded += size
        if answers and self._bytes_until_cut == 0:
            self._cut_all()
            raise ConnectionResetError
        return data[size:]


@contextlib.asynccontextmanager
async def faulty_proxy(host: str, port: int) -> AsyncGenerator[FaultyProxy]:
    """A listening proxy of `host`:`port`; it and all its connections are closed at the end."""
    proxy = FaultyProxy(host, port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
