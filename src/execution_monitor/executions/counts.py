"""Counts, and the memory of those that were read a moment ago: a count costs as much as several pages."""

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from execution_monitor.lru_cache import Recent

# Pages of a list, and everybody who watches the same one, ask for the same count again and again.
_REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class CountResult:
    """How many there are, as far as was counted."""

    total: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    counted: CountResult


@dataclass(frozen=True, slots=True)
class CountCache:
    """Counts that are `seconds` old at most."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _read: Recent[_Read] = field(default_factory=lambda: Recent(_REMEMBERED), init=False, repr=False, compare=False)

    async def get(self, key: Hashable, read: Callable[[], Awaitable[CountResult]]) -> CountResult:
        """The count under `key`, by `read` where it is not known or too old; raises what `read` raises.

        The key must tell all that the count depends on, who may see what included.
        """
        begun = self.clock()
        known = self._read.get(key)
        if known is not None and begun - known.at < self.seconds:
            return known.counted
        counted = await read()
        # As old as its begin: what was written since may not be in it.
        self._read.put(key, _Read(begun, counted))
        return counted
