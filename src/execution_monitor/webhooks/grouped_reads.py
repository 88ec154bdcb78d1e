"""Grouped reads: single documents that many attempts need at the same time, in one query to MongoDB.

A query is sent at once where none is on its way, and with the keys of all who have called meanwhile where one is. What
a caller gets was read after its call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from execution_monitor.tasks import end_tasks

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class GroupedReads(Generic[Key, Value]):
    """Finds values by their keys, for many callers with one call of `read`, which leaves out what is not there."""

    def __init__(self, read: Callable[[AbstractSet[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._read = read
        self._wanted = dict[Key, asyncio.Future[Value | None]]()
        self._reading: asyncio.Task[None] | None = None

    async def find(self, key: Key) -> Value | None:
        """The value of `key`, or None; raises what `read` raises."""
        if key not in self._wanted:
            self._wanted[key] = asyncio.get_running_loop().create_future()
        found = self._wanted[key]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_wanted())
        # Others wait for it, too.
        return await asyncio.shield(found)

    async def close(self) -> None:
        """End the query that is on its way."""
        if self._reading is not None:
            await end_tasks(self._reading)

    async def _read_wanted(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            try:
                found = await self._read(wanted.keys())
            except Exception as error:  # noqa: BLE001 - for those who wait
                for each in wanted.values():
                    each.set_exception(error)
                    # Whoever wanted it may have been cancelled.
                    each.exception()
            else:
                for key, each in wanted.items():
                    each.set_result(found.get(key))
            finally:
                # Those that have no result: this task was ended.
                for each in wanted.values():
                    each.cancel()
