"""Catch-up from the replay buffer: everyone who comes back at about the same time, in one pass."""

import asyncio

import structlog

from execution_monitor.live.catch_up_group import CHUNK, CatchUpGroup, CatchUpSteps
from execution_monitor.live.changes import GapReason
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import Subscriber

log = structlog.get_logger()

# A subscriber that comes during a pass, and begins before it, waits at most this long for the next pass.
_PASS_SECONDS = 1.0


class BufferCatchUp:
    """Brings subscribers from positions that the replay buffer covers to the hub, in one task while there are any."""

    def __init__(self, buffer: ReplayBuffer, steps: CatchUpSteps) -> None:
        self._buffer = buffer
        self._steps = steps
        self._group = CatchUpGroup(steps)
        self._waiting: dict[Subscriber, StreamPosition] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Bring `subscriber` on from `position`, which the buffer covers."""
        self._waiting[subscriber] = position
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def discard(self, subscriber: Subscriber) -> None:
        """Remove `subscriber`, if it is here."""
        self._waiting.pop(subscriber, None)
        self._group.discard(subscriber)

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._serve_all()
        except Exception:
            # A defect: every member gets a GAP and goes on from the present.
            log.exception("replay_broke")
            self._admit(None)
            for subscriber in tuple(self._group.members):
                self._group.discard(subscriber)
                self._steps.give_up(subscriber, GapReason.FAILED)

    async def _serve_all(self) -> None:
        clock = asyncio.get_running_loop().time
        began, position = clock(), None
        while self._waiting or len(self._group):
            if not len(self._group) or position is None or clock() - began > _PASS_SECONDS:
                self._admit(None)
                began, position = clock(), min(self._group.members.values())
            else:
                self._admit(position)
            # Members so slow that the buffer has dropped what comes next go on from MongoDB's history.
            covers = self._steps.is_in_buffer
            self._group.leave([each for each, at in self._group.members.items() if not covers(each, at)])
            if not self._buffer.covers(position):
                position = None
                continue
            changes = self._buffer.since(position, CHUNK)
            position = changes[-1].position if changes else self._newest
            await self._group.offer([each.read() for each in changes], position, self._has_arrived)
            await asyncio.sleep(0)

    @property
    def _newest(self) -> StreamPosition:
        newest = self._buffer.newest
        if newest is None:
            raise RuntimeError("No subscriber may come before the replay buffer has begun.")
        return newest

    def _admit(self, reached: StreamPosition | None) -> None:
        """Add those who wait and begin at `reached` or later; without it, all of them."""
        for subscriber, position in tuple(self._waiting.items()):
            if reached is None or position >= reached:
                del self._waiting[subscriber]
                self._group.add(subscriber, position)

    def _has_arrived(self, _: Subscriber, position: StreamPosition) -> bool:
        return self._buffer.covers(position) and not self._buffer.since(position, 1)
