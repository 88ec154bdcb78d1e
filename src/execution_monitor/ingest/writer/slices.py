"""Slices of work: what takes long is done a few milliseconds at a time, so that other tasks get their turns."""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from execution_monitor.turns import Turns

Item = TypeVar("Item")


async def in_slices(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Iterate over `items`, and let others run whenever that and what is done with them has taken a turn."""
    turns = Turns()
    for item in items:
        yield item
        await turns.give_way()
