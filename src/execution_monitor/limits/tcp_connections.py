"""Limit TCP connections: how many may be open, how long each may be idle, and which is closed to make room."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.asgi.origin import network_of, proxies_in
from execution_monitor.observability.metrics.families import counter, counters_by, gauge, gauges_by

# The key of the lifespan's state (ASGI) under which an application passes its `TcpConnections` to the server.
CONNECTIONS_KEY = "client_connections"
# A process that stood still for longer must not take that for silent clients, whose bytes wait in the kernel.
_MAX_STEP_SECONDS = 0.5


class Phase(Enum):
    """What a connection is doing. Every phase but the last has a time limit."""

    WAITING = "waiting"  # no byte of a request has come yet
    HEAD = "head"  # part of a head has come
    BODY = "body"  # part of a body has come
    IDLE = "idle"  # between two requests
    DRAINING = "draining"  # responded to, or refused; what the client still sends is discarded
    UNREAD = "unread"  # the client does not read its response, and the buffers on the way are full
    CLOSING = "closing"  # to be closed once the client has read what was sent
    ACTIVE = "active"  # a request is served, or a WebSocket or a stream is open

    # By identity: a hash of the name would be a Python call for each look-up.
    __hash__ = object.__hash__


# Which connections are closed to make room, the oldest of the first group that has any: silent ones, then those without
# a complete head or those that are done, then slow ones.
_DISPLACEABLE = (
    (Phase.WAITING, Phase.IDLE),
    (Phase.HEAD, Phase.DRAINING, Phase.CLOSING),
    (Phase.BODY, Phase.UNREAD),
)
_RANKS = {phase: rank for rank, phases in enumerate(_DISPLACEABLE) for phase in phases}


@dataclass(frozen=True, slots=True)
class TcpConnectionLimits:
    """How many connections this process may have, and how many seconds each may stay in a phase."""

    total: int = 15_000
    per_address: int = 10_000
    first_byte_seconds: float = 30.0
    head_seconds: float = 15.0
    body_bytes_per_second: int = 1_000
    body_window_seconds: float = 10.0  # over which the rate is measured, so that a body may pause that long
    keep_alive_seconds: float = 75.0
    draining_seconds: float = 30.0  # as nginx lingers for a client that sends before it reads
    unread_seconds: float = 60.0  # without a byte read

    @property
    def seconds(self) -> Mapping[Phase, float]:
        """The time limit of each phase that has one."""
        return {
            Phase.WAITING: self.first_byte_seconds,
            Phase.HEAD: self.head_seconds,
            Phase.BODY: self.body_window_seconds,
            Phase.IDLE: self.keep_alive_seconds,
            Phase.DRAINING: self.draining_seconds,
            Phase.UNREAD: self.unread_seconds,
            Phase.CLOSING: self.unread_seconds,
        }


class ConnectionHandler(Protocol):
    """Speaks a protocol over a connection, such as HTTP."""

    def time_out(self, phase: Phase) -> bool:
        """Called when the connection reaches the time limit of `phase`; whether it ends the connection."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class _AddressConnections:
    """The connections of one address, and those of them that may be closed, by rank and oldest first."""

    __slots__ = ("count", "ranks")

    def __init__(self) -> None:
        self.count = 0
        self.ranks: tuple[dict[Connection, None], ...] = tuple({} for _ in _DISPLACEABLE)

    def find_oldest(self) -> "Connection | None":
        return next((next(iter(rank)) for rank in self.ranks if rank), None)


class Connection:
    """One connection: its phase, and since when by the clock of `TcpConnections`."""

    __slots__ = ("_all", "_queue", "_queues", "_rank", "_siblings", "address", "handler", "phase", "since")

    def __init__(
        self,
        connections: "TcpConnections",
        handler: ConnectionHandler,
        address: str | None = None,
        siblings: _AddressConnections | None = None,
    ) -> None:
        self._all = connections
        self._queues: Mapping[Phase, dict[Connection, None]] = connections.queues
        self._siblings = siblings
        self._queue: dict[Connection, None] | None = None
        self._rank: dict[Connection, None] | None = None
        self.handler: ConnectionHandler | None = handler
        self.address = address
        self.phase = Phase.ACTIVE
        self.since = 0.0

    def enter(self, phase: Phase) -> None:
        """Begin `phase`, or restart its time limit."""
        if self._queue is not None:
            del self._queue[self]
            if self._rank is not None:
                del self._rank[self]
        self.phase = phase
        self._queue = self._rank = None
        if phase in self._queues:
            self.since = self._all.clock
            self._queue = self._queues[phase]
            self._queue[self] = None
            if self._siblings is not None:
                self._rank = self._siblings.ranks[_RANKS[phase]]
                self._rank[self] = None

    def upgrade(self) -> None:
        """Become a WebSocket, which has time limits of its own and is never closed to make room."""
        self.enter(Phase.ACTIVE)
        self.handler = None

    def leave(self) -> None:
        """Make room for another connection; no phase has a time limit any more."""
        self.enter(Phase.ACTIVE)
        self._queues = {}
        self._all.forget(self)


class TcpConnections(Collector):
    """The open connections of this process.

    All connections in a phase have the same time limit and stand in one queue, in the order in which they entered it.
    So the first of each queue shows whether any has reached its limit, and no connection needs a timer.
    """

    def __init__(self, limits: TcpConnectionLimits | None = None, trusted_proxies: str = "") -> None:
        self.limits = limits or TcpConnectionLimits()
        self.queues: dict[Phase, dict[Connection, None]] = {phase: {} for phase in self.limits.seconds}
        # Seconds that this process was awake, as `check_timeouts` counts them.
        self.clock = 0.0
        self.room = self.limits.total  # less where the system lets the process open fewer
        self._is_proxy = proxies_in(trusted_proxies)
        self._seconds = tuple(self.limits.seconds.items())
        self._checked_at: float | None = None
        self._open: set[Connection] = set()
        self._by_address: dict[str, _AddressConnections] = {}
        # Totals since the process started.
        self.timed_out: Counter[Phase] = Counter(dict.fromkeys(self.queues, 0))
        self.displaced = 0
        self.refused = 0
        self.invalid: Counter[int] = Counter()  # requests by status that were refused before the application saw them

    def enter(self, handler: ConnectionHandler, address: str | None) -> Connection | None:
        """Count a new connection from `address`; None when the limit is reached and all others are active.

        At a limit the oldest silent connection is closed to make room.
        """
        # All clients of a proxy have its address.
        counted = None if address is None or self._is_proxy(address) else network_of(address)
        siblings = None if counted is None else self._by_address.get(counted)
        if siblings is not None and siblings.count >= self.limits.per_address:
            if not self._displace(siblings.find_oldest()):
                return self._refuse()
        elif len(self._open) >= self.room and not self._displace(self._find_oldest()):
            return self._refuse()
        if counted is not None:
            # The displaced connection may have been the last of this address.
            siblings = self._by_address.setdefault(counted, _AddressConnections())
            siblings.count += 1
        connection = Connection(self, handler, counted, siblings)
        self._open.add(connection)
        connection.enter(Phase.WAITING)
        return connection

    def forget(self, connection: Connection) -> None:
        """Do not count `connection` any more."""
        if connection not in self._open:
            return
        self._open.remove(connection)
        if connection.address is not None:
            siblings = self._by_address[connection.address]
            siblings.count -= 1
            if not siblings.count:
                del self._by_address[connection.address]

    def check_timeouts(self, now: float) -> None:
        """End connections at their time limits; to be called a few times a second with a monotonic time `now`."""
        if self._checked_at is not None:
            self.clock += min(now - self._checked_at, _MAX_STEP_SECONDS)
        self._checked_at = now
        for phase, seconds in self._seconds:
            queue = self.queues[phase]
            before = self.clock - seconds
            while queue and (first := next(iter(queue))).since <= before:
                # To the end of the queue, so that one which may stay is checked again after as long.
                first.enter(phase)
                if first.handler is not None and first.handler.time_out(phase):
                    self.timed_out[phase] += 1

    def count_invalid(self, status: int) -> None:
        """Count a request that was refused before the application saw it."""
        self.invalid[status] += 1

    @property
    def phases(self) -> Mapping[Phase, int]:
        """How many connections are in each phase now."""
        phases = {phase: len(queue) for phase, queue in self.queues.items()}
        phases[Phase.ACTIVE] = len(self._open) - sum(phases.values())
        return phases

    @override
    def collect(self) -> Iterator[Metric]:
        """Metrics of the TCP connections of this process."""
        yield gauges_by(
            "phase",
            "tcp_connections",
            "TCP connections of clients by what they are doing now.",
            {phase.value: count for phase, count in self.phases.items()},
        )
        yield counters_by(
            "phase",
            "tcp_timeouts",
            "TCP connections that were closed because they were in this phase for too long.",
            {phase.value: times for phase, times in self.timed_out.items()},
        )
        yield gauge("tcp_connections_limit", "TCP connections that may be open at once.", self.room)
        yield counter(
            "tcp_displaced", "Silent TCP connections that were closed to make room for others.", self.displaced
        )
        yield counter("tcp_refused", "TCP connections that were refused for want of room.", self.refused)
        yield counters_by(
            "status",
            "http_invalid_requests",
            "Requests that were refused with this status before they were read to the end.",
            {str(status): times for status, times in self.invalid.items()},
        )

    def _find_oldest(self) -> Connection | None:
        for phases in _DISPLACEABLE:
            firsts = [next(iter(queue)) for phase in phases if (queue := self.queues[phase])]
            if firsts:
                return min(firsts, key=_since)
        return None

    def _refuse(self) -> None:
        self.refused += 1

    def _displace(self, connection: Connection | None) -> bool:
        if connection is None or connection.handler is None:
            return False
        self.displaced += 1
        connection.leave()
        connection.handler.abort()
        return True


def _since(connection: Connection) -> float:
    return connection.since
