"""Turns: long work on the event loop gives way to requests, again and again."""

import asyncio
import time

# A request waits for such a turn of each work that goes on, whenever it comes back to the event loop, as from MongoDB.
# A fifth of it made no difference to the p99 of lists beside reports: the processors are what they wait for.
TURN_SECONDS = 0.005


class Turns:
    """The turns of one piece of work: await `give_way` after each part of it, however small."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = time.perf_counter() + TURN_SECONDS

    async def give_way(self) -> None:
        """Let others have their turn, if this one is over; what happens between the calls counts as well."""
        if time.perf_counter() > self._ends:
            await asyncio.sleep(0)
            self._ends = time.perf_counter() + TURN_SECONDS
