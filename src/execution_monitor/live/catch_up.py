"""Catch-up: brings subscribers that begin in the past to the hub, from the replay buffer or MongoDB's history."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.live.catch_up_from_buffer import BufferCatchUp
from execution_monitor.live.catch_up_from_history import CatchUpLimits, HistoryCatchUp
from execution_monitor.live.catch_up_group import CatchUpSteps, JudgementCache
from execution_monitor.live.changes import GapReason
from execution_monitor.live.followed_executions import FollowedExecutions
from execution_monitor.live.hub import Hub
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import Subscriber


class CatchUp:
    """Brings each subscriber from its position to the hub, and judges each change once for all that need it.

    History before the replay buffer is read from `database`, which is connected when it is first called.
    """

    def __init__(
        self,
        database: Callable[[], AsyncDatabase[Any]],
        buffer: ReplayBuffer,
        followed: FollowedExecutions,
        hub: Hub,
        limits: CatchUpLimits,
    ) -> None:
        self._buffer = buffer
        self._followed = followed
        self._hub = hub
        self._catching_up: set[Subscriber] = set()
        self._judgements = JudgementCache()
        steps = CatchUpSteps(self._judgements, self._is_in_buffer, self._assign, self._give_up)
        self._from_buffer = BufferCatchUp(buffer, steps)
        self._from_history = HistoryCatchUp(database, steps, limits)

    def __len__(self) -> int:
        return len(self._catching_up)

    @property
    def served_from_history(self) -> int:
        """How many subscribers were served from MongoDB's history since the process started."""
        return self._from_history.served

    def begin(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Bring `subscriber` from `position` to the hub; at once if nothing has happened since."""
        self._catching_up.add(subscriber)
        subscriber.on_close(partial(self._remove, subscriber))
        self._assign(subscriber, position)

    async def close(self) -> None:
        """Stop, and wait until all streams are closed."""
        await self._from_buffer.close()
        await self._from_history.close()

    def _assign(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Let `subscriber` go on from `position`, wherever the changes after it are."""
        if subscriber.is_closed:
            return
        if not subscriber.has_room:
            # Only when there is much room: a few events at a time would cost a stream or a pass each.
            subscriber.on_room(partial(self._assign, subscriber, position))
        elif not self._is_in_buffer(subscriber, position):
            self._from_history.add(subscriber, position)
        elif self._buffer.since(position, 1):
            self._from_buffer.add(subscriber, position)
        else:
            # There is no await since the look into the buffer: nothing can have happened in between.
            self._remove(subscriber)
            self._hub.join(subscriber)

    def _is_in_buffer(self, subscriber: Subscriber, position: StreamPosition) -> bool:
        """Whether the replay buffer has everything that `subscriber` needs after `position`."""
        execution_id = subscriber.topic.followed_execution
        return self._buffer.covers(position) and (execution_id is None or self._followed.covers(execution_id, position))

    def _give_up(self, subscriber: Subscriber, reason: GapReason) -> None:
        """Send a GAP, and go on from the present."""
        newest = self._buffer.newest
        if newest is None:
            raise RuntimeError("No subscriber may come before the replay buffer has begun.")
        subscriber.send_gap(reason, newest)
        self._assign(subscriber, newest)

    def _remove(self, subscriber: Subscriber) -> None:
        self._catching_up.discard(subscriber)
        self._from_buffer.discard(subscriber)
        self._from_history.discard(subscriber)
        if not self._catching_up:
            self._judgements.clear()
