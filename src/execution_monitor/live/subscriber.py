"""A subscriber with its backlog: bounded, pushed or iterated, conflated when it grows, a GAP when it is full."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from execution_monitor.live.changes import GapReason
from execution_monitor.live.cursors import ResumePosition
from execution_monitor.live.events import Block, Delivery, EventKind, Receiver, RenderCache, can_merge, merge
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.topics import Topic


@dataclass(frozen=True, slots=True)
class BacklogLimits:
    """How far a subscriber may fall behind."""

    # Events from which on those of one execution become one: what comes at once after some seconds without a primary is
    # not yet too much.
    conflate_from: int = 2_048
    max_events: int = 4_096  # from which on there is a gap
    max_bytes: int = 8 * 1024 * 1024  # of BSON; a single event may be larger


@dataclass(slots=True)
class SubscriberTotals:
    """Counts over all subscribers since the process started."""

    delivered: int = 0
    conflated: int = 0
    gaps: Counter[GapReason] = field(default_factory=Counter[GapReason])


@dataclass(slots=True)
class _Pending:
    delivery: Delivery
    first: StreamPosition  # of the oldest event in it


class Subscriber:
    """One subscriber of a topic, with the events that wait for it. Close it in the end.

    The cursor of a conflated event is a position after which nothing that is still pending is lost; a subscription that
    resumes there may get the latest state again.
    """

    def __init__(self, topic: Topic, limits: BacklogLimits, totals: SubscriberTotals, floor: StreamPosition) -> None:
        self.topic = topic
        self.floor = floor  # nothing up to here is for this subscriber
        self.is_closed = False
        self._limits = limits
        self._totals = totals
        self._pending: OrderedDict[int, _Pending] = OrderedDict()
        self._latest: dict[str, int] = {}
        self._number = 0
        self._bytes = 0
        # A future rather than an `asyncio.Event`, which takes ten times the memory, for every subscriber.
        self._more: asyncio.Future[None] | None = None
        self._on_room: Callable[[], object] | None = None
        self._on_close: list[Callable[[], object]] = []
        self._receiver: Receiver | None = None

    @property
    def cursor(self) -> str:
        """Where to resume as long as nothing was delivered."""
        return self.topic.cursor(ResumePosition(self.floor))

    def __len__(self) -> int:
        return len(self._pending)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        """Wait for the next event; cancelling the wait loses none."""
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
        self._totals.delivered += 1
        if following is None or delivery.position < following.first:
            return delivery
        return replace(delivery, position=pending.first, rendered=RenderCache())

    def push_to(self, receiver: Receiver) -> None:
        """Offer each event to `receiver` first, while nothing is pending."""
        self._receiver = receiver

    @property
    def has_room(self) -> bool:
        """Whether more events can be queued as they are."""
        return len(self._pending) < self._limits.conflate_from and self._bytes < self._limits.max_bytes // 2

    def on_room(self, call: Callable[[], object]) -> None:
        """Call `call` once, soon after half of what may be pending was taken."""
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
        """Push the next event, queue it, or merge it into a pending one; in a full backlog it becomes a GAP."""
        if self.is_closed or delivery.position <= self.floor:
            return
        self.floor = delivery.position
        if self._receiver is not None and not self._pending and self._receiver.receive(delivery):
            self._totals.delivered += 1
            return
        if len(self._pending) >= self._limits.conflate_from and self._merge(delivery):
            return
        too_large = self._bytes + delivery.size > self._limits.max_bytes
        if len(self._pending) >= self._limits.max_events or (too_large and self._pending):
            self.send_gap(GapReason.TOO_SLOW, delivery.position)
            return
        self._append(delivery)

    def offer_block(self, block: Block) -> None:
        """Take several consecutive events, as `offer` does each."""
        if not self.push_block(block):
            for delivery in block.deliveries:
                self.offer(delivery)

    def push_block(self, block: Block) -> bool:
        """Push all events of `block` at once if none waits before them, and say whether that was possible."""
        receiver = self._receiver
        if receiver is None or self._pending or self.is_closed or self.floor >= block.first:
            return False
        if not receiver.receive_block(block):
            return False
        self.floor = block.last
        self._totals.delivered += len(block.deliveries)
        return True

    def send_gap(self, reason: GapReason, position: StreamPosition) -> None:
        """Replace what is pending by a GAP: the subscriber has missed changes up to `position`."""
        if self.is_closed:
            return
        self.floor = position
        self._pending.clear()
        self._latest.clear()
        self._bytes = 0
        self._totals.gaps[reason] += 1
        now, mode = datetime.now(UTC), self.topic.after_gap
        self._append(Delivery(self.topic, EventKind.GAP, position, now, reason=reason, resume_mode=mode))

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
        """Whether `delivery` could be merged into the latest pending event of its execution."""
        number = self._latest.get(delivery.execution_id or "")
        if not self.topic.can_conflate or number is None or not can_merge(self._pending[number].delivery, delivery):
            return False
        pending = self._pending[number]
        self._totals.conflated += 1
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


def _set(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
