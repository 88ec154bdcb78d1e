"""Brings subscribers from the replay buffer to the hub, all who come back together in one pass."""

import asyncio
from collections.abc import Callable

import structlog

from execution_monitor.live.catch_up_group import CHUNK, Group, Judgements
from execution_monitor.live.changes import GapReason
from execution_monitor.live.replay_buffer import Ring
from execution_monitor.live.resume_tokens import Position
from execution_monitor.live.subscription import Subscription

log = structlog.get_logger()

# Who comes while a pass is under way, and from further back, waits so long at most until it begins anew.
_PASS_SECONDS = 1.0


class Replay:
    """One task while there is somebody to bring; `place` is handed who has arrived, or cannot be served from here."""

    def __init__(
        self,
        ring: Ring,
        judgements: Judgements,
        covers: Callable[[Subscription, Position], bool],
        place: Callable[[Subscription, Position], None],
        give_up: Callable[[Subscription, GapReason], None],
    ) -> None:
        self._give_up = give_up
        self._ring = ring
        self._covers = covers
        self._place = place
        self._group = Group(judgements, place)
        self._waiting: dict[Subscription, Position] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, subscription: Subscription, position: Position) -> None:
        """Bring `subscription` from `position`, which the ring covers."""
        self._waiting[subscription] = position
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def discard(self, subscription: Subscription) -> None:
        """Let go of `subscription`."""
        self._waiting.pop(subscription, None)
        self._group.discard(subscription)

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
            for subscription in tuple(self._group.members):
                self._group.discard(subscription)
                self._give_up(subscription, GapReason.FAILED)

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
    def _newest(self) -> Position:
        newest = self._ring.newest
        if newest is None:
            raise RuntimeError("Nobody subscribes before the ring has begun.")
        return newest

    def _admit(self, behind: Position | None) -> None:
        """Take in those who wait and are as far as `behind`; all of them without it."""
        for subscription, position in tuple(self._waiting.items()):
            if behind is None or position >= behind:
                del self._waiting[subscription]
                self._group.add(subscription, position)

    def _has_arrived(self, _: Subscription, position: Position) -> bool:
        return self._ring.covers(position) and not self._ring.since(position, 1)
