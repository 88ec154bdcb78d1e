"""Sockets and streams that outlive their request: each ends when the token that opened it does."""

import asyncio
from collections import Counter
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from execution_monitor.access.caller import Caller
from execution_monitor.access.origins import network_of
from execution_monitor.access.revocations import REVOKED, Revocations
from execution_monitor.errors import RateLimited, ServerBusy

EXPIRED = "Your token has expired; get a new one."

# What a caller is told when the token ends.
Ended = asyncio.Future[str]

# A client that is refused for its other connections gains nothing from coming back at once.
_RETRY_SECONDS = 10
# Timers count seconds that this machine is awake; after a sleep, or a change of its clock, they would be late.
_LONGEST_TIMER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sockets and streams may be open at once in this process; each takes some 40 KB."""

    per_caller: int = 1_000
    per_address: int = 10_000
    waiting: int = 1_000  # those that have not said yet whose they are

    @property
    def waiting_per_address(self) -> int:
        """A quarter: no address alone may keep everybody else out."""
        return max(1, self.waiting // 4)


class Sessions:
    """Everybody who holds a socket or a stream open."""

    def __init__(self, revocations: Revocations, limits: SessionLimits | None = None) -> None:
        self._revocations = revocations
        self._limits = limits or SessionLimits()
        self._by_caller: Counter[tuple[str, str]] = Counter()
        self._by_network: Counter[str | None] = Counter()
        self._waiting_by_network: Counter[str | None] = Counter()

    @contextmanager
    def hold(self, caller: Caller, address: str | None = None) -> Generator[Ended]:
        """A future that is set, with what to tell the caller, once the token has expired or is revoked.

        Raises `RateLimited` when the caller or the address holds as many as they may.
        """
        self.require_room(caller, address)
        session = _Session(caller, self._revocations)
        stop_listening = self._revocations.listen(session.look)
        session.look()
        try:
            counted = _counted(self._by_caller, (caller.tenant, caller.subject))
            with counted, _counted(self._by_network, _network_of(address)):
                yield session.ended
        finally:
            stop_listening()
            session.close()

    def require_room(self, caller: Caller, address: str | None) -> None:
        """Raise `RateLimited` when one more could not be held."""
        if self._by_caller[caller.tenant, caller.subject] >= self._limits.per_caller:
            raise _refusal("You hold", self._limits.per_caller)
        if address is not None and self._by_network[_network_of(address)] >= self._limits.per_address:
            raise _refusal("Your address holds", self._limits.per_address)

    @contextmanager
    def wait(self, address: str | None) -> Generator[None]:
        """Count a socket of `address` among those that have not said yet whose they are.

        Raises `ServerBusy` when they are too many, `RateLimited` when too many are of this address.
        """
        network = _network_of(address)
        if self._waiting_by_network.total() >= self._limits.waiting:
            raise ServerBusy("Too many sockets wait to say whose they are; try again.")
        if network is not None and self._waiting_by_network[network] >= self._limits.waiting_per_address:
            raise RateLimited("Too many sockets of your address wait to say whose they are.", _RETRY_SECONDS)
        with _counted(self._waiting_by_network, network):
            yield


@contextmanager
def _counted(counts: "Counter[Any]", key: Hashable) -> Generator[None]:
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if counts[key] == 0:
            del counts[key]


def _network_of(address: str | None) -> str | None:
    return None if address is None else network_of(address)


def _refusal(who: str, limit: int) -> RateLimited:
    return RateLimited(f"{who} {limit:,} sockets and streams open, the most there may be; close one.", _RETRY_SECONDS)


class _Session:
    def __init__(self, caller: Caller, revocations: Revocations) -> None:
        self._caller = caller
        self._revocations = revocations
        self._timer: asyncio.TimerHandle | None = None
        self.ended: Ended = asyncio.get_running_loop().create_future()

    def look(self) -> None:
        """End the session when its token has ended; else look again in time."""
        self.close()
        if self.ended.done():
            return
        if self._revocations.hold(self._caller):
            self.ended.set_result(REVOKED)
            return
        if self._caller.expires_at is None:
            return
        left = (self._caller.expires_at - datetime.now(UTC)).total_seconds()
        if left <= 0:
            self.ended.set_result(EXPIRED)
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left, _LONGEST_TIMER_SECONDS), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
