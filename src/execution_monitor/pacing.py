"""Streams over HTTP at a pace: a sign of life in every silence, and an end when the caller's token expires."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

# Proxies give up on a silent response after 30 to 60 seconds.
HEARTBEAT_SECONDS = 12.0


async def pace(payloads: AsyncGenerator[bytes], expires_at: datetime | None) -> AsyncGenerator[bytes | None]:
    """`payloads`, with a None for each silence, until they end or `expires_at`; they are closed in the end."""
    following: asyncio.Task[bytes] | None = None
    try:
        while True:
            left = HEARTBEAT_SECONDS if expires_at is None else (expires_at - datetime.now(UTC)).total_seconds()
            if left <= 0:
                return
            following = following or asyncio.create_task(_next(payloads))
            await asyncio.wait({following}, timeout=min(left, HEARTBEAT_SECONDS))
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
