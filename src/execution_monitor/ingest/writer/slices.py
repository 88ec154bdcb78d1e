"""Slices of work: what takes long is done a few milliseconds at a time, so that other tasks get their turns."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

SLICE_SECONDS = 0.005


async def in_slices(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Iterate over `items`, and let others run whenever that and what is done with them has taken a slice of time."""
    since = time.perf_counter()
    for item in items:
        yield item
        if time.perf_counter() - since > SLICE_SECONDS:
            await asyncio.sleep(0)
            since = time.perf_counter()
