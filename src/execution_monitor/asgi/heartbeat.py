"""Streams over HTTP at a pace: a sign of life every few seconds, and an end when the caller's token ends."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

# Proxies give up on a silent response after 30 to 60 seconds.
HEARTBEAT_SECONDS = 12.0


async def with_heartbeats(payloads: AsyncGenerator[bytes], ended: asyncio.Future[Any]) -> AsyncGenerator[bytes | None]:
    """`payloads`, with a None every `HEARTBEAT_SECONDS`, until they end or `ended` is set; they are closed in the end.

    Also between payloads that come without a pause: it tells how late they are.
    """
    following: asyncio.Task[bytes] | None = None
    clock = asyncio.get_running_loop().time
    due = clock() + HEARTBEAT_SECONDS
    try:
        while not ended.done():
            following = following or asyncio.create_task(_next(payloads))
            pause = max(0.0, due - clock())
            await asyncio.wait({following, ended}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return
            if clock() >= due:
                due = clock() + HEARTBEAT_SECONDS
                yield None
                continue
            if not following.done():
                continue
            done, following = following, None
            try:
                yield done.result()
            except StopAsyncIteration:
                return
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await payloads.aclose()


def heartbeat_comment(behind_seconds: int) -> bytes:
    """The heartbeat of Server-Sent Events: a comment that tells how many seconds live updates are behind."""
    return b": behindSeconds=%d\n\n" % behind_seconds


async def _next(payloads: AsyncGenerator[bytes]) -> bytes:
    return await anext(payloads)
