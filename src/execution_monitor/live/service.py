"""Live updates of one database: everything that one process needs for them, wired together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from execution_monitor.live.changes import GapReason
from execution_monitor.live.cluster_time import ClusterClock
from execution_monitor.live.cursors import LiveCursors, ResumeMode, ResumePosition
from execution_monitor.live.dispatcher import Dispatcher
from execution_monitor.live.events import Delivery
from execution_monitor.live.followed_executions import FollowedExecutions
from execution_monitor.live.hub import Hub
from execution_monitor.live.image_topics import ImagesTopic
from execution_monitor.live.lag import LagMeter
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition, position_after, time_of
from execution_monitor.live.stats import LiveStats
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from execution_monitor.live.topics import ActivityTopic, ExecutionsTopic, Topic, Visibility
from execution_monitor.storage.database import Database, explain
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# Without permission to turn images on, every change would try to.
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
    behind_seconds: float = 15.0  # of lag, from which on clients and operators are notified
    backlog: BacklogLimits = field(default_factory=BacklogLimits)
    catch_up: CatchUpLimits = field(default_factory=CatchUpLimits)


class Live:
    """The one change stream of the process and all its subscribers; an async context manager."""

    def __init__(self, database: Database, uri: str, cursors: LiveCursors, limits: LiveLimits | None = None) -> None:
        self._database = database
        self._uri = uri
        self._cursors = cursors
        self._limits = limits or LiveLimits()
        self._subscribers: set[Subscriber] = set()
        self._totals = SubscriberTotals()
        self._buffer = ReplayBuffer(self._limits.replay_buffer_bytes)
        self._followed = FollowedExecutions()
        hub = self._hub = Hub()
        self._catch_up = CatchUp(self._history, self._buffer, self._followed, hub, self._limits.catch_up)
        dispatcher = Dispatcher(self._buffer, hub, self._mend_after)
        self._stream = ChangeStream(
            self._connect,
            begin=self._buffer.begin,
            take=dispatcher.take,
            advance=dispatcher.advance,
            followed=self._followed,
            lookback=self._limits.lookback_seconds,
        )
        self.behind = LagMeter(database.handle, self._stream, self._limits.behind_seconds)
        self._clock = ClusterClock(database.handle, self._stream)
        self._reading_history: tuple[AsyncMongoClient[Any], AsyncDatabase[Any]] | None = None
        self._must_mend = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.stats = LiveStats(
            stream=self._stream,
            dispatcher=dispatcher,
            buffer=self._buffer,
            hub=hub,
            catch_up=self._catch_up,
            lag=self.behind,
            subscribers=self._subscribers,
            totals=self._totals,
        )

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(each) for each in (self._stream.run(), self._mend(), self.behind.run())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every subscription and close everything that was opened."""
        for subscriber in tuple(self._subscribers):
            subscriber.close()
        await self._catch_up.close()
        await self._clock.close()
        # What the stream abandons takes a while to close, and a second cancellation would leave that undone.
        self._stream.is_closing = True
        reading, self._tasks = self._tasks[:1], self._tasks[1:]
        for task in reading:
            task.cancel()
        await end_tasks(*self._tasks)
        await asyncio.gather(*reading, return_exceptions=True)
        if self._reading_history is not None:
            await self._reading_history[0].close()

    def cursor_at(self, caller: Caller, read_at: Timestamp) -> str:
        """The cursor of a page that `caller` read from a snapshot at `read_at`."""
        return self._cursors.encode(ResumePosition(position_after(read_at)), Visibility.of(caller).digest)

    async def subscribe(self, caller: Caller, where: Filter = EVERYTHING, after: str | None = None) -> Subscriber:
        """Subscribe to the executions that `caller` may see and `where` matches.

        It begins with the next change, or right after the cursor `after`.

        Raises:
            Forbidden: the caller lacks the scope `executions:read`.
            InvalidCursor: `after` is damaged, of another visibility, or ahead of the database.
            DatabaseUnavailable: MongoDB does not answer.
        """
        return await self.subscribe_to(ExecutionsTopic(self._cursors, Visibility.of(caller), where), after)

    async def subscribe_to(self, topic: Topic, after: str | None = None) -> Subscriber:
        """Subscribe to any topic from now on, or right after the cursor `after`; raises as `subscribe`."""
        resume = None if after is None else self._cursors.decode(after, topic.sealed_for)
        now = await self._now()
        if resume is None:
            # What a stream that lags has still to read happened before this call.
            present = await self._clock.ahead_of_stream()
            return self._follow(topic, now if present is None else max(now, present))
        await self._refuse_the_future(resume.position, now)
        return self._follow(topic, resume.position)

    async def subscribe_activity(self, caller: Caller, execution_id: str, after: str | None = None) -> Activity:
        """Subscribe to everything that happens to one execution.

        It begins with the present state, or right after the cursor `after`.

        Raises:
            NotFound: there is no such execution, or `caller` may not see it.
            Forbidden, InvalidCursor, DatabaseUnavailable: as `subscribe`.
        """
        topic = ActivityTopic(self._cursors, Visibility.of(caller), execution_id)
        resume = None if after is None else self._cursors.decode(after, topic.sealed_for)
        now = await self._now()
        # Before its state is read, so that what is written from then on is in the replay buffer.
        self._followed.follow(execution_id)
        leave = partial(self._followed.leave, execution_id)
        activity = Activity(topic, self._database, self._follow, self._limits.linger_seconds, leave)
        try:
            await self._begin(activity, resume, now)
        except BaseException:
            activity.close()
            raise
        return activity

    def visibility_of(self, caller: Caller) -> Visibility:
        """Which executions `caller` may see; raises `Forbidden` without the scope `executions:read`."""
        return Visibility.of(caller)

    def images(self, visibility: Visibility, where: Filter) -> ImagesTopic:
        """The topic of the images of the changes of what `visibility` shows and `where` matches."""
        return ImagesTopic(self._cursors, visibility, where)

    async def follow_images(self, topic: ImagesTopic, position: StreamPosition) -> Subscriber:
        """Follow `topic` right after `position`, such as that of a snapshot just read.

        Raises:
            DatabaseUnavailable: MongoDB does not answer.
        """
        await self._now()
        return self._follow(topic, position)

    def has_caught_up(self, subscriber: Subscriber) -> bool:
        """Whether `subscriber` has been offered every change that this process knows of."""
        return self._hub.serves(subscriber)

    async def position_of(self, topic: Topic, cursor: str) -> StreamPosition:
        """The position of a `cursor` of the visibility of `topic`.

        Raises:
            InvalidCursor: it is damaged, of another visibility, or ahead of the database.
            DatabaseUnavailable: MongoDB does not answer.
        """
        resume = self._cursors.decode(cursor, topic.sealed_for)
        await self._refuse_the_future(resume.position, await self._now())
        return resume.position

    @property
    def reached(self) -> StreamPosition | None:
        """The position up to which every change was handed to its subscribers; None until there is one."""
        return self._buffer.newest

    def changes_after(self, topic: Topic, position: StreamPosition, limit: int) -> Sequence[Delivery] | None:
        """What the changes after `position` mean to `topic`; None if they are unknown here, or more than `limit`."""
        if not self._buffer.covers(position):
            return None
        changes = self._buffer.since(position, limit + 1)
        if len(changes) > limit:
            return None
        judged = (topic.judge(each.read()) for each in changes)
        return [each for each in judged if each is not None]

    async def _begin(self, activity: Activity, resume: ResumePosition | None, now: StreamPosition) -> None:
        await self._followed.wait_until_brought(activity.execution_id, self._limits.start_seconds)
        if resume is None or resume.mode is ResumeMode.RESTART:
            await activity.begin()
        elif resume.mode is ResumeMode.ENDED:
            activity.close()
        else:
            await self._refuse_the_future(resume.position, now)
            await activity.resume(resume.position)

    async def _now(self) -> StreamPosition:
        """The newest position that this process knows, as soon as it knows any."""
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                await self._stream.started.wait()
        except TimeoutError as error:
            raise DatabaseUnavailable("MongoDB has not answered yet; try again in a moment.") from error
        known = [position for position in (self._buffer.newest, self._stream.began_at) if position is not None]
        return max(known)

    async def _refuse_the_future(self, position: StreamPosition, now: StreamPosition) -> None:
        if position <= now:
            return
        # The stream is a moment behind the snapshots of pages, and behind the streams of other servers.
        try:
            latest = await await_reply(cluster_time(self._database.handle), _CLUSTER_TIME_MS)
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        if time_of(position) > latest:
            raise InvalidCursor("This cursor is ahead of the database; subscribe again without one.")

    def _follow(self, topic: Topic, position: StreamPosition) -> Subscriber:
        subscriber = Subscriber(topic, self._limits.backlog, self._totals, position)
        self._subscribers.add(subscriber)
        self._stream.has_subscribers.set()
        subscriber.on_close(partial(self._leave, subscriber))
        self._catch_up.begin(subscriber, position)
        return subscriber

    def _leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self._stream.has_subscribers.clear()

    def _mend_after(self, reason: GapReason) -> None:
        if reason in _MENDABLE:
            self._must_mend.set()

    async def _mend(self) -> None:
        """Turn pre- and post-images on again whenever a collection was replaced."""
        while True:
            await self._must_mend.wait()
            self._must_mend.clear()
            try:
                await self._database.prepare()
            except (PyMongoError, DatabaseUnavailable) as error:
                log.warning("images_not_turned_on", error=type(error).__name__)
            await asyncio.sleep(_MENDING_SECONDS)

    def _history(self) -> AsyncDatabase[Any]:
        """The database as catch-up reads it: neither pages nor the stream wait for these connections."""
        if self._reading_history is None:
            self._reading_history = self._connect()
        return self._reading_history[1]

    def _connect(self) -> tuple[AsyncMongoClient[Any], AsyncDatabase[Any]]:
        opened = Database.at(self._uri, self._database.handle.name)
        return opened.client, opened.handle
