"""Streams over HTTP at a pace: a sign of life in every silence, and an end when the caller's token ends."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

# Proxies give up on a silent response after 30 to 60 seconds.
HEARTBEAT_SECONDS = 12.0


async def pace(payloads: AsyncGenerator[bytes], ended: asyncio.Future[Any]) -> AsyncGenerator[bytes | None]:
    """`payloads`, with a None for each silence, until they end or `ended` is set; they are closed in the end."""
    following: asyncio.Task[bytes] | None = None
    try:
        while not ended.done():
            following = following or asyncio.create_task(_next(payloads))
            await asyncio.wait({following, ended}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return
            if not following.done():
                yield None
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


async def _next(payloads: AsyncGenerator[bytes]) -> bytes:
    return await anext(payloads)
