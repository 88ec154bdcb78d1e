"""Subscribers that begin in the past: served from the replay buffer, or from MongoDB's history up to the buffer."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.live.catch_up_from_buffer import BufferCatchUp
from execution_monitor.live.catch_up_from_history import CatchUpLimits, HistoryCatchUp
from execution_monitor.live.catch_up_group import JudgementCache
from execution_monitor.live.changes import GapReason
from execution_monitor.live.followed_executions import FollowedExecutions
from execution_monitor.live.hub import Hub
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.stats import Counters
from execution_monitor.live.subscriber import Subscriber


class CatchUp:
    """Brings subscribers from where they left off to where the hub is: each change once for all who need it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what there is to be read, and where it leads
        self,
        database: Callable[[], AsyncDatabase[Any]],
        ring: ReplayBuffer,
        followed: FollowedExecutions,
        hub: Hub,
        limits: CatchUpLimits,
        counters: Counters,
    ) -> None:
        self._ring = ring
        self._followed = followed
        self._hub = hub
        self._behind: set[Subscriber] = set()
        self._judgements = JudgementCache()
        self._replay = BufferCatchUp(ring, self._judgements, self._covers, self._place, self._give_up)
        self._history = HistoryCatchUp(
            database, self._judgements, self._covers, self._place, self._give_up, limits, counters
        )

    def __len__(self) -> int:
        return len(self._behind)

    def begin(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Bring `subscriber` from `position` to the hub; at once when nothing has happened in between."""
        self._behind.add(subscriber)
        subscriber.on_close(partial(self._forget, subscriber))
        self._place(subscriber, position)

    async def close(self) -> None:
        """Stop, and wait until everything is closed."""
        await self._replay.close()
        await self._history.close()

    def _place(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Let `subscriber` go on from `position` where that can be had."""
        if subscriber.is_closed:
            return
        if not subscriber.has_room:
            # Not in a hurry: a few at a time would cost a stream or a pass each.
            subscriber.on_room(partial(self._place, subscriber, position))
        elif not self._covers(subscriber, position):
            self._history.add(subscriber, position)
        elif self._ring.since(position, 1):
            self._replay.add(subscriber, position)
        else:
            # Without a pause since the look at the ring: nothing can have happened in between.
            self._forget(subscriber)
            self._hub.join(subscriber)

    def _covers(self, subscriber: Subscriber, position: StreamPosition) -> bool:
        follows = subscriber.topic.follows
        return self._ring.covers(position) and (follows is None or self._followed.covers(follows, position))

    def _give_up(self, subscriber: Subscriber, reason: GapReason) -> None:
        newest = self._ring.newest
        if newest is None:
            raise RuntimeError("Nobody subscribes before the ring has begun.")
        subscriber.send_gap(reason, newest)
        self._place(subscriber, newest)

    def _forget(self, subscriber: Subscriber) -> None:
        self._behind.discard(subscriber)
        self._replay.discard(subscriber)
        self._history.discard(subscriber)
        if not self._behind:
            self._judgements.forget()
