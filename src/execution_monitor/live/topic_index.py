"""Finds the topics that a change concerns, so that what it costs depends on whom it concerns."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from execution_monitor.live.changes import Change
from execution_monitor.live.events import Delivery, Topic
from execution_monitor.live.routing import Route, routes_of
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topics import ActivityTopic, ExecutionsTopic

Judge = Callable[[Topic, Change], Delivery | None]


def judge(topic: Topic, change: Change) -> Delivery | None:
    """What `change` means to `topic`."""
    return topic.judge(change)


@dataclass(eq=False)
class Audience:
    """A topic and those who subscribe to it."""

    topic: ExecutionsTopic | ActivityTopic
    subscribers: set[Subscriber] = field(default_factory=set[Subscriber])


class TopicIndex:
    """Subscriptions by topic, topics by route."""

    def __init__(self) -> None:
        self._audiences: dict[Hashable, Audience] = {}
        self._by_route: dict[Route, dict[Hashable, Audience]] = {}

    def __len__(self) -> int:
        return len(self._audiences)

    def add(self, subscriber: Subscriber) -> None:
        """Count `subscriber` among the subscribers of its topic."""
        topic = subscriber.topic
        audience = self._audiences.get(topic.key)
        if audience is None:
            audience = self._audiences[topic.key] = Audience(topic)
            for route in topic.routes:
                self._by_route.setdefault(route, {})[topic.key] = audience
        audience.subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Take back `add`."""
        topic = subscriber.topic
        audience = self._audiences.get(topic.key)
        if audience is None:
            return
        audience.subscribers.discard(subscriber)
        if audience.subscribers:
            return
        del self._audiences[topic.key]
        for route in topic.routes:
            del self._by_route[route][topic.key]
            if not self._by_route[route]:
                del self._by_route[route]

    def judge(self, changes: Iterable[Change], judge: Judge) -> Iterable[tuple[Audience, list[Delivery]]]:
        """What `changes` mean to each topic that they concern, in their order; each is judged once a topic."""
        found: dict[Hashable, tuple[Audience, list[Delivery]]] = {}
        for change in changes:
            for audience in self.concerned(change):
                delivery = judge(audience.topic, change)
                if delivery is not None:
                    found.setdefault(audience.topic.key, (audience, []))[1].append(delivery)
        return found.values()

    def concerned(self, change: Change) -> Iterable[Audience]:
        """The topics that `change` may concern, each once."""
        found = {
            key: audience for route in routes_of(change) for key, audience in self._by_route.get(route, {}).items()
        }
        return found.values()
