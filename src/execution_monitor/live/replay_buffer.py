"""The replay buffer: recent changes in memory, for clients that come back."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from execution_monitor.live.changes import Change, decode_again
from execution_monitor.live.resume_tokens import StreamPosition

# Most clients that come back were away for a moment. Decoded, a change takes five to seven times as much memory as its
# BSON, in dozens of objects: with all of 32 MiB decoded, a list of 100 took 8 % longer. To decode one again takes 12 to
# 20 us, once for everyone who needs it.
MAX_DECODED = 200


@dataclass(slots=True)
class BufferedChange:
    """A change in the buffer; all but the newest are kept as BSON and decoded when they are needed."""

    position: StreamPosition
    change: Change | None  # None once only `raw` is kept
    raw: tuple[bytes, ...]
    size: int
    arrived: float

    def read(self) -> Change:
        """The change, decoded again if it must be."""
        return self.change or decode_again(self.raw)

    def drop_decoded(self) -> None:
        """Keep only the BSON."""
        if self.raw:
            self.change = None


class ReplayBuffer:
    """Every change after `horizon` up to `newest`; together at most `limit` bytes of BSON."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # The first `_dropped` entries are empty. Lists, since a deque cannot be bisected.
        self._changes: list[BufferedChange | None] = []
        self._positions: list[StreamPosition] = []
        self._dropped = 0
        self.size = 0
        self.horizon: StreamPosition | None = None  # None until it has begun
        self.newest: StreamPosition | None = None

    def __len__(self) -> int:
        return len(self._changes) - self._dropped

    @property
    def age(self) -> float:
        """Seconds since the oldest change arrived; 0 when there is none."""
        oldest = self._changes[self._dropped] if len(self) else None
        return 0.0 if oldest is None else time.monotonic() - oldest.arrived

    def begin(self, position: StreamPosition) -> None:
        """Drop everything and begin at `position`: what happened up to there is unknown here."""
        self._changes, self._positions, self._dropped, self.size = [], [], 0, 0
        self.horizon = self.newest = position

    def add(self, change: Change) -> None:
        """Append `change`, the newest of all, and drop the oldest that no longer fit."""
        self._changes.append(BufferedChange(change.position, change, change.raw, change.size, time.monotonic()))
        self._positions.append(change.position)
        self.newest = change.position
        self.size += change.size
        oldest_decoded = len(self._changes) - MAX_DECODED
        if oldest_decoded > self._dropped and (aged := self._changes[oldest_decoded - 1]) is not None:
            aged.drop_decoded()
        while self.size > self._limit:
            self._drop_oldest()

    def advance(self, position: StreamPosition) -> None:
        """Record that nothing else happened up to `position`."""
        if self.newest is not None and position > self.newest:
            self.newest = position

    def covers(self, position: StreamPosition) -> bool:
        """Whether every change after `position` is here or still to come."""
        return self.horizon is not None and position >= self.horizon

    def since(self, position: StreamPosition, limit: int) -> Sequence[BufferedChange]:
        """The first `limit` changes after `position`, which the buffer must cover."""
        start = bisect_right(self._positions, position, lo=self._dropped)
        return [each for each in self._changes[start : start + limit] if each is not None]

    def _drop_oldest(self) -> None:
        oldest = self._changes[self._dropped]
        if oldest is not None:
            self.size -= oldest.size
            self.horizon = self._positions[self._dropped]
        self._changes[self._dropped] = None
        self._dropped += 1
        # Compacting the lists now and then costs less than with every change.
        if self._dropped * 2 > len(self._changes):
            del self._changes[: self._dropped]
            del self._positions[: self._dropped]
            self._dropped = 0
