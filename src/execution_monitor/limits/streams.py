"""Limit open WebSockets and streams by caller and address, and end each when its token expires or is revoked."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from execution_monitor.asgi.origin import network_of
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.revocations import Revocations, reason_for
from execution_monitor.errors import RateLimited, ServerBusy

EXPIRED = "Your token has expired; get a new one."
EXPIRED_KEY = "Your access key has expired; make a new one."

# Done when the token of a stream has ended, with the reason for the caller.
Ended = asyncio.Future[str]

# A client that is refused for its other connections gains nothing from trying again at once.
_RETRY_SECONDS = 10
# The queue of handshakes for sockets that have not authenticated: seconds in it, fewer than clients wait for a
# handshake, and its length as a multiple of the sockets that may wait to authenticate.
_QUEUE_SECONDS = 5.0
_QUEUE_FACTOR = 4
_BUSY = "Too many sockets have not authenticated yet; try again."
# Timers do not count the seconds that this machine sleeps, nor changes of its clock: the time is read this often.
_MAX_TIMER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many sockets and streams may be open at once in this process; each takes some 40 kB.

    Attributes:
        waiting: sockets that have not authenticated yet.
    """

    per_caller: int = 1_000
    per_address: int = 10_000
    waiting: int = 1_000

    @property
    def waiting_per_address(self) -> int:
        """A quarter of `waiting`, so that no address alone keeps all others out."""
        return max(1, self.waiting // 4)


class OpenStreams:
    """Counts the open sockets and streams of this process, and the sockets that have not authenticated yet.

    `is_proxy` says which addresses are proxies: they are not limited, since they stand for many clients.
    """

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
        self._queue: dict[asyncio.Future[None], None] = {}
        self._reserved = 0  # places of sockets that were let through and have not opened yet

    def hold(self, caller: Caller, address: str | None = None) -> "OpenStream":
        """A stream to open; opening it raises `RateLimited` when the caller or the address has too many."""
        return OpenStream(self, caller, address)

    def wait(self, address: str | None) -> "WaitingSocket":
        """A socket to open that has not authenticated yet.

        Opening it raises `ServerBusy` when there are too many of them, `RateLimited` when there are too many of this
        address.
        """
        return WaitingSocket(self, address)

    def require_room(self, caller: Caller, address: str | None) -> None:
        """Raise `RateLimited` when one more stream could not be opened."""
        if self.by_caller[caller.tenant, caller.subject] >= self._limits.per_caller:
            raise _refusal("You hold", self._limits.per_caller)
        network = self.network_of(address)
        if network is not None and self.by_network[network] >= self._limits.per_address:
            raise _refusal("Your address holds", self._limits.per_address)

    async def take_turn(self, address: str | None) -> None:
        """Return when one more socket may wait to authenticate, in the order of the calls; open it then at once.

        Clients that all reconnect at once are let in as fast as those before them authenticate.

        Raises:
            RateLimited: too many sockets of this address wait.
            ServerBusy: the queue is full, or waiting in it takes too long.
        """
        self._require_share(address)
        if self._has_place and not self._queue:
            return
        if len(self._queue) >= _QUEUE_FACTOR * self._limits.waiting:
            raise ServerBusy(_BUSY)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[turn] = None
        try:
            async with asyncio.timeout(_QUEUE_SECONDS):
                await turn
        except BaseException as error:
            self._queue.pop(turn, None)
            if turn.done() and not turn.cancelled():
                # The place that was reserved for it goes to the next one.
                self._reserved -= 1
                self.call_next()
            if isinstance(error, TimeoutError):
                raise ServerBusy(_BUSY) from error
            raise
        self._reserved -= 1

    def call_next(self) -> None:
        """Reserve free places for the first sockets in the queue, and let them through."""
        while self._queue and self._has_place:
            turn = next(iter(self._queue))
            del self._queue[turn]
            if not turn.done():
                self._reserved += 1
                turn.set_result(None)

    @property
    def _has_place(self) -> bool:
        return self.waiting.total() + self._reserved < self._limits.waiting

    def require_room_to_wait(self, address: str | None) -> None:
        """Raise `ServerBusy` or `RateLimited` when one more socket could not wait to authenticate."""
        if self.waiting.total() >= self._limits.waiting:
            raise ServerBusy(_BUSY)
        self._require_share(address)

    def _require_share(self, address: str | None) -> None:
        network = self.network_of(address)
        if network is not None and self.waiting[network] >= self._limits.waiting_per_address:
            raise RateLimited("Too many sockets of your address have not authenticated yet.", _RETRY_SECONDS)

    def network_of(self, address: str | None) -> str | None:
        """What counts as one address; None for a proxy that forwards no address, which stands for all its clients."""
        return None if address is None or self._is_proxy(address) else network_of(address)


class OpenStream:
    """An open socket or stream of `caller`; small, since there are many thousands."""

    __slots__ = ("_address", "_caller", "_ended", "_streams", "_timer")

    def __init__(self, streams: OpenStreams, caller: Caller, address: str | None) -> None:
        self._streams = streams
        self._caller = caller
        self._address = address
        self._ended: Ended | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> Ended:
        """A future that is done, with the reason for the caller, when the token expires or is revoked.

        Raises `RateLimited` when the caller or the address has too many.
        """
        self._streams.require_room(self._caller, self._address)
        self._ended = asyncio.get_running_loop().create_future()
        self._count(1)
        self._streams.revocations.add_listener(self._check)
        self._check()
        return self._ended

    def close(self) -> None:
        """Make room for another; calling it again does nothing."""
        if self._ended is None:
            return
        self._ended = None
        self._count(-1)
        self._streams.revocations.remove_listener(self._check)
        self._stop_timer()

    def __enter__(self) -> Ended:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, change: int) -> None:
        _add(self._streams.by_caller, (self._caller.tenant, self._caller.subject), change)
        _add(self._streams.by_network, self._streams.network_of(self._address), change)

    def _check(self) -> None:
        """End the stream if its token has ended; else check again in time."""
        self._stop_timer()
        if self._ended is None or self._ended.done():
            return
        if self._streams.revocations.include(self._caller):
            self._ended.set_result(reason_for(self._caller))
            return
        if self._caller.valid_until is None:
            return
        left = (self._caller.valid_until - datetime.now(UTC)).total_seconds()
        if left <= 0:
            self._ended.set_result(EXPIRED_KEY if self._caller.is_key else EXPIRED)
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left, _MAX_TIMER_SECONDS), self._check)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class WaitingSocket:
    """An open socket that has not authenticated yet."""

    __slots__ = ("_address", "_is_open", "_streams")

    def __init__(self, streams: OpenStreams, address: str | None) -> None:
        self._streams = streams
        self._address = address
        self._is_open = False

    def open(self) -> None:
        """Count it; raises `ServerBusy` or `RateLimited` when there are too many."""
        self._streams.require_room_to_wait(self._address)
        self._is_open = True
        _add(self._streams.waiting, self._streams.network_of(self._address), 1)

    def close(self) -> None:
        """Make room for another; calling it again does nothing."""
        if self._is_open:
            self._is_open = False
            _add(self._streams.waiting, self._streams.network_of(self._address), -1)
            self._streams.call_next()

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
