"""Sockets and streams that outlive their request: each ends when the token that opened it is accepted no longer."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from execution_monitor.asgi.origin import network_of
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.revocations import REVOKED, Revocations
from execution_monitor.errors import RateLimited, ServerBusy

EXPIRED = "Your token has expired; get a new one."

# What a caller is told when the token ends.
Ended = asyncio.Future[str]

# A client that is refused for its other connections gains nothing from coming back at once.
_RETRY_SECONDS = 10
# Sockets that stand in line for a place among those who wait: for so long, less than clients give a handshake, and so
# many times as many as there are places.
_LINE_SECONDS = 5.0
_LINES = 4
_BUSY = "Too many sockets wait to say whose they are; try again."
# Timers count seconds that this machine is awake; after a sleep, or a change of its clock, they would be late.
_LONGEST_TIMER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many sockets and streams may be open at once in this process; each takes some 40 KB."""

    per_caller: int = 1_000
    per_address: int = 10_000
    waiting: int = 1_000  # those that have not said yet whose they are

    @property
    def waiting_per_address(self) -> int:
        """A quarter: no address alone may keep everybody else out."""
        return max(1, self.waiting // 4)


class OpenStreams:
    """Everybody who holds a socket or a stream open, and everybody who has not said yet who they are."""

    def __init__(
        self,
        revocations: Revocations,
        limits: StreamLimits | None = None,
        is_proxy: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.revocations = revocations
        self._is_proxy = is_proxy
        self._limits = limits or StreamLimits()
        self.by_caller: Counter[tuple[str, str]] = Counter()
        self.by_network: Counter[str | None] = Counter()
        self.waiting: Counter[str | None] = Counter()
        self._line: dict[asyncio.Future[None], None] = {}
        self._promised = 0  # places of those who were called and have yet to come

    def hold(self, caller: Caller, address: str | None = None) -> "OpenStream":
        """A session to open; that raises `RateLimited` when the caller or the address holds as many as they may."""
        return OpenStream(self, caller, address)

    def wait(self, address: str | None) -> "Waiting":
        """A place to take among those who wait.

        That raises `ServerBusy` when they are too many, `RateLimited` when too many are of this address.
        """
        return Waiting(self, address)

    def require_room(self, caller: Caller, address: str | None) -> None:
        """Raise `RateLimited` when one more could not be held."""
        if self.by_caller[caller.tenant, caller.subject] >= self._limits.per_caller:
            raise _refusal("You hold", self._limits.per_caller)
        network = self.network_of(address)
        if network is not None and self.by_network[network] >= self._limits.per_address:
            raise _refusal("Your address holds", self._limits.per_address)

    async def take_turn(self, address: str | None) -> None:
        """Return when one more may wait, in the order of the calls: open it then, without a pause.

        Clients that all come back at once are let in as fast as those before them say who they are. Raises
        `RateLimited` when too many wait of this address, `ServerBusy` when that takes too long.
        """
        self._require_share(address)
        if self._has_place and not self._line:
            return
        if len(self._line) >= _LINES * self._limits.waiting:
            raise ServerBusy(_BUSY)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line[turn] = None
        try:
            async with asyncio.timeout(_LINE_SECONDS):
                await turn
        except BaseException as error:
            self._line.pop(turn, None)
            if turn.done() and not turn.cancelled():
                # The place that was promised to one who leaves is another's.
                self._promised -= 1
                self.call_next()
            if isinstance(error, TimeoutError):
                raise ServerBusy(_BUSY) from error
            raise
        self._promised -= 1

    def call_next(self) -> None:
        """Promise places that are free to the first in line."""
        while self._line and self._has_place:
            turn = next(iter(self._line))
            del self._line[turn]
            if not turn.done():
                self._promised += 1
                turn.set_result(None)

    @property
    def _has_place(self) -> bool:
        return self.waiting.total() + self._promised < self._limits.waiting

    def require_room_to_wait(self, address: str | None) -> None:
        """Raise `ServerBusy` or `RateLimited` when one more could not wait."""
        if self.waiting.total() >= self._limits.waiting:
            raise ServerBusy(_BUSY)
        self._require_share(address)

    def _require_share(self, address: str | None) -> None:
        network = self.network_of(address)
        if network is not None and self.waiting[network] >= self._limits.waiting_per_address:
            raise RateLimited("Too many sockets of your address wait to say whose they are.", _RETRY_SECONDS)

    def network_of(self, address: str | None) -> str | None:
        """What counts as one address; None for that of a proxy which forwards no other: it stands for all behind it."""
        return None if address is None or self._is_proxy(address) else network_of(address)


class OpenStream:
    """A socket or a stream of `caller`, while it is open; with many thousands at once, it is kept small."""

    __slots__ = ("_address", "_caller", "_ended", "_sessions", "_timer")

    def __init__(self, sessions: OpenStreams, caller: Caller, address: str | None) -> None:
        self._sessions = sessions
        self._caller = caller
        self._address = address
        self._ended: Ended | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> Ended:
        """A future that is set, with what to tell the caller, once the token has expired or is revoked.

        Raises `RateLimited` when there is no room.
        """
        self._sessions.require_room(self._caller, self._address)
        self._ended = asyncio.get_running_loop().create_future()
        self._count(1)
        self._sessions.revocations.listen(self._look)
        self._look()
        return self._ended

    def close(self) -> None:
        """Make room for another, once."""
        if self._ended is None:
            return
        self._ended = None
        self._count(-1)
        self._sessions.revocations.forget(self._look)
        self._stop_timer()

    def __enter__(self) -> Ended:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, change: int) -> None:
        _add(self._sessions.by_caller, (self._caller.tenant, self._caller.subject), change)
        _add(self._sessions.by_network, self._sessions.network_of(self._address), change)

    def _look(self) -> None:
        """End the session when its token has ended; else look again in time."""
        self._stop_timer()
        if self._ended is None or self._ended.done():
            return
        if self._sessions.revocations.hold(self._caller):
            self._ended.set_result(REVOKED)
            return
        if self._caller.valid_until is None:
            return
        left = (self._caller.valid_until - datetime.now(UTC)).total_seconds()
        if left <= 0:
            self._ended.set_result(EXPIRED)
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left, _LONGEST_TIMER_SECONDS), self._look)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Waiting:
    """A socket that has not said yet whose it is, while it is open."""

    __slots__ = ("_address", "_is_open", "_sessions")

    def __init__(self, sessions: OpenStreams, address: str | None) -> None:
        self._sessions = sessions
        self._address = address
        self._is_open = False

    def open(self) -> None:
        """Take a place; raises `ServerBusy` or `RateLimited` when there is none."""
        self._sessions.require_room_to_wait(self._address)
        self._is_open = True
        _add(self._sessions.waiting, self._sessions.network_of(self._address), 1)

    def close(self) -> None:
        """Make room for another, once."""
        if self._is_open:
            self._is_open = False
            _add(self._sessions.waiting, self._sessions.network_of(self._address), -1)
            self._sessions.call_next()

    def __enter__(self) -> None:
        self.open()

    def __exit__(self, *_: object) -> None:
        self.close()


def _add(counts: "Counter[Any]", key: object, change: int) -> None:
    counts[key] += change
    if counts[key] == 0:
        del counts[key]


def _refusal(who: str, limit: int) -> RateLimited:
    return RateLimited(f"{who} {limit:,} sockets and streams open, the most there may be; close one.", _RETRY_SECONDS)
