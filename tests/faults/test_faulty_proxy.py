"""The proxy between MongoDB and servers: each of its faults does what its name says."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

import pytest

from tests.faults.faulty_proxy import FaultyProxy, faulty_proxy

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncGenerator[FaultyProxy]:
    """A proxy of an echo server."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, faulty_proxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def connected(proxy: FaultyProxy) -> AsyncGenerator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def echoed(connection: Connection, data: bytes) -> float:
    """The seconds until `data` came back."""
    reader, writer = connection
    began = time.monotonic()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return time.monotonic() - began


async def test_a_delay_holds_for_both_directions_and_does_not_add_up(proxy: FaultyProxy):
    async with connected(proxy) as connection:
        await echoed(connection, b"before")
        proxy.delay(100)

        # One after another, the 32 chunks of 2 MB would need more than 6 s.
        assert 0.2 <= await echoed(connection, b"x" * 2_000_000) < 3


async def test_a_throttled_connection_takes_its_time(proxy: FaultyProxy):
    async with connected(proxy) as connection:
        proxy.throttle(100_000)

        assert await echoed(connection, b"x" * 30_000) >= 0.3


async def test_a_cut_ends_a_message_in_its_middle(proxy: FaultyProxy):
    async with connected(proxy) as (reader, writer), connected(proxy) as (other, _):
        proxy.cut(after_bytes=1_000)
        writer.write(b"x" * 5_000)

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1_001)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await other.readexactly(1)
    async with connected(proxy) as connection:
        await echoed(connection, b"x" * 5_000)


async def test_a_black_hole_forwards_nothing_until_it_is_restored(proxy: FaultyProxy):
    async with connected(proxy) as old:
        await echoed(old, b"before")
        proxy.blackhole()
        async with connected(proxy) as new:
            for reader, writer in (old, new):
                writer.write(b"held")
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(reader.readexactly(1), 0.3)

            proxy.restore()

            for reader, _ in (old, new):
                assert await reader.readexactly(4) == b"held"


async def test_a_client_that_leaves_is_disconnected(proxy: FaultyProxy):
    async with connected(proxy) as connection:
        await echoed(connection, b"hello")
        assert proxy.open_connections == 1
    async with asyncio.timeout(10):
        await proxy.wait_until_left()
