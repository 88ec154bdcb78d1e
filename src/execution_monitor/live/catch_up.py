"""Subscribers that begin in the past: served from the replay buffer, or from MongoDB's history up to the buffer."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.live.catch_up_from_buffer import Replay
from execution_monitor.live.catch_up_from_history import CatchUpLimits, History
from execution_monitor.live.catch_up_group import Judgements
from execution_monitor.live.changes import GapReason
from execution_monitor.live.followed_executions import Followed
from execution_monitor.live.hub import Hub
from execution_monitor.live.replay_buffer import Ring
from execution_monitor.live.resume_tokens import Position
from execution_monitor.live.stats import Counters
from execution_monitor.live.subscription import Subscription


class CatchUp:
    """Brings subscribers from where they left off to where the hub is: each change once for all who need it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what there is to be read, and where it leads
        self,
        database: Callable[[], AsyncDatabase[Any]],
        ring: Ring,
        followed: Followed,
        hub: Hub,
        limits: CatchUpLimits,
        counters: Counters,
    ) -> None:
        self._ring = ring
        self._followed = followed
        self._hub = hub
        self._behind: set[Subscription] = set()
        self._judgements = Judgements()
        self._replay = Replay(ring, self._judgements, self._covers, self._place, self._give_up)
        self._history = History(database, self._judgements, self._covers, self._place, self._give_up, limits, counters)

    def __len__(self) -> int:
        return len(self._behind)

    def begin(self, subscription: Subscription, position: Position) -> None:
        """Bring `subscription` from `position` to the hub; at once when nothing has happened in between."""
        self._behind.add(subscription)
        subscription.on_close(partial(self._forget, subscription))
        self._place(subscription, position)

    async def close(self) -> None:
        """Stop, and wait until everything is closed."""
        await self._replay.close()
        await self._history.close()

    def _place(self, subscription: Subscription, position: Position) -> None:
        """Let `subscription` go on from `position` where that can be had."""
        if subscription.is_closed:
            return
        if not subscription.has_room:
            # Not in a hurry: a few at a time would cost a stream or a pass each.
            subscription.on_room(partial(self._place, subscription, position))
        elif not self._covers(subscription, position):
            self._history.add(subscription, position)
        elif self._ring.since(position, 1):
            self._replay.add(subscription, position)
        else:
            # Without a pause since the look at the ring: nothing can have happened in between.
            self._forget(subscription)
            self._hub.join(subscription)

    def _covers(self, subscription: Subscription, position: Position) -> bool:
        follows = subscription.topic.follows
        return self._ring.covers(position) and (follows is None or self._followed.covers(follows, position))

    def _give_up(self, subscription: Subscription, reason: GapReason) -> None:
        newest = self._ring.newest
        if newest is None:
            raise RuntimeError("Nobody subscribes before the ring has begun.")
        subscription.tell_gap(reason, newest)
        self._place(subscription, newest)

    def _forget(self, subscription: Subscription) -> None:
        self._behind.discard(subscription)
        self._replay.discard(subscription)
        self._history.discard(subscription)
        if not self._behind:
            self._judgements.forget()
