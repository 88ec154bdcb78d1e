"""Counts of executions, and a short-lived cache of them: a count costs as much as several pages."""

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from execution_monitor.lru_cache import LruCache

# The pages of a list, and all clients that watch it, need the same count again and again.
_MAX_COUNTS = 1_024


@dataclass(frozen=True, slots=True)
class CountResult:
    """The number of rows that match; not exact where counting stopped at a limit."""

    total: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    count: CountResult


@dataclass(frozen=True, slots=True)
class CountCache:
    """A cache of counts that are at most `seconds` old."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _read: LruCache[_Read] = field(default_factory=lambda: LruCache(_MAX_COUNTS), init=False, repr=False, compare=False)

    async def get(self, key: Hashable, read: Callable[[], Awaitable[CountResult]]) -> CountResult:
        """Return the count under `key`, from `read` where it is missing or too old; raises what `read` raises.

        The key must contain everything that the count depends on, visibility included.
        """
        started = self.clock()
        known = self._read.get(key)
        if known is not None and started - known.at < self.seconds:
            return known.count
        count = await read()
        # Its age starts before the read: later writes may not be counted.
        self._read.put(key, _Read(started, count))
        return count
