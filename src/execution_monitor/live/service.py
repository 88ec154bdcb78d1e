"""Live updates of one database, wired once a process: open it, subscribe, close it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

import structlog
from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import DatabaseUnavailable, InvalidCursor
from execution_monitor.live.activity import Activity
from execution_monitor.live.catch_up import CatchUp
from execution_monitor.live.catch_up_from_history import CatchUpLimits
from execution_monitor.live.change_stream import ChangeStream
from execution_monitor.live.change_stream_cursor import cluster_time
from execution_monitor.live.changes import Change, Event, GapReason, HistoryBroken
from execution_monitor.live.cluster_time import ClusterClock
from execution_monitor.live.cursors import LiveCursors, ResumeMode, ResumePosition
from execution_monitor.live.followed_executions import FollowedExecutions
from execution_monitor.live.hub import Hub
from execution_monitor.live.lag import LagMeter
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition, position_after, time_of
from execution_monitor.live.stats import Counters, Figures
from execution_monitor.live.subscriber import BacklogLimits, Subscriber
from execution_monitor.live.topics import ActivityTopic, ExecutionsTopic
from execution_monitor.live.visibility import Visibility
from execution_monitor.storage.answers import answer_in_time
from execution_monitor.storage.database import Database, explain
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# Without permission to turn images on, every change asks for it.
_MENDING_SECONDS = 2.0
_CLUSTER_TIME_MS = 1_000
_MENDABLE = frozenset({GapReason.COLLECTION_REPLACED, GapReason.IMAGES_MISSING})


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """What live updates may take."""

    replay_buffer_bytes: int = 24 * 1024 * 1024  # of BSON
    start_seconds: float = 5.0  # that a subscriber waits for the stream to open
    lookback_seconds: int = 15  # of history at the start, for clients that come over from another server
    linger_seconds: float = 5.0  # from a terminal state to the end of an activity
    behind_seconds: float = 15.0  # from which on clients and operators are told of a delay
    queue: BacklogLimits = field(default_factory=BacklogLimits)
    catch_up: CatchUpLimits = field(default_factory=CatchUpLimits)


class Live:
    """The one change stream of the process and everybody who follows it; an async context manager."""

    def __init__(self, database: Database, uri: str, cursors: LiveCursors, limits: LiveLimits | None = None) -> None:
        self._database = database
        self._uri = uri
        self._cursors = cursors
        self._limits = limits or LiveLimits()
        self._counters = Counters()
        self._ring = ReplayBuffer(self._limits.replay_buffer_bytes)
        self._hub = Hub()
        self._followed = FollowedExecutions()
        self._catch_up = CatchUp(
            self._history, self._ring, self._followed, self._hub, self._limits.catch_up, self._counters
        )
        self._stream = ChangeStream(
            self._connect,
            begin=self._ring.begin,
            take=self._take,
            advance=self._advance,
            followed=self._followed,
            lookback=self._limits.lookback_seconds,
        )
        self.behind = LagMeter(database.handle, self._stream, self._limits.behind_seconds)
        self._present = ClusterClock(database.handle, self._stream)
        self._reading_history: tuple[AsyncMongoClient[Any], AsyncDatabase[Any]] | None = None
        self._must_mend = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._subscribers: set[Subscriber] = set()
        self._heard_at = time.monotonic()
        self._lag = 0.0

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(each) for each in (self._stream.run(), self._mend(), self.behind.run())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every subscriber and close whatever was opened."""
        for subscriber in tuple(self._subscribers):
            subscriber.close()
        await self._catch_up.close()
        await self._present.close()
        # What it abandons takes a while to close, and a second cancellation would leave that undone.
        self._stream.is_closing = True
        reading, self._tasks = self._tasks[:1], self._tasks[1:]
        for task in reading:
            task.cancel()
        await end_tasks(*self._tasks)
        await asyncio.gather(*reading, return_exceptions=True)
        if self._reading_history is not None:
            await self._reading_history[0].close()

    def cursor_at(self, caller: Caller, read_at: Timestamp) -> str:
        """The cursor of a page that `caller` read in a snapshot at `read_at`."""
        return self._cursors.encode(ResumePosition(position_after(read_at)), Visibility.of(caller).digest)

    async def subscribe(self, caller: Caller, where: Filter = EVERYTHING, after: str | None = None) -> Subscriber:
        """Every change from now on, or behind the cursor `after`, of the executions `caller` may see and `where` names.

        Raises `Forbidden`, `InvalidCursor`, and `DatabaseUnavailable` when MongoDB must be asked and does not answer.
        """
        topic = ExecutionsTopic(self._cursors, Visibility.of(caller), where)
        place = None if after is None else self._cursors.decode(after, topic.rights.digest)
        now = await self._now()
        if place is None:
            # What a stream that is behind has still to read happened before this caller came.
            present = await self._present.ahead_of_stream()
            return self._follow(topic, now if present is None else max(now, present))
        await self._refuse_the_future(place.position, now)
        return self._follow(topic, place.position)

    async def subscribe_activity(self, caller: Caller, execution_id: str, after: str | None = None) -> Activity:
        """Everything that happens to one execution: its present state first, or what is behind the cursor `after`.

        Raises what `subscribe` raises, and `NotFound` when there is no such execution or `caller` may not see it.
        """
        topic = ActivityTopic(self._cursors, Visibility.of(caller), execution_id)
        place = None if after is None else self._cursors.decode(after, topic.belonging)
        now = await self._now()
        # From before its state is read: what is written from then on is in the replay buffer.
        self._followed.follow(execution_id)
        leave = partial(self._followed.leave, execution_id)
        activity = Activity(topic, self._database, self._follow, self._limits.linger_seconds, leave)
        try:
            await self._begin(activity, place, now)
        except BaseException:
            activity.close()
            raise
        return activity

    async def _begin(self, activity: Activity, place: ResumePosition | None, now: StreamPosition) -> None:
        await self._followed.until_brought(activity.execution_id, self._limits.start_seconds)
        if place is None or place.mark is ResumeMode.RESTART:
            await activity.begin()
        elif place.mark is ResumeMode.ENDED:
            activity.close()
        else:
            await self._refuse_the_future(place.position, now)
            await activity.resume(place.position)

    @property
    def stats(self) -> Figures:
        """How live updates are doing now."""
        totals = self._counters
        queues = [len(each) for each in self._subscribers]
        return Figures(
            events=totals.events,
            delivered=totals.delivered,
            conflated=totals.conflated,
            caught_up=totals.caught_up,
            gaps=dict(totals.gaps),
            streams_opened=self._stream.opened,
            left_out=self._stream.left_out,
            subscribers=len(self._subscribers),
            topics=self._hub.topics,
            catching_up=len(self._catch_up),
            queued=sum(queues),
            queue_longest=max(queues, default=0),
            lag_seconds=self._lag,
            behind_seconds=self.behind.seconds,
            silent_seconds=time.monotonic() - self._heard_at,
            ring_events=len(self._ring),
            replay_buffer_bytes=self._ring.size,
            ring_seconds=self._ring.age,
        )

    async def _now(self) -> StreamPosition:
        """The newest position that this process knows of, once it knows any."""
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                await self._stream.started.wait()
        except TimeoutError as error:
            raise DatabaseUnavailable("MongoDB has not answered yet; try again in a moment.") from error
        known = [position for position in (self._ring.newest, self._stream.began_at) if position is not None]
        return max(known)

    async def _refuse_the_future(self, position: StreamPosition, now: StreamPosition) -> None:
        if position <= now:
            return
        # The stream is a moment behind the snapshots of pages, and behind other servers' streams.
        try:
            latest = await answer_in_time(cluster_time(self._database.handle), _CLUSTER_TIME_MS)
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        if time_of(position) > latest:
            raise InvalidCursor("This cursor is ahead of the database; subscribe again without one.")

    def _follow(self, topic: ExecutionsTopic | ActivityTopic, position: StreamPosition) -> Subscriber:
        subscriber = Subscriber(topic, self._limits.queue, self._counters, position)
        self._subscribers.add(subscriber)
        subscriber.on_close(partial(self._subscribers.discard, subscriber))
        self._catch_up.begin(subscriber, position)
        return subscriber

    def _take(self, events: Sequence[Event]) -> None:
        self._heard_at = time.monotonic()
        changes = [event for event in events if isinstance(event, Change)]
        if changes:
            self._counters.events += len(changes)
            self._lag = max(0.0, (datetime.now(UTC) - changes[-1].occurred_at).total_seconds())
            for change in changes:
                self._ring.add(change)
            try:
                self._hub.publish(changes)
            except Exception:
                log.exception("delivery_failed")
                self._break_off(HistoryBroken(changes[-1].position, GapReason.FAILED))
        if events and isinstance(broken := events[-1], HistoryBroken):
            self._break_off(broken)

    def _break_off(self, broken: HistoryBroken) -> None:
        log.warning("history_broken", reason=broken.reason)
        self._ring.begin(broken.position)
        self._hub.break_off(broken)
        if broken.reason in _MENDABLE:
            self._must_mend.set()

    async def _mend(self) -> None:
        """Turn images on again, whenever a collection came anew."""
        while True:
            await self._must_mend.wait()
            self._must_mend.clear()
            try:
                await self._database.prepare()
            except (PyMongoError, DatabaseUnavailable) as error:
                log.warning("images_not_turned_on", error=type(error).__name__)
            await asyncio.sleep(_MENDING_SECONDS)

    def _advance(self, position: StreamPosition) -> None:
        self._heard_at = time.monotonic()
        self._ring.advance(position)

    def _history(self) -> AsyncDatabase[Any]:
        """The database as those who catch up read it: neither a page nor the stream waits for their connections."""
        if self._reading_history is None:
            self._reading_history = self._connect()
        return self._reading_history[1]

    def _connect(self) -> tuple[AsyncMongoClient[Any], AsyncDatabase[Any]]:
        opened = Database.at(self._uri, self._database.handle.name)
        return opened.client, opened.handle
