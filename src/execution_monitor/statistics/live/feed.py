"""Feeds: one question, read once and followed for everyone who subscribes to it."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from execution_monitor.errors import BadUserInput, DatabaseUnavailable, QueryTimeout
from execution_monitor.live.events import Block, Delivery, EventKind
from execution_monitor.live.image_topics import ImagesDelivery, ImagesTopic
from execution_monitor.live.resume_tokens import StreamPosition, time_of
from execution_monitor.live.service import Live
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.statistics.live.reading import LiveReader, standing
from execution_monitor.statistics.live.subscription import StatisticsDelivery, StatisticsSubscription
from execution_monitor.statistics.live.tables import FollowingTables, MustReadAgain, same_content, same_facts
from execution_monitor.statistics.questions import Question
from execution_monitor.storage.bson_ordering import milliseconds_of

log = structlog.get_logger()

SECONDS_BETWEEN_ANSWERS = 1.0
# What is written together arrives within it, and is one answer.
_GATHER_SECONDS = 0.05
# Where a question must be read again for each answer, reading takes at most a twentieth of the time.
_READING_SHARE = 20
_MAX_SECONDS_BETWEEN_READS = 60.0
_RETRY_SECONDS = 2.0
# More groups than these are not kept in memory: 10,000 take some 30 MB.
_MAX_GROUPS_KEPT = 10_000
# So many changes are looked at to find out whether the answer is still the one that a client has.
_MAX_LOOKED_AT = 1_000
# The time of a cursor is MongoDB's, in whole seconds; clocks of servers differ.
_CLOCK_MARGIN = timedelta(seconds=5)
# A document's move to a new place of the range is read in time, that long before it is needed.
_REFILL_AHEAD_MS = 60_000
_REACH_SECONDS = 10.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class FeedSources:
    """What feeds are made from.

    Attributes:
        turns: how many of them read at once.
        due: takes the feeds whose time for an answer has come.
        clock: the time that questions are bound to.
    """

    live: Live
    reader: LiveReader
    turns: asyncio.Semaphore
    due: asyncio.Queue["Feed"]
    clock: Callable[[], datetime]


class Feed:
    """Answers to one question, for all of its subscriptions; it takes changes as the `Receiver` of live updates.

    Args:
        sources: what it reads and follows.
        topic: the changes that concern it.
        question_at: the question at an instant.
        follows_every_change: whether what is selected depends on more of executions than what is added up.
    """

    def __init__(
        self,
        sources: FeedSources,
        topic: ImagesTopic,
        question_at: Callable[[datetime], Question],
        *,
        follows_every_change: bool,
    ) -> None:
        self.subscriptions: set[StatisticsSubscription] = set()
        self.waiting = 0  # those that will subscribe when it is ready
        self.latest: StatisticsDelivery | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Its exception is nobody's where all who waited for it have gone.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self.topic = topic
        self._sources = sources
        self._question_at = question_at
        self._follows_every_change = follows_every_change
        self._tables: FollowingTables | None = None
        self._follows = True  # until it turns out that it must read for each answer
        self._must_publish = False
        self._is_stale = False
        self._subscriber: Subscriber | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refilling: asyncio.Task[None] | None = None
        self._published_at = float("-inf")
        self._read_at = float("-inf")
        self._read_seconds = 0.0
        self.reads = 0

    async def run(self) -> None:
        """Read, follow the changes, and begin again where that is not enough, until it is cancelled."""
        try:
            while True:
                try:
                    await self._read_and_follow()
                except (QueryTimeout, DatabaseUnavailable) as error:
                    if not self.ready.done():
                        self.ready.set_exception(error)
                        return
                    log.warning("live_statistics_not_read", error=type(error).__name__)
                    await asyncio.sleep(max(_RETRY_SECONDS, self._pause))
        except Exception as error:
            log.exception("live_statistics_failed")
            if not self.ready.done():
                self.ready.set_exception(error)
            self._fail(error)
        finally:
            self._stop_timer()
            if self._refilling is not None:
                self._refilling.cancel()

    async def has_changed_since(self, position: StreamPosition) -> bool:
        """Whether the answer may be another than at `position`; when in doubt, it is."""
        # The answer may hold what the change stream has still to bring.
        latest = self.latest
        if latest is None or not await self._wait_until(lambda: self._has_reached(latest.position)):
            return True
        changes = self._sources.live.changes_after(self.topic, position, _MAX_LOOKED_AT)
        if changes is None or any(self._matters(each) for each in changes):
            return True
        if self._tables is None:
            return True
        question = self._tables.question
        before = self._question_at(time_of(position).as_datetime() - _CLOCK_MARGIN)
        if before.buckets != question.buckets:
            return True
        since = milliseconds_of(before.time_range.start)
        return since < milliseconds_of(question.time_range.start) and await self._sources.reader.has_left(
            question, since
        )

    def current(self) -> StatisticsDelivery:
        """The answer as of now."""
        latest = self.latest
        if latest is None:
            raise RuntimeError("A feed has no answer before it is ready.")
        tables = self._tables
        if tables is None:
            return latest
        try:
            delivery = self._advance(tables)
        except MustReadAgain:
            self._read_again()
            return latest
        if delivery is latest and tables.question.now - latest.occurred_at > timedelta(seconds=SECONDS_BETWEEN_ANSWERS):
            # It says the same, as of now.
            delivery = self.latest = self._delivery_of(tables)
        return delivery

    def add(self, subscription: StatisticsSubscription, known: StatisticsDelivery) -> None:
        """Offer answers to `subscription` from now on: those that say something else than `known`."""
        subscription.latest = subscription.latest or known
        self.subscriptions.add(subscription)
        self._offer_latest()

    def tick(self) -> None:
        """Offer a new answer to those whose last one is another and old enough."""
        self._stop_timer()
        tables = self._tables
        try:
            if tables is not None:
                self._publish(self._advance(tables), tables)
            elif self._is_stale or self._must_publish or self._changes_by_itself:
                self._read_again()
        except MustReadAgain:
            self._read_again()
        except BadUserInput as error:
            # A range without an end has grown to more buckets than a series may have.
            self._fail(error)
        self._offer_latest()

    def receive(self, delivery: Delivery) -> bool:
        """Follow a change."""
        if not isinstance(delivery, ImagesDelivery):
            return False
        self._must_publish = self._must_publish or self._follows_every_change
        if self._tables is None:
            self._is_stale = self._is_stale or self._matters(delivery)
            counts = self._is_stale
        else:
            try:
                counts = self._tables.apply(delivery)
            except Exception:
                log.exception("live_statistics_broke")
                self._read_again()
                return True
        if not counts and not self._must_publish:
            return True
        self._schedule(max(self._next_answer_at, self._now() + _GATHER_SECONDS))
        return True

    def receive_block(self, block: Block) -> bool:
        """Follow several changes."""
        return all(self.receive(each) for each in block.deliveries)

    async def _read_and_follow(self) -> None:
        await asyncio.sleep(max(0.0, self._read_at + self._pause - self._now()))
        async with self._sources.turns:
            began = self._now()
            self._is_stale = False
            question = self._question_at(self._instant())
            self._follows = self._follows and not standing(question).is_relative
            reading = await self._sources.reader.read(question, follows=self._follows)
            self._read_at = self._now()
            self._read_seconds = self._read_at - began
            self.reads += 1
        tables = FollowingTables(reading, self._question_at)
        self._subscriber = await self._sources.live.follow_images(self.topic, tables.position)
        with closing(self._subscriber) as subscriber:
            self._follows = reading.edges is not None and tables.groups_kept() <= _MAX_GROUPS_KEPT
            self._tables = tables if self._follows else None
            subscriber.push_to(self)
            # What rollups were read as of is some seconds old, and a client may know a newer answer.
            await self._wait_until(lambda: self._sources.live.has_caught_up(subscriber))
            self._publish(self._delivery_of(tables), tables)
            if not self.ready.done():
                self.ready.set_result(None)
            self._offer_latest()
            async for delivery in subscriber:
                if delivery.kind is EventKind.GAP:
                    break
                self.receive(delivery)
        self._subscriber = self._tables = None
        if self._refilling is not None:
            self._refilling.cancel()

    def _advance(self, tables: FollowingTables) -> StatisticsDelivery:
        """The answer as of now; the one before where it still says the same."""
        tables.advance(self._instant())
        latest = self.latest
        if latest is not None and not tables.has_changed and not self._must_publish:
            return latest
        return self._delivery_of(tables)

    def _publish(self, delivery: StatisticsDelivery, tables: FollowingTables) -> None:
        latest = self.latest
        if delivery is not latest and (
            latest is None or self._must_publish or not same_content(latest.answer, delivery.answer)
        ):
            self.latest = delivery
            self._published_at = self._now()
        tables.has_changed = self._must_publish = False
        if self._tables is None:
            if self._changes_by_itself:
                self._schedule(self._next_answer_at)
            return
        if tables.groups_kept() > _MAX_GROUPS_KEPT:
            self._follows, self._tables = False, None
            return
        self._refill_in_time(tables)
        wait = tables.seconds_to_next()
        if wait is not None:
            self._schedule(max(self._next_answer_at, self._now() + wait))

    def _offer_latest(self) -> None:
        latest, now = self.latest, self._now()
        for each in tuple(self.subscriptions):
            if latest is None or each.latest is latest:
                continue
            if each.latest is not None and self._says_the_same(each.latest, latest):
                each.latest = latest
            elif each.offered_at + SECONDS_BETWEEN_ANSWERS <= now:
                each.offer(latest)
            else:
                self._schedule(each.offered_at + SECONDS_BETWEEN_ANSWERS)

    def _says_the_same(self, one: StatisticsDelivery, other: StatisticsDelivery) -> bool:
        if self._follows_every_change and one.position != other.position:
            return False
        return same_content(one.answer, other.answer)

    def _matters(self, delivery: Delivery) -> bool:
        if self._follows_every_change or not isinstance(delivery, ImagesDelivery):
            return True
        before, after = delivery.before, delivery.row
        return before is None or after is None or not same_facts(before, after)

    def _delivery_of(self, tables: FollowingTables) -> StatisticsDelivery:
        return StatisticsDelivery(
            topic=self.topic,
            kind=EventKind.UPDATED,
            position=tables.position,
            occurred_at=tables.question.now,
            answer=tables.answer(),
        )

    def _refill_in_time(self, tables: FollowingTables) -> None:
        until = tables.edges.until
        start = milliseconds_of(tables.question.time_range.start)
        if until is not None and until - start < _REFILL_AHEAD_MS and self._refilling is None:
            self._refilling = asyncio.create_task(self._refill(tables, until))
            self._refilling.add_done_callback(self._end_refill)

    async def _refill(self, tables: FollowingTables, begin: int) -> None:
        """Read the documents that leave next; changes meanwhile are remembered."""
        tables.edges.begin_refill()
        try:
            async with self._sources.turns:
                found = await self._sources.reader.read_leaving(tables.question, begin)
        except (QueryTimeout, DatabaseUnavailable) as error:
            log.warning("live_statistics_not_read", error=type(error).__name__)
            found = None
        reached = found is not None and await self._wait_until(lambda: self._has_reached(found.position))
        if found is None or not reached:
            self._read_again()
            return
        tables.edges.refill(found.rows, found.until)
        self._schedule(self._next_answer_at)

    def _has_reached(self, position: StreamPosition) -> bool:
        """Whether every change up to the time of `position` has been followed."""
        reached = self._sources.live.reached
        return reached is not None and time_of(reached) >= time_of(position)

    async def _wait_until(self, holds: Callable[[], bool]) -> bool:
        """Whether `holds` becomes true within some seconds."""
        ends = self._now() + _REACH_SECONDS
        while not holds():
            if self._now() > ends:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    def _end_refill(self, task: asyncio.Task[None]) -> None:
        if self._refilling is task:
            self._refilling = None

    def _fail(self, error: Exception) -> None:
        for each in tuple(self.subscriptions):
            each.fail(error)

    def _read_again(self) -> None:
        """End the following; `run` reads again."""
        if self._subscriber is not None:
            self._subscriber.close()

    def _instant(self) -> datetime:
        # As documents hold times: in whole milliseconds.
        now = self._sources.clock()
        return now - timedelta(microseconds=now.microsecond % 1_000)

    @property
    def _changes_by_itself(self) -> bool:
        question = self._question_at(self._instant())
        return standing(question).is_relative or question.time_range.moves or bool(question.buckets)

    @property
    def _pause(self) -> float:
        """Seconds between reads, where each answer must be read."""
        return min(_MAX_SECONDS_BETWEEN_READS, max(SECONDS_BETWEEN_ANSWERS, _READING_SHARE * self._read_seconds))

    @property
    def _next_answer_at(self) -> float:
        soonest = self._published_at + SECONDS_BETWEEN_ANSWERS
        return soonest if self._tables is not None else max(soonest, self._read_at + self._pause)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _schedule(self, at: float) -> None:
        """Have `tick` called then, unless it will be earlier."""
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._sources.due.put_nowait, self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
