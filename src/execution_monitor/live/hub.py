"""The hub: publishes each change to the subscribers it concerns."""

from collections.abc import Sequence
from functools import partial

from execution_monitor.live.changes import Change, GapReason, HistoryBroken
from execution_monitor.live.events import Block
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topic_index import TopicIndex, judge

_NEW_HISTORY = frozenset({GapReason.HISTORY_LOST, GapReason.FAILED})


class Hub:
    """The subscribers that have been offered every change so far."""

    def __init__(self) -> None:
        self._index = TopicIndex()
        self._subscribers: set[Subscriber] = set()

    @property
    def subscribers(self) -> int:
        """The number of subscribers."""
        return len(self._subscribers)

    @property
    def topics(self) -> int:
        """The number of different topics among them."""
        return len(self._index)

    def serves(self, subscriber: Subscriber) -> bool:
        """Whether `subscriber` has been offered every change so far."""
        return subscriber in self._subscribers

    def join(self, subscriber: Subscriber) -> None:
        """Serve `subscriber` from the next change on, until it is closed."""
        if subscriber.is_closed:
            return
        self._index.add(subscriber)
        self._subscribers.add(subscriber)
        subscriber.on_close(partial(self._leave, subscriber))

    def publish(self, changes: Sequence[Change]) -> None:
        """Judge each change once for each topic it may concern, and offer the events to the topic's subscribers."""
        for audience, deliveries in self._index.judge(changes, judge):
            block = Block(deliveries)
            # A copy: a subscriber may close itself when it is offered something.
            for subscriber in tuple(audience.subscribers):
                subscriber.offer_block(block)

    def send_gap(self, broken: HistoryBroken) -> None:
        """Tell every subscriber that changes were missed."""
        for subscriber in tuple(self._subscribers):
            if broken.position > subscriber.floor or broken.reason in _NEW_HISTORY:
                subscriber.send_gap(broken.reason, broken.position)

    def _leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        self._index.remove(subscriber)
