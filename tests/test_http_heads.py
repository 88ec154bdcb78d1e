"""Heads of requests are bounded; bodies and what is sent after them are not mistaken for heads."""

import asyncio
from pathlib import Path

import pytest

from execution_monitor.http_heads import MAX_HEAD_BYTES
from execution_monitor.storage.database import Database
from tests.serving import serving

SOON = 10.0


@pytest.fixture
def uri(mongodb_uri: str, database: Database) -> str:
    return mongodb_uri


async def exchange(port: int, *parts: bytes) -> bytes:
    """What a server says to `parts`, sent one by one, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(SOON):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            return await reader.read()
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()


def filler(size: int) -> list[bytes]:
    line = b"X-Filler: " + b"x" * 990 + b"\r\n"
    return [line] * (size // len(line))


async def test_heads_are_bounded_and_bodies_are_not_taken_for_heads(tmp_path: Path, uri: str, database_name: str):
    with serving(tmp_path, uri, database_name) as running:
        begin = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
        end = b"Connection: close\r\n\r\n"
        body = b"x" * (2 * MAX_HEAD_BYTES)
        posted = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)

        chunked = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"

        large = await exchange(running.port, begin, *filler(MAX_HEAD_BYTES - 4_096), end)
        too_large = await exchange(running.port, begin, *filler(4 * MAX_HEAD_BYTES))
        endless_line = await exchange(running.port, begin, b"X: ", *[b"x" * 4_096] * 64)
        at_once = await exchange(running.port, begin + b"".join(filler(MAX_HEAD_BYTES + 8_192)) + end)
        trailers = await exchange(running.port, chunked, b"X: ", *[b"x" * 4_096] * 64)
        after_a_body = await exchange(running.port, posted, body, begin + end)

    assert large.startswith(b"HTTP/1.1 200 OK")
    assert too_large.startswith(b"HTTP/1.1 431") or too_large == b"reset"
    assert endless_line.startswith(b"HTTP/1.1 431") or endless_line == b"reset"
    assert at_once.startswith(b"HTTP/1.1 431") or at_once == b"reset"
    assert b"HTTP/1.1 431" in trailers or trailers == b"reset"
    assert after_a_body.startswith(b"HTTP/1.1 405")
    assert b"HTTP/1.1 200 OK" in after_a_body
