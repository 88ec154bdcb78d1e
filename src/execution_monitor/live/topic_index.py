"""The topic index: finds the topics that a change concerns by its routing keys, and judges it once for each."""

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field

from execution_monitor.live.changes import Change
from execution_monitor.live.events import Delivery
from execution_monitor.live.routing import Route, routes_of
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topics import Topic

Judge = Callable[[Topic, Change], Delivery | None]


def judge(topic: Topic, change: Change) -> Delivery | None:
    """What `change` means to `topic`."""
    return topic.judge(change)


@dataclass(eq=False)
class Audience:
    """A topic and its subscribers."""

    topic: Topic
    routes: Collection[Route]
    subscribers: set[Subscriber] = field(default_factory=set[Subscriber])


class TopicIndex:
    """Subscribers by topic, topics by routing key."""

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
            audience = self._audiences[topic.key] = Audience(topic, topic.routes())
            for route in audience.routes:
                self._by_route.setdefault(route, {})[topic.key] = audience
        audience.subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Undo `add`."""
        key = subscriber.topic.key
        audience = self._audiences.get(key)
        if audience is None:
            return
        audience.subscribers.discard(subscriber)
        if audience.subscribers:
            return
        del self._audiences[key]
        for route in audience.routes:
            del self._by_route[route][key]
            if not self._by_route[route]:
                del self._by_route[route]

    def judge(self, changes: Iterable[Change], judge: Judge) -> Iterable[tuple[Audience, list[Delivery]]]:
        """The events that `changes` are to each topic they concern, in their order; each is judged once per topic."""
        found: dict[Hashable, tuple[Audience, list[Delivery]]] = {}
        for change in changes:
            for audience in self._audiences_of(change):
                delivery = judge(audience.topic, change)
                if delivery is not None:
                    found.setdefault(audience.topic.key, (audience, []))[1].append(delivery)
        return found.values()

    def _audiences_of(self, change: Change) -> Iterable[Audience]:
        # By key, since several routing keys may lead to one topic.
        found = {
            key: audience for route in routes_of(change) for key, audience in self._by_route.get(route, {}).items()
        }
        return found.values()
