"""The one change stream of a process: kept open whatever happens to the server, the network or this process."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.live.change_stream_cursor import (
    current_position,
    first_event_after,
    is_history_lost,
    is_permanent,
    is_transient,
)
from execution_monitor.live.change_stream_reader import Connect, Connection, Reader, close_client
from execution_monitor.live.changes import GapReason, HistoryBroken, StreamEvent
from execution_monitor.live.followed_executions import FollowedExecutions
from execution_monitor.live.resume_tokens import StreamPosition, position_after, time_of
from execution_monitor.tasks import TimeLimit

log = structlog.get_logger()

# An idle stream replies every 0.2 s. Silence is counted in ticks that this process lived through: after the loop stood
# still, the stream has a whole second to reply before it counts as dead.
_TICK_SECONDS = 0.25
_PATIENCE_TICKS = 4
# A reply of 16 MB over a thin line, or a long search of the oplog, may take longer than a second: the patience doubles
# with each silence. Only an empty reply, which says that nothing is left to read, resets it: a stream that opens well,
# or yields one more batch, may still be in the middle of what takes so long.
_MAX_PATIENCE_TICKS = 240
# How many streams in a row must fall silent at the same position, while MongoDB answers otherwise, until the event
# there is left out: that takes 7 seconds.
_STALLS_UNTIL_LEFT_OUT = 3
# A shorter silence is usual on a busy machine, as at the first start, and no reason to warn.
_ALARMING_SECONDS = 5.0
_PING_SECONDS = 2.0
_LOOK_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 2.0
_FIRST_BACKOFF_SECONDS = 0.05
# How many errors in a row, other than of the network, until the position is given up: about ten seconds.
_TRIES_IN_PLACE = 10
# Pages that are opened together share a new stream, which costs MongoDB a few milliseconds.
_REFRESH_SECONDS = 0.25
_OPENING_SECONDS = 5.0
# How often to check whether the stream brings more than is followed.
_NARROW_SECONDS = 60.0
# While nobody subscribes, one reply brings the events of so long: each is a command of its own, and on a busy database
# the next would be there at once.
_REST_SECONDS = 0.1


class ChangeStream:
    """Hands all events to `take`, in order and once, or a `HistoryBroken` in place of those that are lost.

    `begin` is called with the position at which a history begins, `advance` with positions that were reached without an
    event. All three run in the event loop and must not wait. Steps and log lines come only of the `followed`
    executions. A new history begins `lookback` seconds before the present.
    """

    def __init__(  # noqa: PLR0913 - what is read, and where it goes
        self,
        connect: Connect,
        *,
        begin: Callable[[StreamPosition], None],
        take: Callable[[Sequence[StreamEvent]], None],
        advance: Callable[[StreamPosition], None],
        followed: FollowedExecutions,
        lookback: int,
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._take = take
        self._advance = advance
        self._followed = followed
        self._lookback = lookback
        self._broken: GapReason | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self._patience = _PATIENCE_TICKS
        self._failures = 0
        self._refusals = 0
        self._stalls = 0
        self._reader: Reader | None = None
        self.position: StreamPosition | None = None  # everything up to here was handed over
        self.began_at: StreamPosition | None = None  # the present when the history began
        self.started = asyncio.Event()
        self.has_subscribers = asyncio.Event()  # set and cleared by `Live`
        self.progressed_at = time.monotonic()  # when it last got further, or had nothing left to read
        self.opened = 0  # streams since the process started
        self.left_out = 0  # events that no reader got past
        # PyMongo may lose the one cancellation that ends `run` (see `end_tasks`).
        self.is_closing = False

    async def run(self) -> None:
        """Read until cancelled; close everything in the end."""
        refreshing = asyncio.create_task(self._refresh())
        try:
            while not self.is_closing:
                reader = self._reader = Reader(self, self._followed.ids)
                reader = await self._supervise(reader)
                await self._get_past_a_stall(reader)
                pause = self._recover(reader)
                self._abandon(reader)
                await asyncio.sleep(pause)
        finally:
            refreshing.cancel()
            await asyncio.gather(refreshing, return_exceptions=True)
            if self._reader is not None:
                self._abandon(self._reader)
            await asyncio.gather(*self._aside, return_exceptions=True)

    async def _supervise(self, reader: Reader) -> Reader:
        """Return `reader`, or its successor, when it has ended or was silent for too long."""
        silent = 0
        while not (reader.task.done() or self.is_closing):
            await asyncio.wait({reader.task}, timeout=_TICK_SECONDS)
            if self._reader is not None and self._reader is not reader:
                reader, silent = self._reader, 0
                continue
            silent = 0 if reader.has_replied else silent + 1
            if reader.has_moved or reader.has_caught_up:
                self._failures = self._stalls = 0
                self.progressed_at = time.monotonic()
            if reader.has_caught_up:
                self._patience = _PATIENCE_TICKS
            reader.has_replied = reader.has_moved = reader.has_caught_up = False
            if self._stalls >= _STALLS_UNTIL_LEFT_OUT:
                break
            if silent >= self._patience and not reader.task.done():
                seconds = silent * _TICK_SECONDS
                report = log.info if seconds < _ALARMING_SECONDS else log.warning
                report("change_stream_silent", seconds=seconds)
                self._patience = min(self._patience * 2, _MAX_PATIENCE_TICKS)
                self._run_aside(self._count_stall(self.position))
                break
        return reader

    async def _refresh(self) -> None:
        """Replace the reader whenever other executions are followed, without a pause in the reading."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NARROW_SECONDS):
                    await self._followed.must_widen.wait()
            self._followed.must_widen.clear()
            current = self._reader
            if current is not None and current.is_open and self._followed.ids != current.followed:
                successor = Reader(self, self._followed.ids, current.connection)
                await asyncio.wait(
                    {successor.task, successor.opening}, timeout=_OPENING_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not successor.is_open:
                    self._abandon(successor)
                    self._followed.must_widen.set()
            elif current is None or not current.is_open:
                self._followed.must_widen.set()
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _count_stall(self, position: StreamPosition | None) -> None:
        """Count the silence of a stream at `position`, unless MongoDB answers nothing at all."""
        client, database = self._connect()
        try:
            async with TimeLimit(_PING_SECONDS):
                await current_position(database)
        except (TimeoutError, PyMongoError):
            return
        finally:
            await close_client(client)
        if self.position == position:
            self._stalls += 1

    async def _get_past_a_stall(self, reader: Reader) -> None:
        """Leave out the next event, or give up the position, once several streams in a row fell silent before it."""
        if self._stalls < _STALLS_UNTIL_LEFT_OUT or self.position is None:
            return
        stalls, self._stalls = self._stalls, 0
        client, database = self._connect()
        try:
            async with TimeLimit(_LOOK_SECONDS):
                unreadable = await first_event_after(database, self.position, reader.followed)
        except (TimeoutError, PyMongoError) as error:
            # Not even its name can be read; everything up to the present is given up.
            self.left_out += 1
            log.error("change_stream_stuck", stalls=stalls, error=type(error).__name__)  # noqa: TRY400 - it is expected
            self._give_up(GapReason.UNREADABLE)
            return
        finally:
            self._run_aside(close_client(client))
        if unreadable is None:
            return
        log.error(
            "change_left_out",
            operation=unreadable.operation,
            collection=unreadable.collection,
            document=repr(unreadable.key),
            stalls=stalls,
        )
        self.left_out += 1
        # Everything of its cluster time: a stream begins at a time, and would bring it again.
        self.hand_over([HistoryBroken(position_after(time_of(unreadable.position)), GapReason.UNREADABLE)])

    def _recover(self, reader: Reader) -> float:
        """Decide how to go on after `reader`; return the seconds to wait before."""
        error = reader.error
        if error is None:  # it was abandoned, or the database was dropped, of which subscribers already know
            return 0.0
        self._failures += 1
        log.warning(
            "change_stream_failed",
            code=getattr(error, "code", None),
            exc_info=None if is_transient(error) else error,
            error=type(error).__name__,
        )
        self._refusals += not is_transient(error)
        if is_history_lost(error):
            self._give_up(GapReason.HISTORY_LOST)
        elif is_permanent(error) or self._refusals >= _TRIES_IN_PLACE:
            self._give_up(GapReason.FAILED)
        backoff = _FIRST_BACKOFF_SECONDS * 2.0 ** min(max(self._failures, self._refusals), 10)
        # Random, so that servers do not come back all at once.
        return min(backoff, _MAX_BACKOFF_SECONDS) * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def _give_up(self, reason: GapReason) -> None:
        """Begin a new history with the next stream."""
        # Looking back is a convenience: if that is what was lost, no subscriber has missed anything yet.
        if self.started.is_set():
            self._broken = reason
        self._lookback = 0
        self.position = None

    def _abandon(self, reader: Reader) -> None:
        """Leave `reader` without waiting for it: a silent server would not let it end either."""
        reader.is_abandoned = True
        self._run_aside(reader.leave())

    def _run_aside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    # What readers call (`ReaderOwner`).

    def connect(self) -> Connection:
        """Make a client of the reader's own."""
        return self._connect()

    async def locate(self, database: AsyncDatabase[Any]) -> StreamPosition:
        """Where the next stream must begin: at the last position, or at the cluster's present."""
        if self.position is not None:
            return self.position
        now = await current_position(database)
        self.began_at = now
        if self._lookback == 0:
            return now
        return position_after(Timestamp(time_of(now).time - self._lookback, 0))

    async def rest(self) -> None:
        """Wait a moment while nobody subscribes."""
        if not self.has_subscribers.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REST_SECONDS):
                    await self.has_subscribers.wait()

    def begin(self, reader: Reader, position: StreamPosition) -> StreamPosition:
        """Make `reader` the current one, with a stream open after `position`; return where it must go on."""
        if self._reader is not None and self._reader is not reader:
            self._reader.pass_on(reader)
            self._abandon(self._reader)
            self._reader = reader
        self.opened += 1
        if self.position is None:  # a new history
            self.progressed_at = time.monotonic()
        if self._broken is not None:
            self.position = position
            self._take([HistoryBroken(position, self._broken)])
            self._broken = None
        elif self.position is None:
            self._begin(position)
            self.position = position
        self._followed.record_stream(reader.followed, self.position)
        self.started.set()
        return self.position

    def hand_over(self, events: Sequence[StreamEvent]) -> None:
        """Pass on the next events; a break in the history is the last of them."""
        self._refusals = 0
        self.position = events[-1].position
        self._take(events)

    def advance(self, position: StreamPosition) -> None:
        """Record that nothing happened up to `position`."""
        self.position = position
        self._advance(position)
