"""Pools of connections, one for each receiver, so that a request costs no more where there are many receivers."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import httpcore2

# Receivers that answer slowly hold a connection for ten seconds each.
MAX_CONNECTIONS_OF_ONE = 32
# Beyond it the pools that were not used for longest are closed; each connection is an open file.
_MAX_IDLE = 200
IDLE_SECONDS = 30.0
_SWEEP_SECONDS = 1.0


@dataclass(slots=True)
class _Pool:
    pool: httpcore2.AsyncConnectionPool
    in_use: int = 0
    used_at: float = 0.0


class Pools:
    """The pools of one process.

    A pool looks at each of its connections for every request, which with those of 100 receivers takes longer than the
    rest of it.

    Args:
        make: makes a pool.
        clock: seconds, of which only differences count.
    """

    def __init__(
        self, make: Callable[[], httpcore2.AsyncConnectionPool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._clock = clock
        # Those that were used last come last.
        self._pools: OrderedDict[str, _Pool] = OrderedDict()
        self._sweep_at = 0.0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pools)

    @contextlib.asynccontextmanager
    async def of(self, authority: str) -> AsyncGenerator[httpcore2.AsyncConnectionPool]:
        """The pool of a scheme, host and port during the block."""
        await self._sweep()
        pool = self._pools.get(authority)
        if pool is None:
            pool = self._pools[authority] = _Pool(self._make())
        self._pools.move_to_end(authority)
        pool.in_use += 1
        try:
            yield pool.pool
        finally:
            pool.in_use -= 1
            pool.used_at = self._clock()

    async def aclose(self) -> None:
        """Close all connections."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.pool.aclose()

    async def _sweep(self) -> None:
        """Close the pools that have not been used for long, and so many of the others that not too much is open."""
        now = self._clock()
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_SECONDS
        sizes = {name: len(each.pool.connections) for name, each in self._pools.items()}
        too_many = sum(sizes.values()) - _MAX_IDLE
        closing = list[_Pool]()
        for name, pool in list(self._pools.items()):
            if not pool.in_use and (too_many > 0 or now - pool.used_at >= IDLE_SECONDS):
                closing.append(self._pools.pop(name))
                too_many -= sizes[name]
        for each in closing:
            await each.pool.aclose()
