"""Heartbeats for event streams over HTTP, which also end the stream when the caller's token ends."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

# Proxies give up on a silent response after 30 to 60 seconds.
HEARTBEAT_SECONDS = 12.0


async def with_heartbeats(payloads: AsyncGenerator[bytes], ended: asyncio.Future[Any]) -> AsyncGenerator[bytes | None]:
    """Yield `payloads`, and None for a heartbeat every `HEARTBEAT_SECONDS`, until they end or `ended` is done.

    Heartbeats come between payloads without a pause, too, since they report how late those are. Closes `payloads`.
    """
    upcoming: asyncio.Task[bytes] | None = None
    clock = asyncio.get_running_loop().time
    due = clock() + HEARTBEAT_SECONDS
    try:
        while not ended.done():
            upcoming = upcoming or asyncio.create_task(_next(payloads))
            pause = max(0.0, due - clock())
            await asyncio.wait({upcoming, ended}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return
            if clock() >= due:
                due = clock() + HEARTBEAT_SECONDS
                yield None
                continue
            if not upcoming.done():
                continue
            done, upcoming = upcoming, None
            try:
                yield done.result()
            except StopAsyncIteration:
                return
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
        await payloads.aclose()


def heartbeat_comment(behind_seconds: int) -> bytes:
    """A heartbeat for Server-Sent Events: a comment with the seconds that live updates are behind the database."""
    return b": behindSeconds=%d\n\n" % behind_seconds


async def _next(payloads: AsyncGenerator[bytes]) -> bytes:
    return await anext(payloads)
