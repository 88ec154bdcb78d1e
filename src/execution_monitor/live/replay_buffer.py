"""The recent changes of the cluster, in memory: whoever reconnects is served from here."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from execution_monitor.live.changes import Change, decode_again
from execution_monitor.live.resume_tokens import StreamPosition

# Most who come back were away for a moment. Decoded, a change takes five to seven times as much memory as its BSON, in
# dozens of pieces: with all of 32 MiB decoded, a list of 100 took 8 % longer. To read one again takes 12 to 20 us, once
# for all who need it.
MAX_DECODED = 200


@dataclass(slots=True)
class BufferedChange:
    """A change in the ring, read when it is needed."""

    position: StreamPosition
    change: Change | None  # None where it is to be read again from `raw`
    raw: tuple[bytes, ...]
    size: int
    arrived: float

    def read(self) -> Change:
        """The change."""
        return self.change or decode_again(self.raw)

    def put_away(self) -> None:
        """Keep its bytes alone."""
        if self.raw:
            self.change = None


class ReplayBuffer:
    """Every change behind `horizon` up to `newest`, of at most `limit` bytes of BSON together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # The first `_gone` entries have been let go; a deque cannot be searched.
        self._kept: list[BufferedChange | None] = []
        self._positions: list[StreamPosition] = []
        self._gone = 0
        self.size = 0
        self.horizon: StreamPosition | None = None  # None until it has begun
        self.newest: StreamPosition | None = None

    def __len__(self) -> int:
        return len(self._kept) - self._gone

    @property
    def age(self) -> float:
        """Seconds since the oldest change arrived; 0 when there is none."""
        oldest = self._kept[self._gone] if len(self) else None
        return 0.0 if oldest is None else time.monotonic() - oldest.arrived

    def begin(self, position: StreamPosition) -> None:
        """Forget everything: what happened up to `position` is not known here."""
        self._kept, self._positions, self._gone, self.size = [], [], 0, 0
        self.horizon = self.newest = position

    def add(self, change: Change) -> None:
        """Keep `change`, which is behind all others, and let go of the oldest while there are too many."""
        self._kept.append(BufferedChange(change.position, change, change.raw, change.size, time.monotonic()))
        self._positions.append(change.position)
        self.newest = change.position
        self.size += change.size
        last_at_hand = len(self._kept) - MAX_DECODED
        if last_at_hand > self._gone and (aged := self._kept[last_at_hand - 1]) is not None:
            aged.put_away()
        while self.size > self._limit:
            self._let_go()

    def advance(self, position: StreamPosition) -> None:
        """Nothing else happened up to `position`."""
        if self.newest is not None and position > self.newest:
            self.newest = position

    def covers(self, position: StreamPosition) -> bool:
        """Whether every change behind `position` is here, or still to come."""
        return self.horizon is not None and position >= self.horizon

    def since(self, position: StreamPosition, limit: int) -> Sequence[BufferedChange]:
        """The first `limit` changes behind `position`, which the ring must cover."""
        start = bisect_right(self._positions, position, lo=self._gone)
        return [kept for kept in self._kept[start : start + limit] if kept is not None]

    def _let_go(self) -> None:
        oldest = self._kept[self._gone]
        if oldest is not None:
            self.size -= oldest.size
            self.horizon = self._positions[self._gone]
        self._kept[self._gone] = None
        self._gone += 1
        # Moving the rest together now and then costs less than with every change.
        if self._gone * 2 > len(self._kept):
            del self._kept[: self._gone]
            del self._positions[: self._gone]
            self._gone = 0
