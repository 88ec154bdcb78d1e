"""Subscriptions on their way to the hub together: each change is judged once for each of their topics."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

import structlog

from execution_monitor.live.changes import Change, GapReason, HistoryBroken
from execution_monitor.live.events import Block, Delivery, Topic
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topic_index import TopicIndex

log = structlog.get_logger()

# Changes that are offered to one subscriber after the other: a socket sends them with one call of the system.
CHUNK = 50
# How long it may go on before everything else in the process has its turn.
_TURN_SECONDS = 0.005
# What was judged for those who came first is kept, with what it was rendered to, for those who come a moment later.
_MOST_KEPT = 4_000
_MOST_KEPT_BYTES = 8 * 1024 * 1024


class JudgementCache:
    """The latest deliveries, by topic and position."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, StreamPosition], Delivery] = OrderedDict()
        self._bytes = 0

    def judge(self, topic: Topic, change: Change) -> Delivery | None:
        """What `change` means to `topic`, as `Topic.judge`; the same object for all that ask within some time."""
        key = (topic.key, change.position)
        delivery = self._kept.get(key)
        if delivery is None:
            delivery = topic.judge(change)
            if delivery is not None:
                self._keep(key, delivery)
        return delivery

    def forget(self) -> None:
        """Let go of all, when nobody is on the way any more."""
        self._kept.clear()
        self._bytes = 0

    def _keep(self, key: tuple[Hashable, StreamPosition], delivery: Delivery) -> None:
        self._kept[key] = delivery
        self._bytes += delivery.size
        while len(self._kept) > _MOST_KEPT or self._bytes > _MOST_KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size


class CatchUpGroup:
    """Subscriptions that go the same way. Those who leave it are handed to `place` with the position they reached."""

    def __init__(self, judgements: JudgementCache, place: Callable[[Subscriber, StreamPosition], None]) -> None:
        self._judgements = judgements
        self._place = place
        self._index = TopicIndex()
        self._reached: dict[Subscriber, StreamPosition] = {}

    def __len__(self) -> int:
        return len(self._reached)

    @property
    def members(self) -> Mapping[Subscriber, StreamPosition]:
        """Each with the position it has reached."""
        return self._reached

    def add(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Take in `subscriber`, which has heard of everything up to `position`."""
        self._reached[subscriber] = position
        self._index.add(subscriber)

    def discard(self, subscriber: Subscriber) -> StreamPosition | None:
        """Let go of `subscriber`, if it is here; the position it had reached."""
        position = self._reached.pop(subscriber, None)
        if position is not None:
            self._index.remove(subscriber)
        return position

    def leave(self, subscribers: Iterable[Subscriber]) -> None:
        """Let go of `subscribers`, and find another place for them."""
        for subscriber in tuple(subscribers):
            position = self.discard(subscriber)
            if position is not None:
                self._place(subscriber, position)

    async def offer(
        self,
        changes: Sequence[Change],
        until: StreamPosition,
        has_arrived: Callable[[Subscriber, StreamPosition], bool],
    ) -> None:
        """Offer `changes`, all there are up to `until`, to every member that is not as far.

        Members that have no room for more leave, and so do those of whom `has_arrived` says that they belong elsewhere.
        """
        try:
            offers = self._judge(changes)
        except Exception:
            log.exception("catch_up_broke")
            self.break_off(HistoryBroken(until, GapReason.FAILED))
            offers = {}
        clock = asyncio.get_running_loop().time
        turn_ends = clock() + _TURN_SECONDS
        for subscriber, position in tuple(self._reached.items()):
            # One may have been closed in the turn of another.
            if subscriber not in self._reached or position > until:
                continue
            reached = _offer_all(subscriber, offers.get(subscriber.topic.key), position, until)
            self._reached[subscriber] = reached
            if reached != until or not subscriber.has_room or has_arrived(subscriber, reached):
                self.leave([subscriber])
            if clock() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = clock() + _TURN_SECONDS

    def _judge(self, changes: Sequence[Change]) -> dict[Hashable, Block]:
        judged = self._index.judge(changes, self._judgements.judge)
        return {audience.topic.key: Block(deliveries) for audience, deliveries in judged}

    def break_off(self, broken: HistoryBroken) -> None:
        """Tell every member that is not as far that something was missed."""
        for subscriber, position in tuple(self._reached.items()):
            if position < broken.position:
                subscriber.send_gap(broken.reason, broken.position)
                self._reached[subscriber] = broken.position


def _offer_all(
    subscriber: Subscriber, block: Block | None, position: StreamPosition, until: StreamPosition
) -> StreamPosition:
    """Offer what is behind `position`, as far as there is room; the position reached, which is `until` with all."""
    if block is None or subscriber.take_block(block):
        return until
    for delivery in block.deliveries:
        if delivery.position > position:
            if not subscriber.has_room:
                return position
            subscriber.offer(delivery)
            position = delivery.position
    return until
