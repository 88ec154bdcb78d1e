"""What a subscriber is given: one change as its topic sees it, made once and shared by all with the same topic."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

from execution_monitor.live.changes import Change, GapReason, Row
from execution_monitor.live.cursors import ResumeMode, ResumePosition
from execution_monitor.live.resume_tokens import StreamPosition

T = TypeVar("T")


class EventKind(StrEnum):
    """What a change means to a subscriber."""

    ENTERED = "entered"  # it was created, or it now matches and may be seen
    UPDATED = "updated"  # it did and still does
    LEFT = "left"  # it no longer matches, or may no longer be seen
    DELETED = "deleted"
    STEP = "step"  # a step of the execution is new or has changed
    LOG = "log"  # a log line was added to the execution
    GAP = "gap"  # something was missed


class Topic(Protocol):
    """Who is told of which changes. Topics with equal keys tell the same."""

    @property
    def key(self) -> Hashable:
        """What makes topics equal."""
        ...

    def judge(self, change: Change) -> "Delivery | None":
        """What `change` means here; None when it means nothing."""
        ...

    def cursor(self, place: ResumePosition) -> str:
        """`place` as a cursor of this topic."""
        ...


@dataclass(eq=False)
class Delivery:
    """One event for the subscribers of a topic. `row` is a whole stored document, or None where none may be shown."""

    topic: Topic = field(repr=False)
    kind: EventKind
    position: StreamPosition
    occurred_at: datetime
    execution_id: str | None = None  # None for a gap alone
    row: Row | None = None
    changed: frozenset[str] | None = frozenset()  # stored top-level names; None is unknown
    reason: GapReason | None = None  # of a gap
    size: int = 0  # bytes of BSON
    mark: ResumeMode = ResumeMode.CONTINUE
    # What was made of it, by keys that tell everything else that the result depends on: document, variables, scopes.
    made: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any], repr=False)

    @cached_property
    def cursor(self) -> str:
        """Where to resume behind this event; the same text for every subscriber of the topic."""
        return self.topic.cursor(ResumePosition(self.position, self.mark))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned for the first subscriber with this key: an operation is serialised once an event."""
        if key not in self.made:
            self.made[key] = make()
        return cast("T", self.made[key])


@dataclass(eq=False)
class Block:
    """Deliveries of one topic in a row, at least one, that are given to its subscribers together."""

    deliveries: Sequence[Delivery]
    # What was made of it, as with a delivery.
    made: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any], repr=False)

    @property
    def first(self) -> StreamPosition:
        """Where it begins."""
        return self.deliveries[0].position

    @property
    def last(self) -> StreamPosition:
        """Where it ends."""
        return self.deliveries[-1].position
