"""Brings each change to the subscribers it concerns."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial

from execution_monitor.monitoring.live.changes import Change, GapReason, HistoryBroken
from execution_monitor.monitoring.live.routes import Route, routes_of
from execution_monitor.monitoring.live.subscription import Subscription
from execution_monitor.monitoring.live.topics import ActivityTopic, ExecutionsTopic

_NEW_HISTORY = frozenset({GapReason.HISTORY_LOST, GapReason.FAILED})


@dataclass(eq=False)
class _Audience:
    topic: ExecutionsTopic | ActivityTopic
    subscribers: set[Subscription] = field(default_factory=set[Subscription])


class Hub:
    """The subscribers by topic, the topics by route: what a change costs depends on whom it concerns."""

    def __init__(self) -> None:
        self._audiences: dict[Hashable, _Audience] = {}
        self._by_route: dict[Route, dict[Hashable, _Audience]] = {}
        self._subscribers: set[Subscription] = set()

    @property
    def subscribers(self) -> int:
        """How many are served."""
        return len(self._subscribers)

    @property
    def topics(self) -> int:
        """How many different things they follow."""
        return len(self._audiences)

    def join(self, subscription: Subscription) -> None:
        """Serve `subscription` from the next change on, until it is closed."""
        if subscription.is_closed:
            return
        topic = subscription.topic
        audience = self._audiences.get(topic.key)
        if audience is None:
            audience = self._audiences[topic.key] = _Audience(topic)
            for route in topic.routes:
                self._by_route.setdefault(route, {})[topic.key] = audience
        audience.subscribers.add(subscription)
        self._subscribers.add(subscription)
        subscription.on_close(partial(self._leave, subscription))

    def publish(self, change: Change) -> None:
        """Judge `change` once for each topic it may concern, and give the result to all who follow it."""
        concerned = {
            key: audience for route in routes_of(change) for key, audience in self._by_route.get(route, {}).items()
        }
        for audience in concerned.values():
            delivery = audience.topic.judge(change)
            if delivery is not None:
                # One that is told may close itself.
                for subscriber in tuple(audience.subscribers):
                    subscriber.offer(delivery)

    def break_off(self, broken: HistoryBroken) -> None:
        """Tell every subscriber that something was missed."""
        for subscriber in tuple(self._subscribers):
            if broken.position > subscriber.floor or broken.reason in _NEW_HISTORY:
                subscriber.tell_gap(broken.reason, broken.position)

    def _leave(self, subscription: Subscription) -> None:
        self._subscribers.discard(subscription)
        topic = subscription.topic
        audience = self._audiences.get(topic.key)
        if audience is None:
            return
        audience.subscribers.discard(subscription)
        if audience.subscribers:
            return
        del self._audiences[topic.key]
        for route in topic.routes:
            del self._by_route[route][topic.key]
            if not self._by_route[route]:
                del self._by_route[route]
