"""Subscribers that begin in the past: served from the ring, or from MongoDB's history until it meets the ring."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.monitoring.live.changes import GapReason, HistoryBroken
from execution_monitor.monitoring.live.counters import Counters
from execution_monitor.monitoring.live.hub import Hub
from execution_monitor.monitoring.live.positions import Position
from execution_monitor.monitoring.live.ring import Ring
from execution_monitor.monitoring.live.subscription import Subscription
from execution_monitor.monitoring.live.watching import is_history_lost, is_passing, of_tenant, watch

log = structlog.get_logger()

# Changes that are looked at without a pause: about a millisecond.
_CHUNK = 500
# A reader without a word for this long is closed; how often it is opened again without getting further.
_SILENCE_SECONDS = 5.0
_TRIES = 6
_PAUSE_SECONDS = 0.5
# How long a subscriber that does not read may keep its turn.
_ROOM_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """How much history may be read at once."""

    at_once: int = 4  # streams; each costs mongod about what the process's own does
    wait_seconds: float = 20.0  # for a turn


class CatchUp:
    """Brings subscribers from where they left off to where the hub is."""

    def __init__(
        self,
        database: Callable[[], AsyncDatabase[Any]],
        ring: Ring,
        hub: Hub,
        limits: CatchUpLimits,
        counters: Counters,
    ) -> None:
        self._database = database
        self._ring = ring
        self._hub = hub
        self._limits = limits
        self._counters = counters
        self._turns = asyncio.Semaphore(limits.at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, subscription: Subscription, position: Position) -> None:
        """Bring `subscription` from `position` to the hub: at once when there is little in between, else in a task."""
        if self._ring.covers(position):
            position = self._replay(subscription, position)
            if self._join_at(subscription, position):
                return
        task = asyncio.create_task(self._bring(subscription, position))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        subscription.on_close(task.cancel)

    async def close(self) -> None:
        """Stop, and wait until everything is closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _bring(self, subscription: Subscription, position: Position) -> None:
        while not self._join_at(subscription, position):
            await subscription.wait_for_room()
            try:
                if self._ring.covers(position):
                    position = self._replay(subscription, position)
                    await asyncio.sleep(0)
                else:
                    position = await self._read_in_turn(subscription, position)
            except Exception:
                log.exception("catch_up_broke")
                position = self._give_up(subscription, GapReason.FAILED)

    def _join_at(self, subscription: Subscription, position: Position) -> bool:
        # Without a pause between the look at the ring and the hub: nothing can happen in between.
        if not self._ring.covers(position) or self._ring.since(position, 1):
            return False
        self._hub.join(subscription)
        return True

    def _replay(self, subscription: Subscription, position: Position) -> Position:
        """Offer what the ring holds behind `position`, as far as there is room; the position reached."""
        for change in self._ring.since(position, _CHUNK):
            if not subscription.has_room:
                break
            delivery = subscription.topic.judge(change)
            if delivery is not None:
                subscription.offer(delivery)
            position = change.position
        return position

    async def _read_in_turn(self, subscription: Subscription, position: Position) -> Position:
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            return self._give_up(subscription, GapReason.TOO_MANY_RESUMING)
        try:
            return await self._read(subscription, position)
        finally:
            self._turns.release()

    async def _read(self, subscription: Subscription, position: Position) -> Position:
        """Offer what MongoDB remembers behind `position`, until the ring or the limit of room; the position reached."""
        self._counters.caught_up += 1
        progress = _Progress(position)
        failures = 0
        while failures < _TRIES:
            before = progress.position
            try:
                await self._read_once(subscription, progress)
            except Exception as error:  # noqa: BLE001 - whatever it is, the subscriber is told
                log.warning("catch_up_failed", error=type(error).__name__, code=getattr(error, "code", None))
                if is_history_lost(error):
                    return self._give_up(subscription, GapReason.HISTORY_LOST)
                if not is_passing(error) and not isinstance(error, TimeoutError):
                    return self._give_up(subscription, GapReason.FAILED)
                failures = 1 if progress.position > before else failures + 1
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return progress.position
        return self._give_up(subscription, GapReason.UNAVAILABLE)

    async def _read_once(self, subscription: Subscription, progress: "_Progress") -> None:
        # Each read has its limit. One that is cut off is never used again: the stream is left with the block.
        async with asyncio.timeout(_SILENCE_SECONDS) as limit:
            clock = asyncio.get_running_loop().time
            tenant = of_tenant(subscription.topic.rights.tenant)
            async with watch(self._database(), progress.position, [tenant]) as stream:
                while not self._ring.covers(progress.position) and stream.is_open:
                    event = await stream.next()
                    if isinstance(event, HistoryBroken):
                        subscription.tell_gap(event.reason, event.position)
                    elif event is not None and (delivery := subscription.topic.judge(event)) is not None:
                        subscription.offer(delivery)
                    progress.position = stream.position
                    limit.reschedule(clock() + _SILENCE_SECONDS)
                    await asyncio.sleep(0)
                    if not subscription.has_room and not await self._gets_room(subscription):
                        return

    async def _gets_room(self, subscription: Subscription) -> bool:
        try:
            async with asyncio.timeout(_ROOM_SECONDS):
                await subscription.wait_for_room()
        except TimeoutError:
            return False
        return True

    def _give_up(self, subscription: Subscription, reason: GapReason) -> Position:
        newest = self._ring.newest
        if newest is None:
            raise RuntimeError("Nobody subscribes before the ring has begun.")
        subscription.tell_gap(reason, newest)
        return newest


@dataclass(slots=True)
class _Progress:
    position: Position
