"""Catch-up from MongoDB's history: change streams of the past, until the replay buffer has the rest."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.live.catch_up_group import CHUNK, CatchUpGroup, CatchUpSteps
from execution_monitor.live.change_stream_cursor import (
    is_history_lost,
    is_transient,
    open_change_stream,
    tenant_stage,
)
from execution_monitor.live.changes import Change, GapReason, HistoryBroken, StreamEvent
from execution_monitor.live.followed_executions import FollowedIds
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.tasks import TimeLimit, end_tasks

log = structlog.get_logger()

# A stream without a reply for this long is closed; how often it is opened again without progress.
_SILENCE_SECONDS = 5.0
_TRIES = 6
_PAUSE_SECONDS = 0.5
# Subscribers that come back together share a stream: the first waits this long for the others.
_GATHER_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """How much history may be read at once."""

    at_once: int = 4  # streams; each costs mongod about as much as the process's own
    wait_seconds: float = 20.0  # for a stream


@dataclass(frozen=True, slots=True)
class _Waiting:
    position: StreamPosition
    since: float


class HistoryCatchUp:
    """Change streams of the past; each serves all subscribers of a tenant that come back at about the same time."""

    def __init__(self, database: Callable[[], AsyncDatabase[Any]], steps: CatchUpSteps, limits: CatchUpLimits) -> None:
        self.served = 0  # subscribers
        self._database = database
        self._steps = steps
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.at_once)
        self._waiting: dict[str, dict[Subscriber, _Waiting]] = {}
        self._readings: set[_Reading] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Bring `subscriber` on from `position`, with others if a stream that suits it is open."""
        self.served += 1
        tenant = subscriber.topic.visibility.tenant
        for reading in self._readings:
            if reading.tenant == tenant and reading.suits(subscriber, position):
                reading.group.add(subscriber, position)
                return
        waiting = self._waiting.setdefault(tenant, {})
        if not waiting:
            task = asyncio.create_task(self._serve(tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        waiting[subscriber] = _Waiting(position, asyncio.get_running_loop().time())

    def discard(self, subscriber: Subscriber) -> None:
        """Remove `subscriber`, if it is here."""
        self._waiting.get(subscriber.topic.visibility.tenant, {}).pop(subscriber, None)
        for reading in self._readings:
            reading.group.discard(subscriber)

    async def close(self) -> None:
        """Stop, and wait until every stream is closed."""
        await end_tasks(*self._tasks)

    async def _serve(self, tenant: str) -> None:
        """Wait for a turn, then serve all subscribers of `tenant` that wait by then."""
        await asyncio.sleep(_GATHER_SECONDS)
        while not await self._gets_turn():
            self._give_up_overdue(tenant)
            if not self._waiting.get(tenant):
                self._waiting.pop(tenant, None)
                return
        try:
            group = CatchUpGroup(self._steps)
            for subscriber, waiting in self._waiting.pop(tenant, {}).items():
                group.add(subscriber, waiting.position)
            if len(group):
                await self._read(_Reading(tenant, group))
        finally:
            self._turns.release()

    async def _gets_turn(self) -> bool:
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            return False
        return True

    def _give_up_overdue(self, tenant: str) -> None:
        """Give up subscribers that have waited for too long."""
        latest = asyncio.get_running_loop().time() - self._limits.wait_seconds
        for subscriber, waiting in tuple(self._waiting.get(tenant, {}).items()):
            if waiting.since <= latest + _GATHER_SECONDS:
                del self._waiting[tenant][subscriber]
                self._steps.give_up(subscriber, GapReason.TOO_MANY_RESUMING)

    async def _read(self, reading: "_Reading") -> None:
        """Offer what MongoDB remembers until every member has left; give up those that it cannot serve."""
        self._readings.add(reading)
        failures, reason = 0, GapReason.UNAVAILABLE
        try:
            while len(reading.group) and failures < _TRIES:
                before = reading.start()
                try:
                    await self._read_once(reading)
                except Exception as error:  # noqa: BLE001 - whatever it is, the subscribers get a GAP
                    log.warning("catch_up_failed", error=type(error).__name__, code=getattr(error, "code", None))
                    if is_history_lost(error):
                        reason = GapReason.HISTORY_LOST
                        break
                    if not is_transient(error) and not isinstance(error, TimeoutError):
                        reason = GapReason.FAILED
                        break
                    failures = 1 if reading.position > before else failures + 1
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._readings.discard(reading)
        for subscriber in tuple(reading.group.members):
            reading.group.discard(subscriber)
            self._steps.give_up(subscriber, reason)

    async def _read_once(self, reading: "_Reading") -> None:
        # The limit is that of one reply. A stream whose reply is cut off is not used again: the block ends with it.
        async with TimeLimit(_SILENCE_SECONDS) as limit:
            tenant = tenant_stage(reading.tenant)
            async with open_change_stream(self._database(), reading.position, reading.followed, [tenant]) as stream:
                while len(reading.group) and stream.is_open:
                    events = await stream.next_batch(CHUNK)
                    limit.extend(None)
                    await self._offer(reading, events, stream.position)
                    limit.extend(_SILENCE_SECONDS)
                    await asyncio.sleep(0)

    async def _offer(self, reading: "_Reading", events: Sequence[StreamEvent], until: StreamPosition) -> None:
        # A subscriber that comes while this is offered has either reached `until`, or must have another stream.
        reading.position = until
        changes = [event for event in events if isinstance(event, Change)]
        if events and isinstance(broken := events[-1], HistoryBroken):
            if changes:
                await reading.group.offer(changes, changes[-1].position, _never)
            # Before any member goes on elsewhere, where the break is unknown.
            reading.group.send_gap(broken)
            changes = []
        await reading.group.offer(changes, until, self._steps.is_in_buffer)


def _never(_: Subscriber, __: StreamPosition) -> bool:
    return False


class _Reading:
    """One stream of the past and the group that it serves."""

    def __init__(self, tenant: str, group: CatchUpGroup) -> None:
        self.tenant = tenant
        self.group = group
        self.position = min(group.members.values())
        self.followed: FollowedIds = frozenset()

    def start(self) -> StreamPosition:
        """Begin, or begin again, at the earliest position of a member; return that position."""
        self.position = min(self.group.members.values())
        followed = (subscriber.topic.followed_execution for subscriber in self.group.members)
        self.followed = frozenset(each for each in followed if each is not None)
        return self.position

    def suits(self, subscriber: Subscriber, position: StreamPosition) -> bool:
        """Whether everything that `subscriber` has missed after `position` is still to be read here."""
        execution_id = subscriber.topic.followed_execution
        return position >= self.position and (
            execution_id is None or self.followed is None or execution_id in self.followed
        )
