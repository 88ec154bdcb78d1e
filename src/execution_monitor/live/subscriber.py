"""A subscriber's queue: bounded, read as an async iterator, conflated when it grows, and a gap when it overflows."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from execution_monitor.live.changes import GapReason
from execution_monitor.live.conflation import can_merge, merge
from execution_monitor.live.cursors import ResumeMode, ResumePosition
from execution_monitor.live.events import Block, Delivery, EventKind
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.stats import Counters
from execution_monitor.live.topics import ActivityTopic, ExecutionsTopic


@dataclass(frozen=True, slots=True)
class BacklogLimits:
    """How far a subscriber may fall behind."""

    # Events, from where on those of one execution become one: what comes at once after some seconds without a primary
    # is not yet too much.
    conflate_from: int = 2_048
    most: int = 4_096  # events, from where on there is a gap
    max_bytes: int = 8 * 1024 * 1024  # of BSON; a single event may be larger


@dataclass(slots=True)
class _Pending:
    delivery: Delivery
    first: StreamPosition  # of the oldest event in it


class Subscriber:
    """What one subscriber has still to be told. Close it in the end.

    An event that stands for several has a cursor behind which nothing that is still pending is lost; whoever resumes
    there may be told its latest state again.
    """

    def __init__(
        self, topic: ExecutionsTopic | ActivityTopic, limits: BacklogLimits, counters: Counters, floor: StreamPosition
    ) -> None:
        self.topic = topic
        self.floor = floor  # nothing up to here is for this subscriber
        self._limits = limits
        self._counters = counters
        # Log lines and steps are never left out; nor may they change places with the end of an activity.
        self._conflates = isinstance(topic, ExecutionsTopic)
        self._pending: OrderedDict[int, _Pending] = OrderedDict()
        self._latest: dict[str, int] = {}
        self._number = 0
        self._bytes = 0
        # Futures rather than events, which take ten times as much and are held by every subscriber.
        self._more: asyncio.Future[None] | None = None
        self._on_room: Callable[[], object] | None = None
        self._on_close: list[Callable[[], object]] = []
        self.is_closed = False
        # Offered each event that nothing is waiting before; it must neither wait nor fail, and says whether it took it.
        self.receive: Callable[[Delivery], bool] | None = None
        # The same for several in a row, of which it takes all or none.
        self.receive_all: Callable[[Block], bool] | None = None

    @property
    def cursor(self) -> str:
        """Where to begin again as long as nothing was told."""
        return self.topic.cursor(ResumePosition(self.floor))

    def __len__(self) -> int:
        return len(self._pending)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        """Wait for the next event; it may be cancelled without losing one."""
        while (delivery := self.take()) is None:
            if self.is_closed:
                raise StopAsyncIteration
            self._more = asyncio.get_running_loop().create_future()
            await self._more
        return delivery

    def take(self) -> Delivery | None:
        """The next event, if there is one now."""
        if not self._pending:
            return None
        number, pending = self._pending.popitem(last=False)
        delivery = pending.delivery
        self._bytes -= delivery.size
        if delivery.execution_id is not None and self._latest.get(delivery.execution_id) == number:
            del self._latest[delivery.execution_id]
        following = next(iter(self._pending.values()), None)
        if self._on_room is not None and self._has_much_room:
            self._call_on_room()
        self._counters.delivered += 1
        if following is None or delivery.position < following.first:
            return delivery
        return replace(delivery, position=pending.first, made={})

    @property
    def has_room(self) -> bool:
        """Whether more can be taken in as it is."""
        return len(self._pending) < self._limits.conflate_from and self._bytes < self._limits.max_bytes // 2

    def on_room(self, call: Callable[[], object]) -> None:
        """Call `call` once, soon after half of what may be pending is taken."""
        self._on_room = call
        if self._has_much_room:
            self._call_on_room()

    @property
    def _has_much_room(self) -> bool:
        limits = self._limits
        return len(self._pending) <= limits.conflate_from // 2 and self._bytes <= limits.max_bytes // 4

    def _call_on_room(self) -> None:
        call, self._on_room = self._on_room, None
        if call is not None:
            asyncio.get_running_loop().call_soon(call)

    def offer(self, delivery: Delivery) -> None:
        """Take in the next event: as it is, merged into a pending one, or, when there is no room at all, as a gap."""
        if self.is_closed or delivery.position <= self.floor:
            return
        self.floor = delivery.position
        if self.receive is not None and not self._pending and self.receive(delivery):
            self._counters.delivered += 1
            return
        if len(self._pending) >= self._limits.conflate_from and self._merge(delivery):
            return
        too_large = self._bytes + delivery.size > self._limits.max_bytes
        if len(self._pending) >= self._limits.most or (too_large and self._pending):
            self.send_gap(GapReason.TOO_SLOW, delivery.position)
            return
        self._append(delivery)

    def offer_block(self, block: Block) -> None:
        """Take in several events in a row, as `offer` does each."""
        if not self.take_block(block):
            for delivery in block.deliveries:
                self.offer(delivery)

    def take_block(self, block: Block) -> bool:
        """Take in all events of `block` at once if nothing is waiting before them, and say whether that could be."""
        receive = self.receive_all
        if receive is None or self._pending or self.is_closed or self.floor >= block.first or not receive(block):
            return False
        self.floor = block.last
        self._counters.delivered += len(block.deliveries)
        return True

    def send_gap(self, reason: GapReason, position: StreamPosition) -> None:
        """Drop what is pending and say so: the subscriber has missed something up to `position`."""
        if self.is_closed:
            return
        self.floor = position
        self._pending.clear()
        self._latest.clear()
        self._bytes = 0
        self._counters.gaps[reason] += 1
        mark = ResumeMode.CONTINUE if self._conflates else ResumeMode.RESTART
        gap = Delivery(self.topic, EventKind.GAP, position, datetime.now(UTC), reason=reason, mark=mark)
        self._append(gap)

    def on_close(self, call: Callable[[], object]) -> None:
        """Call `call` once the subscriber is closed."""
        if self.is_closed:
            call()
        else:
            self._on_close.append(call)

    def close(self) -> None:
        """End the iteration, drop what is pending, and take no more."""
        if self.is_closed:
            return
        self.is_closed = True
        self._pending.clear()
        self._latest.clear()
        self._bytes = 0
        for call in self._on_close:
            call()
        self._on_room = None
        _set(self._more)

    def _merge(self, delivery: Delivery) -> bool:
        """Whether `delivery` could become one with the latest of its execution."""
        number = self._latest.get(delivery.execution_id or "")
        if not self._conflates or number is None or not can_merge(self._pending[number].delivery, delivery):
            return False
        pending = self._pending[number]
        self._counters.conflated += 1
        self._bytes -= pending.delivery.size
        merged = merge(pending.delivery, delivery)
        if merged is None:
            del self._pending[number]
            del self._latest[delivery.execution_id or ""]
        else:
            pending.delivery = merged
            self._bytes += merged.size
        return True

    def _append(self, delivery: Delivery) -> None:
        self._number += 1
        self._pending[self._number] = _Pending(delivery, delivery.position)
        self._bytes += delivery.size
        if delivery.execution_id is not None:
            self._latest[delivery.execution_id] = self._number
        if len(self._pending) == 1:
            _set(self._more)


def _set(awaited: asyncio.Future[None] | None) -> None:
    if awaited is not None and not awaited.done():
        awaited.set_result(None)
