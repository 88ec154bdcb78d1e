"""Brings subscribers from the replay buffer to the hub, all who come back together in one pass."""

import asyncio
from collections.abc import Callable

import structlog

from execution_monitor.live.catch_up_group import CHUNK, CatchUpGroup, JudgementCache
from execution_monitor.live.changes import GapReason
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import Subscriber

log = structlog.get_logger()

# Who comes while a pass is under way, and from further back, waits so long at most until it begins anew.
_PASS_SECONDS = 1.0


class BufferCatchUp:
    """One task while there is somebody to bring; `place` is handed who has arrived, or cannot be served from here."""

    def __init__(
        self,
        ring: ReplayBuffer,
        judgements: JudgementCache,
        covers: Callable[[Subscriber, StreamPosition], bool],
        place: Callable[[Subscriber, StreamPosition], None],
        give_up: Callable[[Subscriber, GapReason], None],
    ) -> None:
        self._give_up = give_up
        self._ring = ring
        self._covers = covers
        self._place = place
        self._group = CatchUpGroup(judgements, place)
        self._waiting: dict[Subscriber, StreamPosition] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Bring `subscriber` from `position`, which the ring covers."""
        self._waiting[subscriber] = position
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def discard(self, subscriber: Subscriber) -> None:
        """Let go of `subscriber`."""
        self._waiting.pop(subscriber, None)
        self._group.discard(subscriber)

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._bring_all()
        except Exception:
            # A defect: each is told, and goes on from the present.
            log.exception("replay_broke")
            self._admit(None)
            for subscriber in tuple(self._group.members):
                self._group.discard(subscriber)
                self._give_up(subscriber, GapReason.FAILED)

    async def _bring_all(self) -> None:
        clock = asyncio.get_running_loop().time
        began, position = clock(), None
        while self._waiting or len(self._group):
            if not len(self._group) or position is None or clock() - began > _PASS_SECONDS:
                self._admit(None)
                began, position = clock(), min(self._group.members.values())
            else:
                self._admit(position)
            # What takes so long that the ring has let go of what is next is read from MongoDB.
            self._group.leave([each for each, at in self._group.members.items() if not self._covers(each, at)])
            if not self._ring.covers(position):
                position = None
                continue
            kept = self._ring.since(position, CHUNK)
            position = kept[-1].position if kept else self._newest
            await self._group.offer([each.read() for each in kept], position, self._has_arrived)
            await asyncio.sleep(0)

    @property
    def _newest(self) -> StreamPosition:
        newest = self._ring.newest
        if newest is None:
            raise RuntimeError("Nobody subscribes before the ring has begun.")
        return newest

    def _admit(self, behind: StreamPosition | None) -> None:
        """Take in those who wait and are as far as `behind`; all of them without it."""
        for subscriber, position in tuple(self._waiting.items()):
            if behind is None or position >= behind:
                del self._waiting[subscriber]
                self._group.add(subscriber, position)

    def _has_arrived(self, _: Subscriber, position: StreamPosition) -> bool:
        return self._ring.covers(position) and not self._ring.since(position, 1)
