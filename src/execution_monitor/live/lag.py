"""Lag: how many seconds live updates are behind the database, and who is notified when that is too many."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.resume_tokens import StreamPosition, time_of
from execution_monitor.tasks import TimeLimit
from execution_monitor.turns import Turns

log = structlog.get_logger()

# Sends the seconds to a client, and returns whether it could.
Listener = Callable[[int], bool]

_MEASURE_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
# The cluster's time is read once a second, and an idle stream replies every 0.2 s: less than this is no lag.
_NOISE_SECONDS = 2.0
# Clients that show a lag are sent it as often as heartbeats (`asgi/heartbeat.py`).
_REMIND_SECONDS = 12.0
# Ten minutes, to the second; from there on with half the precision, and so on.
_MAX_SAMPLES = 600


class StreamProgress(Protocol):
    """What is known of the change stream."""

    @property
    def started(self) -> asyncio.Event:
        """Set once it has opened for the first time."""
        ...

    @property
    def position(self) -> StreamPosition | None:
        """Up to where it was read; None when that is unknown."""
        ...

    @property
    def progressed_at(self) -> float:
        """The monotonic time at which it last got further, or had nothing left to read."""
        ...


@dataclass(frozen=True, slots=True)
class _Sample:
    """A time of the cluster, which it reached between two replies: these instants by our own clock."""

    cluster_time: Timestamp
    earliest: float
    latest: float


class LagMeter:
    """Compares the stream with the cluster's time once a second; notifies listeners of a lag over `limit` seconds.

    A task must run `run`; without it nothing is known.
    """

    def __init__(self, database: AsyncDatabase[Any], stream: StreamProgress, limit: float) -> None:
        self._database = database
        self._stream = stream
        self._limit = limit
        self._running_since: float | None = None
        # Times that the stream has not reached, the oldest first.
        self._samples: deque[_Sample] = deque()
        self._newest: Timestamp | None = None
        self._answered_at = 0.0
        self._listeners: set[Listener] = set()
        self._to_call: set[Listener] = set()
        self._called_at: float | None = None  # while the last notification was a lag

    @property
    def seconds(self) -> float | None:
        """The lag in seconds, 0 when there is none; None while live updates do not run."""
        if self._running_since is None or not self._stream.started.is_set():
            return None
        now = time.monotonic()
        seconds = max(self._seconds_unread(now), now - self._stream.progressed_at)
        return seconds if seconds >= _NOISE_SECONDS else 0.0

    @property
    def seconds_to_report(self) -> int:
        """The lag in whole seconds while it is over the limit, else 0."""
        seconds = self.seconds or 0.0
        return round(seconds) if seconds > self._limit else 0

    @property
    def warnings(self) -> Sequence[str]:
        """A sentence for operators while the lag is over the limit."""
        if self._running_since is None:
            return ()
        if not self._stream.started.is_set():
            if time.monotonic() - self._running_since <= self._limit:
                return ()
            return ("Live updates have not begun: no change stream could be opened; see the server's log.",)
        seconds = self.seconds_to_report
        return (f"Live updates are {seconds} seconds behind the database.",) if seconds else ()

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the seconds to report, again and again while there are any, and once with 0 after.

        A listener that returns False is called again a second later.
        """
        self._listeners.add(listener)
        if self._called_at is not None:
            self._to_call.add(listener)

    def forget(self, listener: Listener) -> None:
        """Stop calling `listener`."""
        self._listeners.discard(listener)
        self._to_call.discard(listener)

    async def run(self) -> None:
        """Measure and call listeners until cancelled."""
        self._running_since = time.monotonic()
        try:
            while True:
                await self._measure()
                await self._report()
                await asyncio.sleep(_MEASURE_SECONDS)
        finally:
            self._running_since = None

    async def _measure(self) -> None:
        # Without a reply nothing new is known, and the time since the last progress goes on.
        with contextlib.suppress(TimeoutError, PyMongoError):
            async with TimeLimit(_ANSWER_SECONDS):
                self._add(time_of(await current_position(self._database)))

    def _add(self, cluster_time: Timestamp) -> None:
        now = time.monotonic()
        if self._newest is None or cluster_time > self._newest:
            self._samples.append(_Sample(cluster_time, now if self._newest is None else self._answered_at, now))
            self._newest = cluster_time
            if len(self._samples) > _MAX_SAMPLES:
                self._samples = deque([*self._samples][::2])
        self._answered_at = now

    def _seconds_unread(self, now: float) -> float:
        """For how long the cluster has been ahead of the stream."""
        position, samples = self._stream.position, self._samples
        reached = None if position is None else time_of(position)
        while samples and reached is not None and samples[0].cluster_time <= reached:
            samples.popleft()
        if not samples:
            return 0.0
        seconds = now - samples[0].earliest
        if reached is None:
            return seconds
        # After a long time without replies, the cluster's own times, in whole seconds, say more exactly how far apart
        # both are. On an idle cluster they do not: they advance in steps of ten seconds.
        newest = samples[-1]
        return min(seconds, newest.cluster_time.time - reached.time + 1 + now - newest.latest)

    async def _report(self) -> None:
        """Call the listeners that are due."""
        now = time.monotonic()
        if self.seconds_to_report:
            if self._called_at is None or now - self._called_at >= _REMIND_SECONDS:
                self._called_at = now
                self._to_call = set(self._listeners)
        elif self._called_at is not None:
            self._called_at = None
            self._to_call = set(self._listeners)
        turns = Turns()
        for listener in tuple(self._to_call):
            # It may have been removed during a pause.
            if listener in self._to_call and self._call(listener):
                self._to_call.discard(listener)
            await turns.give_way()

    def _call(self, listener: Listener) -> bool:
        try:
            return listener(self.seconds_to_report)
        except Exception:
            # One client must not end the measuring for all.
            log.exception("behind_not_told")
            return True
