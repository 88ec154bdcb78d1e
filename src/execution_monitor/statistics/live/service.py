"""The service of live statistics: feeds by question, and the turns in which they read and answer."""

import asyncio
import time
from collections.abc import Hashable
from functools import partial
from typing import Self

import structlog

from execution_monitor.auth.caller import Caller
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.service import Live
from execution_monitor.statistics.live.feed import Feed, FeedSources
from execution_monitor.statistics.live.reading import LiveReader
from execution_monitor.statistics.live.subscription import StatisticsSubscription
from execution_monitor.statistics.questions import Question
from execution_monitor.statistics.requests import StatisticsRequest
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.time_range import without_moving_start
from execution_monitor.storage.reader import Reader
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# Feeds that read at once; the others wait.
_READS_AT_ONCE = 2
# While several feeds wait for their turn, the process rests between them so many times as long as each took: answers
# come less often than once a second, and lists and other streams are served.
_REST = 2


class LiveStatistics:
    """Subscriptions of statistics over the live updates of a process; an async context manager."""

    def __init__(self, reader: Reader, live: Live, rollups: PathB | None = None) -> None:
        self._live = live
        self._reader = reader
        self._rollups = rollups
        self._feeds: dict[Hashable, Feed] = {}
        self._tasks: dict[Feed, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._sources: FeedSources | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        reader, turns = LiveReader(self._reader, self._rollups), asyncio.Semaphore(_READS_AT_ONCE)
        self._sources = FeedSources(self._live, reader, turns, asyncio.Queue(), self._reader.clock)
        self._ticking = asyncio.create_task(self._tick(self._sources))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def feeds(self) -> int:
        """How many different questions are followed."""
        return len(self._feeds)

    async def close(self) -> None:
        """End every subscription."""
        for feed in tuple(self._feeds.values()):
            for each in tuple(feed.subscriptions):
                each.close()
        tasks = [*self._ending, *([] if self._ticking is None else [self._ticking])]
        await end_tasks(*tasks)

    async def subscribe(
        self, caller: Caller, request: StatisticsRequest, after: str | None = None, *, every_change: bool = False
    ) -> StatisticsSubscription:
        """Subscribe to the answers to `request`: a new one whenever it has changed, at most one a second.

        The first comes at once; behind the cursor `after`, only if anything may have changed since.

        Args:
            caller: whose executions are counted.
            request: what to add up; it is never sampled.
            after: a cursor of live updates, of an answer or a page.
            every_change: whether an answer is new after every change of an execution that matches, also one of what
                is not added up.

        Raises:
            Forbidden: the caller lacks the scope `executions:read`.
            BadUserInput: the request is wrong; the message says what to do.
            InvalidCursor: `after` is damaged, of another visibility, or ahead of the database.
            QueryTimeout: there is too much to read.
            DatabaseUnavailable: MongoDB does not answer.
        """
        if self._sources is None:
            raise RuntimeError("Live statistics are not open.")
        question_at = partial(Question.of, caller, request)
        question_at(self._reader.clock())
        visibility = self._live.visibility_of(caller)
        topic = self._live.images(visibility, without_moving_start(request.where))
        position = None if after is None else await self._live.position_of(topic, after)
        # The `repr` of a filter shows all of it.
        key = repr((visibility.condition, request, every_change))
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = Feed(self._sources, topic, question_at, follows_every_change=every_change)
            self._tasks[feed] = asyncio.create_task(feed.run())
        return await self._join(key, feed, position)

    async def _join(self, key: Hashable, feed: Feed, position: StreamPosition | None) -> StatisticsSubscription:
        leave = partial(self._leave, key, feed)
        feed.waiting += 1
        try:
            await asyncio.shield(feed.ready)
            # From here on changes are noticed: they make another answer than this one.
            known = feed.current()
            subscription = StatisticsSubscription(leave)
            if position is None or await feed.has_changed_since(position):
                subscription.offer(feed.current())
            feed.add(subscription, known)
        finally:
            feed.waiting -= 1
            self._end_unused(key, feed)
        return subscription

    def _leave(self, key: Hashable, feed: Feed, subscription: StatisticsSubscription) -> None:
        feed.subscriptions.discard(subscription)
        self._end_unused(key, feed)

    def _end_unused(self, key: Hashable, feed: Feed) -> None:
        if feed.subscriptions or feed.waiting:
            return
        if self._feeds.get(key) is feed:
            del self._feeds[key]
        task = self._tasks.pop(feed, None)
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _tick(self, sources: FeedSources) -> None:
        while True:
            feed = await sources.due.get()
            began = time.perf_counter()
            try:
                feed.tick()
            except Exception:
                log.exception("live_statistics_failed")
            if not sources.due.empty():
                await asyncio.sleep(_REST * (time.perf_counter() - began))
