"""The batch size of a change stream: as many events as a reply brings in a fraction of a second."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.change_stream import AsyncDatabaseChangeStream
from pymongo.asynchronous.command_cursor import AsyncCommandCursor

FIRST_BATCH = 100
# Without a bound MongoDB fills a reply up to 16 MB: 17,000 events took it 0.9 to 1.4 s to gather, and a line of 9 MB/s
# takes 1.8 s to bring them. Of replies this large several fit into the second after which a stream counts as silent.
_MAX_EVENTS = 500
_MAX_BYTES = 512 * 1024
# Below this a reply takes no longer for more events: what takes long is something else.
_MIN_BYTES = 64 * 1024
_TARGET_SECONDS = 0.25
_MAX_GROWTH = 2.0
# How fast the shortest reply is forgotten.
_LATENCY_GROWTH = 1.02


@dataclass(slots=True)
class BatchSize:
    """Adapts the `batchSize` of each getMore to the size of events and the speed of the line."""

    events: int = FIRST_BATCH
    is_within_reply: bool = False
    is_full: bool = False  # whether the last reply brought as much as it may: there is probably more
    _latency: float = float("inf")  # seconds that a reply takes however small it is
    _before: tuple[int, float] = (0, 0.0)  # bytes and seconds of the last full reply

    async def next(self, stream: AsyncDatabaseChangeStream[RawBSONDocument]) -> RawBSONDocument | None:
        """The next event of `stream`, or None after a reply without one."""
        cursor = _cursor_of(stream)
        if cursor._has_next():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            document = await stream.try_next()
            self.is_within_reply = _cursor_of(stream)._has_next()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            return document
        cursor.batch_size(self.events)
        clock = asyncio.get_running_loop().time
        began = clock()
        document = await stream.try_next()
        self.is_within_reply = False
        if document is not None:
            seconds = clock() - began
            # The driver may have opened the stream again.
            rest = _cursor_of(stream)._data  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            self.is_within_reply = bool(rest)
            self.learn(1 + len(rest), len(document.raw) + sum(len(each.raw) for each in rest), seconds)
        return document

    def learn(self, events: int, size: int, seconds: float) -> None:
        """Adapt to a reply that brought so many `events`, `size` bytes together, after `seconds`."""
        self.is_full = events >= self.events or size >= _MAX_BYTES
        if not self.is_full:
            # It ended because there was no more, and may have waited for the first event.
            self.events = max(self.events, FIRST_BATCH)
            return
        self._latency = max(min(self._latency * _LATENCY_GROWTH, seconds), self._latency_since(size, seconds))
        # A slow round trip needs large replies, a thin line small ones.
        bytes_a_second = size / max(seconds - self._latency, 0.001)
        target = max(_MIN_BYTES, min(_MAX_BYTES, bytes_a_second * _TARGET_SECONDS))
        self.events = max(1, min(_MAX_EVENTS, int(events * min(target / size, _MAX_GROWTH))))

    def _latency_since(self, size: int, seconds: float) -> float:
        """The delay that a smaller reply shows which took no less time: the line got slower, not thinner."""
        (before, took), self._before = self._before, (size, seconds)
        if size >= before:
            return 0.0
        seconds_a_byte = max(0.0, took - seconds) / (before - size)
        return max(0.0, seconds - size * seconds_a_byte)


def _cursor_of(stream: AsyncDatabaseChangeStream[RawBSONDocument]) -> AsyncCommandCursor[RawBSONDocument]:
    # PyMongo's change stream has no public way to change its batch size, or to see where a reply ends.
    return cast("AsyncCommandCursor[RawBSONDocument]", cast("Any", stream)._cursor)  # noqa: SLF001
