"""Topics of images: what matched before and after each change, for those who add executions up."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from typing_extensions import override

from execution_monitor.live.changes import Change, WatchedCollection
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.routing import Route, routes_to
from execution_monitor.live.topics import Topic
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.predicates import Predicate, PredicateAt
from execution_monitor.storage.rows import Row


@dataclass(eq=False)
class ImagesDelivery(Delivery):
    """A change of an execution: `before` and `row` are its images, each None where it was not, or is not, counted."""

    before: Row | None = None


@dataclass(frozen=True, eq=False)
class ImagesTopic(Topic):
    """The visible executions that match `where`, with both images of every change: nothing is conflated.

    A condition that speaks of now is judged at the time of the change.
    """

    where: Filter

    can_conflate: ClassVar[bool] = False

    @override
    def conditions(self) -> tuple[object, ...]:
        return (self.where,)

    @override
    def routes(self) -> Collection[Route]:
        return routes_to(self.visibility.tenant, self.visibility.condition, self.where)

    @override
    def judge(self, change: Change) -> ImagesDelivery | None:
        if change.collection is not WatchedCollection.EXECUTIONS:
            return None
        before, after = self._counted(change.before, change), self._counted(change.after, change)
        if before is None and after is None:
            return None
        return ImagesDelivery(
            topic=self,
            kind=EventKind.UPDATED,
            position=change.position,
            occurred_at=change.occurred_at,
            row=after,
            size=change.size,
            before=before,
        )

    def _counted(self, image: Row | None, change: Change) -> Row | None:
        if image is None:
            return None
        holds_at = self._holds_at
        matches = self._holds(image) if holds_at is None else holds_at(image, change.occurred_at)
        return image if matches and self.visibility.holds(image) else None

    @cached_property
    def _holds(self) -> Predicate:
        return self.where.predicate()

    @cached_property
    def _holds_at(self) -> PredicateAt | None:
        return self.where.predicate_at() if self.where.is_relative else None
