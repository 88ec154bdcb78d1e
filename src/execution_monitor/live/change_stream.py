"""The one change stream of a process, kept open over whatever happens to the server, the network or this process."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.live.change_stream_cursor import (
    current_position,
    first_event_after,
    is_history_lost,
    is_permanent,
    is_transient,
    open_change_stream,
)
from execution_monitor.live.changes import Event, GapReason, HistoryBroken
from execution_monitor.live.followed_executions import FollowedExecutions, Scope
from execution_monitor.live.resume_tokens import StreamPosition, position_after, time_of
from execution_monitor.tasks import TimeLimit

Connection = tuple[AsyncMongoClient[Any], AsyncDatabase[Any]]
Connect = Callable[[], Connection]

log = structlog.get_logger()

# An idle stream replies every 0.2 s. Silence is counted in ticks that this process lived through: after a time in which
# the loop stood still, the stream has a whole second to reply before it is taken for dead.
_TICK_SECONDS = 0.25
_PATIENCE_TICKS = 4
# A reply of 16 MB over a thin line, or a long search of the oplog, may take longer than a second: twice as long after
# each silence. Only an empty reply, which says that nothing is left to read, brings the first patience back: a stream
# that opens well, or yields one more batch, may still be in the middle of what takes so long.
_MOST_PATIENCE_TICKS = 240
# Streams that fell silent, one after the other at the same place while MongoDB answered others, until what lies there
# is left out: after 7 seconds.
_STALLS_UNTIL_LEFT_OUT = 3
_PING_SECONDS = 2.0
_LOOK_SECONDS = 5.0
_MOST_BACKOFF_SECONDS = 2.0
_FIRST_BACKOFF_SECONDS = 0.05
# Errors that are no matter of the network, one after the other at the same place, until the place is given up: about
# ten seconds.
_TRIES_IN_PLACE = 10
_FAREWELL_SECONDS = 5.0
_CLOSE_SECONDS = (3.0, 1.0, 1.0)
# Pages that are opened together share a new stream, which costs MongoDB a few milliseconds.
_REFRESH_SECONDS = 0.25
_OPENING_SECONDS = 5.0
# How often it is looked whether the stream brings more than anybody follows.
_NARROW_SECONDS = 60.0
# Events in a batch are there at once; without a pause they would hold up everything else in the process.
_TURN_SECONDS = 0.005
# Events that are there at once are passed on so many at a time: a subscriber is sent them with one call of the system.
_TOGETHER = 50


class ChangeStream:
    """Hands all events to `take`, in order and once, or a `HistoryBroken` in place of those it cannot have.

    `begin` is told where the history begins, `advance` of positions that were reached without an event. All three run
    in the event loop and must not wait. Of steps and log lines it brings those of the executions that are `followed`.
    """

    def __init__(  # noqa: PLR0913 - what is read, and for whom
        self,
        connect: Connect,
        *,
        begin: Callable[[StreamPosition], None],
        take: Callable[[Sequence[Event]], None],
        advance: Callable[[StreamPosition], None],
        followed: FollowedExecutions,
        lookback: int,
    ) -> None:
        self.connect = connect
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
        self._reader: _Reader | None = None
        self.position: StreamPosition | None = None  # everything up to here has been handed over
        self.began_at: StreamPosition | None = None  # the present when the history began
        self.started = asyncio.Event()
        self.progressed_at = time.monotonic()  # when it last got further, or had nothing left to read
        self.opened = 0
        self.left_out = 0  # how often what no reader could read was left out
        # PyMongo may lose the one cancellation that ends `run` (see `end_tasks`).
        self.is_closing = False

    async def run(self) -> None:
        """Read until cancelled; whatever was opened is closed in the end."""
        refreshing = asyncio.create_task(self._refresh())
        try:
            while not self.is_closing:
                reader = self._reader = _Reader(self, self._followed.scope)
                reader = await self._supervise(reader)
                await self._get_past_a_stall(reader)
                pause = self._recover(reader)
                self._let_go(reader)
                await asyncio.sleep(pause)
        finally:
            refreshing.cancel()
            await asyncio.gather(refreshing, return_exceptions=True)
            if self._reader is not None:
                self._let_go(self._reader)
            await asyncio.gather(*self._aside, return_exceptions=True)

    async def _supervise(self, reader: "_Reader") -> "_Reader":
        """Return `reader`, or its successor, when it has ended or has been silent for too long."""
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
                log.warning("change_stream_silent", seconds=silent * _TICK_SECONDS)
                self._patience = min(self._patience * 2, _MOST_PATIENCE_TICKS)
                self._run_aside(self._count_stall(self.position))
                break
        return reader

    async def _refresh(self) -> None:
        """Replace the reader whenever the scope has changed, without a pause in what is read."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NARROW_SECONDS):
                    await self._followed.must_widen.wait()
            self._followed.must_widen.clear()
            current = self._reader
            if current is not None and current.is_open and self._followed.scope != current.scope:
                successor = _Reader(self, self._followed.scope, current.connection)
                await asyncio.wait(
                    {successor.task, successor.opening}, timeout=_OPENING_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not successor.is_open:
                    self._let_go(successor)
                    self._followed.must_widen.set()
            elif current is None or not current.is_open:
                self._followed.must_widen.set()
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _count_stall(self, position: StreamPosition | None) -> None:
        """Count the silence of a stream at `position`, unless all of MongoDB is silent: then it is not this place."""
        client, database = self.connect()
        try:
            async with TimeLimit(_PING_SECONDS):
                await current_position(database)
        except (TimeoutError, PyMongoError):
            return
        finally:
            await _close(client)
        if self.position == position:
            self._stalls += 1

    async def _get_past_a_stall(self, reader: "_Reader") -> None:
        """Leave out the next event, or give up the place, once several streams in a row fell silent before it."""
        if self._stalls < _STALLS_UNTIL_LEFT_OUT or self.position is None:
            return
        stalls, self._stalls = self._stalls, 0
        client, database = self.connect()
        try:
            async with TimeLimit(_LOOK_SECONDS):
                obstacle = await first_event_after(database, self.position, reader.scope)
        except (TimeoutError, PyMongoError) as error:
            # Not even its name can be read; all up to the present is given up.
            self.left_out += 1
            log.error("change_stream_stuck", stalls=stalls, error=type(error).__name__)  # noqa: TRY400 - it is expected
            self._give_up(GapReason.UNREADABLE)
            return
        finally:
            self._run_aside(_close(client))
        if obstacle is None:
            return
        log.error(
            "change_left_out",
            operation=obstacle.operation,
            collection=obstacle.collection,
            document=repr(obstacle.key),
            stalls=stalls,
        )
        self.left_out += 1
        # All of its cluster time: a stream begins at a time, and would bring it again.
        self.hand_over([HistoryBroken(position_after(time_of(obstacle.position)), GapReason.UNREADABLE)])

    def _recover(self, reader: "_Reader") -> float:
        """Decide how to go on after `reader`; the seconds to wait before."""
        error = _error_of(reader.task)
        if error is None:  # it was abandoned; or the database was dropped, which has been told
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
        # So that servers do not come back all at once.
        return min(backoff, _MOST_BACKOFF_SECONDS) * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def _give_up(self, reason: GapReason) -> None:
        # Looking back is a convenience: when that is what was lost, nobody missed anything yet.
        if self.started.is_set():
            self._broken = reason
        self._lookback = 0
        self.position = None

    def _let_go(self, reader: "_Reader") -> None:
        """Abandon `reader` without waiting for it: a server that is silent would not let it go either."""
        reader.is_abandoned = True
        self._run_aside(reader.leave())

    def _run_aside(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def locate(self, database: AsyncDatabase[Any]) -> StreamPosition:
        """Where to go on: at the last position, or at the cluster's present."""
        if self.position is not None:
            return self.position
        now = await current_position(database)
        self.began_at = now
        if self._lookback == 0:
            return now
        return position_after(Timestamp(time_of(now).time - self._lookback, 0))

    def begin(self, reader: "_Reader", position: StreamPosition) -> StreamPosition:
        """A stream is open behind `position`, and `reader` the one that is read from now on; where it is to go on."""
        if self._reader is not None and self._reader is not reader:
            self._reader.pass_on(reader)
            self._let_go(self._reader)
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
        self._followed.brought(reader.scope, self.position)
        self.started.set()
        return self.position

    def hand_over(self, events: Sequence[Event]) -> None:
        """Pass on the next events; a break in the history is the last of them."""
        self._refusals = 0
        self.position = events[-1].position
        self._take(events)

    def pass_by(self, position: StreamPosition) -> None:
        """Tell that nothing happened up to `position`."""
        self.position = position
        self._advance(position)


class _Reader:
    """One client with one stream, read by one task that nobody cancels while the stream is in use."""

    def __init__(self, owner: ChangeStream, scope: Scope, connection: Connection | None = None) -> None:
        self._owner = owner
        # A borrowed client is one's own from the moment on in which its owner is replaced.
        self.owns_client = connection is None
        self.connection = connection
        self.scope = scope
        self.opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.has_replied = False
        self.has_moved = False  # further than any reader before it
        self.has_caught_up = False
        self.is_abandoned = False
        self.task = asyncio.create_task(self._read(), name="change stream reader")

    @property
    def is_open(self) -> bool:
        """Whether its stream is open, or was."""
        return self.opening.done()

    def pass_on(self, successor: "_Reader") -> None:
        """Let `successor` own the client that it has borrowed from here."""
        if successor.connection is self.connection:
            self.owns_client, successor.owns_client = False, True

    async def _read(self) -> None:
        owner, clock = self._owner, asyncio.get_running_loop().time
        self.connection = self.connection or owner.connect()
        _, database = self.connection
        since = await owner.locate(database)
        async with open_change_stream(database, since, self.scope) as stream:
            self.has_replied = True
            if self.is_abandoned:
                return
            # Read meanwhile by the reader before.
            stream.position = owner.begin(self, since)
            self.opening.set_result(None)
            turn_ends = clock() + _TURN_SECONDS
            while stream.is_open:
                events = await stream.next_together(_TOGETHER)
                # What an abandoned reader still brings has been read, or will be, by its successor.
                if self.is_abandoned:
                    return
                self.has_replied = True
                self.has_caught_up |= stream.is_caught_up
                if events:
                    owner.hand_over(events)
                    self.has_moved = True
                if stream.position != owner.position:
                    owner.pass_by(stream.position)
                    self.has_moved = True
                if clock() > turn_ends:
                    await asyncio.sleep(0)
                    turn_ends = clock() + _TURN_SECONDS

    async def leave(self) -> None:
        """Cancel the task and close the client, within a time."""
        with contextlib.suppress(TimeoutError, PyMongoError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                self.task.cancel()
                await asyncio.gather(self.task, return_exceptions=True)
        if self.connection is not None and self.owns_client:
            await _close(self.connection[0])


async def _close(client: AsyncMongoClient[Any]) -> None:
    # PyMongo first tells MongoDB of sessions and cursors that end. One that is silent is not told again by the next
    # attempt, which then closes the connections; or the monitors of the client would go on for ever.
    for seconds in _CLOSE_SECONDS:
        with contextlib.suppress(TimeoutError, PyMongoError):
            async with TimeLimit(seconds):
                await client.close()
                return


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    if not task.done():
        return None
    return asyncio.CancelledError() if task.cancelled() else task.exception()
