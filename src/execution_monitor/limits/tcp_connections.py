"""TCP connections of clients: how many may be open, how long each may be silent, and which is closed for another."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from execution_monitor.asgi.origin import network_of, proxies_in

# Under which an application hands its `TcpConnections` to the server: a key of its lifespan's state (ASGI).
CONNECTIONS_KEY = "client_connections"
# A process that stood still for longer must not take it for the silence of its clients, whose bytes wait in the kernel.
_MOST_SECONDS_AT_ONCE = 0.5


class Phase(Enum):
    """What a connection is doing. All but the last have a limit in time."""

    WAITING = "waiting"  # no byte of a request has come yet
    HEAD = "head"  # a part of a head has come
    BODY = "body"  # a part of a body has come
    IDLE = "idle"  # between two requests
    DRAINING = "draining"  # answered, or refused; what the client still sends is let pass
    UNREAD = "unread"  # the client does not take its answer: no more of it fits into the buffers on the way
    CLOSING = "closing"  # closed from here, once the client has taken what was sent
    ACTIVE = "active"  # a request is being answered, or a WebSocket or a stream is open

    # Each is itself alone; a hash of names would be a call of Python for each look-up.
    __hash__ = object.__hash__


# Which of them are closed when another needs the place, the oldest of the first that there are: those that are silent,
# those that have not sent a head or are done with, and at last those that are slow.
_GIVE_WAY = (
    (Phase.WAITING, Phase.IDLE),
    (Phase.HEAD, Phase.DRAINING, Phase.CLOSING),
    (Phase.BODY, Phase.UNREAD),
)
_RANKS = {phase: rank for rank, phases in enumerate(_GIVE_WAY) for phase in phases}


@dataclass(frozen=True, slots=True)
class TcpConnectionLimits:
    """How many connections this process holds, and how many seconds each may stay in a phase."""

    total: int = 15_000
    per_address: int = 10_000
    first_byte_seconds: float = 30.0
    head_seconds: float = 15.0
    body_bytes_per_second: int = 1_000
    body_window_seconds: float = 10.0  # over which the rate is measured: a body may pause for that long
    keep_alive_seconds: float = 75.0
    draining_seconds: float = 30.0  # as nginx lingers for a client that sends before it reads
    unread_seconds: float = 60.0  # without a byte taken

    @property
    def seconds(self) -> Mapping[Phase, float]:
        """The phases that end, and after how long."""
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
    """What speaks a protocol over a connection."""

    def time_out(self, phase: Phase) -> bool:
        """The connection has been in `phase` for as long as it may; whether that ends it."""
        ...

    def abort(self) -> None:
        """Close at once, without a word."""
        ...


class _Neighbours:
    """The connections of one address; those that give way for each other by rank, the oldest first."""

    __slots__ = ("count", "ranks")

    def __init__(self) -> None:
        self.count = 0
        self.ranks: tuple[dict[Connection, None], ...] = tuple({} for _ in _GIVE_WAY)

    def find_oldest(self) -> "Connection | None":
        return next((next(iter(rank)) for rank in self.ranks if rank), None)


class Connection:
    """One connection: its phase and since when, by the clock of `TcpConnections`."""

    __slots__ = ("_all", "_line", "_lines", "_neighbours", "_rank", "address", "phase", "since", "speaker")

    def __init__(
        self,
        everyone: "TcpConnections",
        speaker: ConnectionHandler,
        address: str | None = None,
        neighbours: _Neighbours | None = None,
    ) -> None:
        self._all = everyone
        self._lines: Mapping[Phase, dict[Connection, None]] = everyone.lines
        self._neighbours = neighbours
        self._line: dict[Connection, None] | None = None
        self._rank: dict[Connection, None] | None = None
        self.speaker: ConnectionHandler | None = speaker
        self.address = address
        self.phase = Phase.ACTIVE
        self.since = 0.0

    def enter(self, phase: Phase) -> None:
        """Begin `phase`, or begin it again."""
        if self._line is not None:
            del self._line[self]
            if self._rank is not None:
                del self._rank[self]
        self.phase = phase
        self._line = self._rank = None
        if phase in self._lines:
            self.since = self._all.clock
            self._line = self._lines[phase]
            self._line[self] = None
            if self._neighbours is not None:
                self._rank = self._neighbours.ranks[_RANKS[phase]]
                self._rank[self] = None

    def hand_over(self) -> None:
        """Become a WebSocket, which has limits in time of its own and is never closed for another connection."""
        self.enter(Phase.ACTIVE)
        self.speaker = None

    def leave(self) -> None:
        """Stand in no line any more, whatever is entered, and make room for another."""
        self.enter(Phase.ACTIVE)
        self._lines = {}
        self._all.forget(self)


@dataclass(frozen=True, slots=True)
class TcpConnectionFigures:
    """Connections now by phase, and totals since the process started."""

    limit: int
    phases: Mapping[Phase, int]
    timed_out: Mapping[Phase, int]
    displaced: int
    refused: int
    invalid: Mapping[int, int]  # requests that ended with this status before the application saw them


class TcpConnections:
    """All that are open in this process.

    What is in one phase stands in one line, in the order in which it came, and has the same time as all in that line:
    a look at the first of each finds whoever has timed_out, and no connection needs a timer.
    """

    def __init__(self, limits: TcpConnectionLimits | None = None, trusted_proxies: str = "") -> None:
        self.limits = limits or TcpConnectionLimits()
        self.lines: dict[Phase, dict[Connection, None]] = {phase: {} for phase in self.limits.seconds}
        # Seconds that this process was awake while it was watched.
        self.clock = 0.0
        self.room = self.limits.total  # less where the system lets the process open fewer
        self._is_proxy = proxies_in(trusted_proxies)
        self._seconds = tuple(self.limits.seconds.items())
        self._watched_at: float | None = None
        self._open: set[Connection] = set()
        self._by_address: dict[str, _Neighbours] = {}
        self._overstayed: Counter[Phase] = Counter()
        self._displaced = 0
        self._refused = 0
        self._invalid: Counter[int] = Counter()

    def enter(self, speaker: ConnectionHandler, address: str | None) -> Connection | None:
        """A place for a new connection from `address`; None when all places are those of active ones.

        At a limit the oldest silent connection is closed.
        """
        # All who come through a proxy have its address.
        counted = None if address is None or self._is_proxy(address) else network_of(address)
        neighbours = None if counted is None else self._by_address.get(counted)
        if neighbours is not None and neighbours.count >= self.limits.per_address:
            if not self._displace(neighbours.find_oldest()):
                return self._refuse()
        elif len(self._open) >= self.room and not self._displace(self._find_oldest()):
            return self._refuse()
        if counted is not None:
            # Whoever was displaced may have been the last of them.
            neighbours = self._by_address.setdefault(counted, _Neighbours())
            neighbours.count += 1
        connection = Connection(self, speaker, counted, neighbours)
        self._open.add(connection)
        connection.enter(Phase.WAITING)
        return connection

    def forget(self, connection: Connection) -> None:
        """Give the place of `connection` to others."""
        if connection not in self._open:
            return
        self._open.remove(connection)
        if connection.address is not None:
            neighbours = self._by_address[connection.address]
            neighbours.count -= 1
            if not neighbours.count:
                del self._by_address[connection.address]

    def watch(self, now: float) -> None:
        """End what has timed_out; to be called a few times a second with the time `now` of a clock that only grows."""
        if self._watched_at is not None:
            self.clock += min(now - self._watched_at, _MOST_SECONDS_AT_ONCE)
        self._watched_at = now
        for phase, seconds in self._seconds:
            line = self.lines[phase]
            before = self.clock - seconds
            while line and (first := next(iter(line))).since <= before:
                # To the end of the line, so that whoever may stay is looked at again after as long.
                first.enter(phase)
                if first.speaker is not None and first.speaker.time_out(phase):
                    self._overstayed[phase] += 1

    def count_invalid(self, status: int) -> None:
        """Count a request that was refused before the application saw it."""
        self._invalid[status] += 1

    def figures(self) -> TcpConnectionFigures:
        """How they are doing now."""
        phases = {phase: len(line) for phase, line in self.lines.items()}
        phases[Phase.ACTIVE] = len(self._open) - sum(phases.values())
        timed_out = {phase: self._overstayed[phase] for phase in self.lines}
        return TcpConnectionFigures(self.room, phases, timed_out, self._displaced, self._refused, dict(self._invalid))

    def _find_oldest(self) -> Connection | None:
        for phases in _GIVE_WAY:
            firsts = [next(iter(line)) for phase in phases if (line := self.lines[phase])]
            if firsts:
                return min(firsts, key=_since)
        return None

    def _refuse(self) -> None:
        self._refused += 1

    def _displace(self, connection: Connection | None) -> bool:
        if connection is None or connection.speaker is None:
            return False
        self._displaced += 1
        connection.leave()
        connection.speaker.abort()
        return True


def _since(connection: Connection) -> float:
    return connection.since
