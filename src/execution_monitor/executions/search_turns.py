"""Turns to search: how many lists that no index serves are searched for one caller at once."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Hashable
from dataclasses import dataclass, field

from execution_monitor.errors import RateLimited

# One for what a page shows, one for what its reader asks for meanwhile.
AT_ONCE = 2
# A search takes half a second; more than these wait in vain.
_MOST_WAITING = 8
_RETRY_SECONDS = 2


@dataclass(slots=True)
class _Turns:
    free: asyncio.Semaphore
    users: int = 0


@dataclass(frozen=True, slots=True)
class SearchTurns:
    """Lets each caller run `at_once` searches at once; further ones wait for their turn."""

    at_once: int = AT_ONCE
    _turns: dict[Hashable, _Turns] = field(default_factory=dict[Hashable, _Turns], init=False, repr=False)

    @contextlib.asynccontextmanager
    async def of(self, caller: Hashable) -> AsyncGenerator[None]:
        """Wait for a turn of `caller`, and end it on exit.

        Raises:
            RateLimited: Too many searches of theirs wait already.
        """
        turns = self._turns.setdefault(caller, _Turns(asyncio.Semaphore(self.at_once)))
        if turns.users >= self.at_once + _MOST_WAITING:
            raise RateLimited(
                f"{turns.users:,} searches of yours run or wait; try again in {_RETRY_SECONDS} seconds, or filter by "
                "a status, a workflow or a shorter time.",
                _RETRY_SECONDS,
            )
        turns.users += 1
        try:
            async with turns.free:
                yield
        finally:
            turns.users -= 1
            if not turns.users:
                self._turns.pop(caller, None)
