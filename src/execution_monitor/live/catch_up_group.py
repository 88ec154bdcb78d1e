"""Subscribers that catch up together: each change is judged once for each of their topics."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from execution_monitor.live.changes import Change, GapReason, HistoryBroken
from execution_monitor.live.events import Block, Delivery
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topic_index import TopicIndex
from execution_monitor.live.topics import Topic
from execution_monitor.turns import Turns

log = structlog.get_logger()

# Changes that are offered to one subscriber after the other: a socket sends them with one system call.
CHUNK = 50
# What was judged for the first is kept, with what it was rendered to, for those who come a moment later.
_MAX_KEPT = 4_000
_MAX_KEPT_BYTES = 8 * 1024 * 1024


class JudgementCache:
    """The latest deliveries, by topic and position."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, StreamPosition], Delivery] = OrderedDict()
        self._bytes = 0

    def judge(self, topic: Topic, change: Change) -> Delivery | None:
        """What `change` means to `topic`, as `Topic.judge`; for some time the same object for all who need it."""
        key = (topic.key, change.position)
        delivery = self._kept.get(key)
        if delivery is None:
            delivery = topic.judge(change)
            if delivery is not None:
                self._keep(key, delivery)
        return delivery

    def clear(self) -> None:
        """Drop all of them."""
        self._kept.clear()
        self._bytes = 0

    def _keep(self, key: tuple[Hashable, StreamPosition], delivery: Delivery) -> None:
        self._kept[key] = delivery
        self._bytes += delivery.size
        while len(self._kept) > _MAX_KEPT or self._bytes > _MAX_KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size


@dataclass(frozen=True, slots=True)
class CatchUpSteps:
    """What both sources, the replay buffer and MongoDB's history, need to bring subscribers on."""

    judgements: JudgementCache
    # Whether the replay buffer has all that a subscriber needs after a position.
    is_in_buffer: Callable[[Subscriber, StreamPosition], bool]
    # Takes a subscriber that leaves a source, with the position it has reached, to where it goes on.
    assign: Callable[[Subscriber, StreamPosition], None]
    # Sends a subscriber a GAP, and lets it go on from the present.
    give_up: Callable[[Subscriber, GapReason], None]


class CatchUpGroup:
    """Subscribers that are offered the same changes; one that leaves is assigned to where it goes on."""

    def __init__(self, steps: CatchUpSteps) -> None:
        self._judgements = steps.judgements
        self._assign = steps.assign
        self._index = TopicIndex()
        self._reached: dict[Subscriber, StreamPosition] = {}

    def __len__(self) -> int:
        return len(self._reached)

    @property
    def members(self) -> Mapping[Subscriber, StreamPosition]:
        """Each member with the position it has reached."""
        return self._reached

    def add(self, subscriber: Subscriber, position: StreamPosition) -> None:
        """Add `subscriber`, which has been offered everything up to `position`."""
        self._reached[subscriber] = position
        self._index.add(subscriber)

    def discard(self, subscriber: Subscriber) -> StreamPosition | None:
        """Remove `subscriber`, if it is a member; return the position it had reached."""
        position = self._reached.pop(subscriber, None)
        if position is not None:
            self._index.remove(subscriber)
        return position

    def leave(self, subscribers: Iterable[Subscriber]) -> None:
        """Remove `subscribers`, and assign each to where it goes on."""
        for subscriber in tuple(subscribers):
            position = self.discard(subscriber)
            if position is not None:
                self._assign(subscriber, position)

    async def offer(
        self,
        changes: Sequence[Change],
        until: StreamPosition,
        has_arrived: Callable[[Subscriber, StreamPosition], bool],
    ) -> None:
        """Offer `changes`, which are all there are up to `until`, to every member that has not reached them.

        Members that have no more room leave, and so do those that `has_arrived` is true of.
        """
        try:
            offers = self._judge(changes)
        except Exception:
            log.exception("catch_up_broke")
            self.send_gap(HistoryBroken(until, GapReason.FAILED))
            offers = {}
        turns = Turns()
        for subscriber, position in tuple(self._reached.items()):
            # One may have been closed while another was served.
            if subscriber not in self._reached or position > until:
                continue
            reached = _offer_block(subscriber, offers.get(subscriber.topic.key), position, until)
            self._reached[subscriber] = reached
            if reached != until or not subscriber.has_room or has_arrived(subscriber, reached):
                self.leave([subscriber])
            await turns.give_way()

    def _judge(self, changes: Sequence[Change]) -> dict[Hashable, Block]:
        judged = self._index.judge(changes, self._judgements.judge)
        return {audience.topic.key: Block(deliveries) for audience, deliveries in judged}

    def send_gap(self, broken: HistoryBroken) -> None:
        """Tell every member before `broken.position` that changes were missed."""
        for subscriber, position in tuple(self._reached.items()):
            if position < broken.position:
                subscriber.send_gap(broken.reason, broken.position)
                self._reached[subscriber] = broken.position


def _offer_block(
    subscriber: Subscriber, block: Block | None, position: StreamPosition, until: StreamPosition
) -> StreamPosition:
    """Offer what comes after `position`, while there is room; return the position reached, `until` if it was all."""
    if block is None or subscriber.push_block(block):
        return until
    for delivery in block.deliveries:
        if delivery.position > position:
            if not subscriber.has_room:
                return position
            subscriber.offer(delivery)
            position = delivery.position
    return until
