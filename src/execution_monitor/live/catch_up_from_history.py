"""Brings subscribers through MongoDB's own history until the replay buffer has the rest."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.live.catch_up_group import CHUNK, CatchUpGroup, JudgementCache
from execution_monitor.live.change_stream_cursor import is_history_lost, is_transient, open_change_stream, tenant_stage
from execution_monitor.live.changes import Change, Event, GapReason, HistoryBroken
from execution_monitor.live.followed_executions import Scope
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.stats import Counters
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.tasks import TimeLimit, end_tasks

log = structlog.get_logger()

# A reader without a reply for this long is closed; how often it is opened again without getting further.
_SILENCE_SECONDS = 5.0
_TRIES = 6
_PAUSE_SECONDS = 0.5
# Those who come back together share a stream: the first waits a moment for the others.
_GATHER_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """How much history may be read at once."""

    at_once: int = 4  # streams; each costs mongod about what the process's own does
    wait_seconds: float = 20.0  # for a turn


@dataclass(frozen=True, slots=True)
class _Waiting:
    position: StreamPosition
    since: float


class HistoryCatchUp:
    """Change streams of the past, each for all of a tenant who come back at about the same time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what is read, for whom, and where they go from here
        self,
        database: Callable[[], AsyncDatabase[Any]],
        judgements: JudgementCache,
        covers: Callable[[Subscriber, StreamPosition], bool],
        place: Callable[[Subscriber, StreamPosition], None],
        give_up: Callable[[Subscriber, GapReason], None],
        limits: CatchUpLimits,
        counters: Counters,
    ) -> None:
        self._database = database
        self._judgements = judgements
        self._covers = covers
        self._place = place
        self._give_up = give_up
        self._limits = limits
        self._counters = counters
        self._turns = asyncio.Semaphore(limits.at_once)
        self._waiting: dict[str, dict[Subscriber, _Waiting]] = {}
        self._readings: set[_Reading] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Bring `subscriber` from `position`, with others if there are any on the same way."""
        self._counters.caught_up += 1
        tenant = subscriber.topic.rights.tenant
        for reading in self._readings:
            if reading.tenant == tenant and reading.takes(subscriber, position):
                reading.group.add(subscriber, position)
                return
        waiting = self._waiting.setdefault(tenant, {})
        if not waiting:
            task = asyncio.create_task(self._serve(tenant))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        waiting[subscriber] = _Waiting(position, asyncio.get_running_loop().time())

    def discard(self, subscriber: Subscriber) -> None:
        """Let go of `subscriber`."""
        self._waiting.get(subscriber.topic.rights.tenant, {}).pop(subscriber, None)
        for reading in self._readings:
            reading.group.discard(subscriber)

    async def close(self) -> None:
        """Stop, and wait until every stream is closed."""
        await end_tasks(*self._tasks)

    async def _serve(self, tenant: str) -> None:
        """Wait for a turn, then bring all of `tenant` who wait by then."""
        await asyncio.sleep(_GATHER_SECONDS)
        while not await self._gets_turn():
            self._dismiss(tenant)
            if not self._waiting.get(tenant):
                self._waiting.pop(tenant, None)
                return
        try:
            group = CatchUpGroup(self._judgements, self._place)
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

    def _dismiss(self, tenant: str) -> None:
        """Give up those who have waited for too long."""
        latest = asyncio.get_running_loop().time() - self._limits.wait_seconds
        for subscriber, waiting in tuple(self._waiting.get(tenant, {}).items()):
            if waiting.since <= latest + _GATHER_SECONDS:
                del self._waiting[tenant][subscriber]
                self._give_up(subscriber, GapReason.TOO_MANY_RESUMING)

    async def _read(self, reading: "_Reading") -> None:
        """Offer what MongoDB remembers until every member has left; those it is of no use to are given up."""
        self._readings.add(reading)
        failures, reason = 0, GapReason.UNAVAILABLE
        try:
            while len(reading.group) and failures < _TRIES:
                before = reading.start()
                try:
                    await self._read_once(reading)
                except Exception as error:  # noqa: BLE001 - whatever it is, the subscribers are told
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
            self._give_up(subscriber, reason)

    async def _read_once(self, reading: "_Reading") -> None:
        # Each read has its limit. One that is cut off is never used again: the stream is left with the block.
        async with TimeLimit(_SILENCE_SECONDS) as limit:
            tenant = tenant_stage(reading.tenant)
            async with open_change_stream(self._database(), reading.position, reading.scope, [tenant]) as stream:
                while len(reading.group) and stream.is_open:
                    events = await stream.next_together(CHUNK)
                    limit.extend(None)
                    await self._offer(reading, events, stream.position)
                    limit.extend(_SILENCE_SECONDS)
                    await asyncio.sleep(0)

    async def _offer(self, reading: "_Reading", events: Sequence[Event], until: StreamPosition) -> None:
        # Who comes while this is offered is either as far already, or must have another stream.
        reading.position = until
        changes = [event for event in events if isinstance(event, Change)]
        if events and isinstance(broken := events[-1], HistoryBroken):
            if changes:
                await reading.group.offer(changes, changes[-1].position, _nobody)
            # Before anybody goes on elsewhere, where nothing is known of it.
            reading.group.break_off(broken)
            changes = []
        await reading.group.offer(changes, until, self._covers)


def _nobody(_: Subscriber, __: StreamPosition) -> bool:
    return False


class _Reading:
    """One stream of the past and those it is read for."""

    def __init__(self, tenant: str, group: CatchUpGroup) -> None:
        self.tenant = tenant
        self.group = group
        self.position = min(group.members.values())
        self.scope: Scope = frozenset()

    def start(self) -> StreamPosition:
        """Begin, or begin again, where the last member is; that position."""
        self.position = min(self.group.members.values())
        followed = (subscriber.topic.follows for subscriber in self.group.members)
        self.scope = frozenset(each for each in followed if each is not None)
        return self.position

    def takes(self, subscriber: Subscriber, position: StreamPosition) -> bool:
        """Whether what `subscriber` has missed is still to be read here."""
        follows = subscriber.topic.follows
        return position >= self.position and (follows is None or self.scope is None or follows in self.scope)
