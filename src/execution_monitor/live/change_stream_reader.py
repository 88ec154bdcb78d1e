"""A reader of a change stream: one task that opens a stream with one client and reads it to its end."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.live.change_stream_cursor import open_change_stream
from execution_monitor.live.changes import StreamEvent
from execution_monitor.live.followed_executions import FollowedIds
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.tasks import TimeLimit

Connection = tuple[AsyncMongoClient[Any], AsyncDatabase[Any]]
Connect = Callable[[], Connection]

_CANCEL_SECONDS = 5.0
_CLOSE_SECONDS = (3.0, 1.0, 1.0)
# Events of a reply are handed over so many at a time: a subscriber is sent them with one system call.
_BATCH = 50


class ReaderOwner(Protocol):
    """Where a reader begins, and where its events go. None of these may wait but `locate` and `rest`."""

    @property
    def position(self) -> StreamPosition | None:
        """Up to where the stream was read, by any reader."""
        ...

    def connect(self) -> Connection:
        """Make a client of the reader's own."""
        ...

    async def locate(self, database: AsyncDatabase[Any]) -> StreamPosition:
        """Where the next stream must begin."""
        ...

    async def rest(self) -> None:
        """Wait a moment if nobody waits for the next events."""
        ...

    def begin(self, reader: "Reader", position: StreamPosition) -> StreamPosition:
        """Make `reader` the current one, with a stream open after `position`; return where it must go on."""
        ...

    def hand_over(self, events: Sequence[StreamEvent]) -> None:
        """Pass on the next events."""
        ...

    def advance(self, position: StreamPosition) -> None:
        """Record that nothing happened up to `position`."""
        ...


class Reader:
    """One client with one stream, read by one task that is not cancelled while the stream is in use."""

    def __init__(self, owner: ReaderOwner, followed: FollowedIds, connection: Connection | None = None) -> None:
        self._owner = owner
        # A borrowed client becomes the reader's own when it replaces the reader that lent it.
        self.owns_client = connection is None
        self.connection = connection
        self.followed = followed
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

    @property
    def error(self) -> BaseException | None:
        """Why its task has ended; None while it runs, and after a proper end."""
        if not self.task.done():
            return None
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    def pass_on(self, successor: "Reader") -> None:
        """Let `successor` own the client, if it has borrowed it."""
        if successor.connection is self.connection:
            self.owns_client, successor.owns_client = False, True

    async def leave(self) -> None:
        """Cancel the task and close the client, within a time limit."""
        try:
            with contextlib.suppress(TimeoutError, PyMongoError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    self.task.cancel()
                    await asyncio.gather(self.task, return_exceptions=True)
        finally:
            # Also where a server that has to stop at once cancels this.
            if self.connection is not None and self.owns_client:
                await close_client(self.connection[0])

    async def _read(self) -> None:
        owner = self._owner
        self.connection = self.connection or owner.connect()
        _, database = self.connection
        since = await owner.locate(database)
        async with open_change_stream(database, since, self.followed) as stream:
            self.has_replied = True
            if self.is_abandoned:
                return
            # The reader before it has meanwhile read further.
            stream.position = owner.begin(self, since)
            self.opening.set_result(None)
            while stream.is_open:
                events = await stream.next_batch(_BATCH)
                # What an abandoned reader still gets its successor has read, or will read.
                if self.is_abandoned:
                    return
                self.has_replied = True
                self.has_caught_up |= stream.is_caught_up
                if events:
                    owner.hand_over(events)
                    self.has_moved = True
                if stream.position != owner.position:
                    owner.advance(stream.position)
                    self.has_moved = True
                # An empty reply has waited for events already.
                if stream.is_read_out and not stream.is_caught_up:
                    await owner.rest()


async def close_client(client: AsyncMongoClient[Any]) -> None:
    """Close `client`, even one whose server does not reply."""
    # PyMongo first tells MongoDB which sessions and cursors end. The next attempt does not tell a silent server again
    # and closes the connections; otherwise the monitors of the client would go on for ever.
    for seconds in _CLOSE_SECONDS:
        with contextlib.suppress(TimeoutError, PyMongoError):
            async with TimeLimit(seconds):
                await client.close()
                return
