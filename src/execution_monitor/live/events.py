"""Events of live updates: what a change means to the subscribers of a topic, made once and shared by all of them."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar, TypeVarTuple

from execution_monitor.live.changes import GapReason
from execution_monitor.live.cursors import ResumeMode, ResumePosition
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.storage.rows import Row

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_ABSENT = object()


class EventKind(StrEnum):
    """What a change means to a subscriber."""

    ENTERED = "entered"  # it was created, or it now matches and may be seen
    UPDATED = "updated"  # it matched before and still does
    LEFT = "left"  # it no longer matches, or may no longer be seen
    DELETED = "deleted"
    STEP = "step"  # a step of the execution is new or has changed
    LOG = "log"  # a log line was added to the execution
    GAP = "gap"  # changes were missed


class RenderCache(dict[Hashable, Any]):
    """What an event was rendered to, once for everyone who gets the same bytes.

    A key says everything beside the event that the bytes depend on: document, variables, scopes.
    """

    __slots__ = ()

    def once(self, key: Hashable, make: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Return what is kept under `key`; the first time that is the result of `make(*arguments)`."""
        found: Any = self.get(key, _ABSENT)
        if found is _ABSENT:
            found = self[key] = make(*arguments)
        return found


class CursorSealer(Protocol):
    """What an event needs of its topic."""

    def cursor(self, resume: ResumePosition) -> str:
        """The cursor of `resume` for the subscribers of the topic."""
        ...


@dataclass(eq=False)
class Delivery:
    """One event for the subscribers of a topic. `row` is a whole stored document, or None where none may be shown."""

    topic: CursorSealer = field(repr=False)
    kind: EventKind
    position: StreamPosition
    occurred_at: datetime
    execution_id: str | None = None  # None only for a gap
    row: Row | None = None
    changed: frozenset[str] | None = frozenset()  # names of stored top-level fields; None where unknown
    reason: GapReason | None = None  # of a gap
    size: int = 0  # bytes of BSON
    resume_mode: ResumeMode = ResumeMode.CONTINUE
    rendered: RenderCache = field(default_factory=RenderCache, repr=False)

    @cached_property
    def cursor(self) -> str:
        """The cursor that resumes after this event; the same text for every subscriber of the topic."""
        return self.topic.cursor(ResumePosition(self.position, self.resume_mode))


@dataclass(eq=False)
class Block:
    """Consecutive deliveries of one topic, at least one, that its subscribers get together."""

    deliveries: Sequence[Delivery]
    rendered: RenderCache = field(default_factory=RenderCache, repr=False)

    @property
    def first(self) -> StreamPosition:
        """The position of the first delivery."""
        return self.deliveries[0].position

    @property
    def last(self) -> StreamPosition:
        """The position of the last delivery."""
        return self.deliveries[-1].position


class Receiver(Protocol):
    """Takes deliveries at the moment they happen; it must neither wait nor raise."""

    def receive(self, delivery: Delivery) -> bool:
        """Take `delivery`, or return False to have it queued."""
        ...

    def receive_block(self, block: Block) -> bool:
        """Take all deliveries of `block`, or return False and take none."""
        ...


class Deliveries(Protocol):
    """What a call that subscribes returns: deliveries in order, for one reader that closes them in the end."""

    def __aiter__(self) -> Self:
        """Itself."""
        ...

    async def __anext__(self) -> Delivery:
        """Wait for the next delivery; cancelling the wait loses none."""
        ...

    def push_to(self, receiver: Receiver) -> None:
        """Offer `receiver` each delivery that no other waits before, if that is possible; the rest is iterated."""
        ...

    def close(self) -> None:
        """End the iteration and drop what was not read."""
        ...


# Conflation: what two kinds in a row become, where None is nothing at all. No other two can follow each other.
_MERGED_KINDS: dict[tuple[EventKind, EventKind], EventKind | None] = {
    (EventKind.ENTERED, EventKind.UPDATED): EventKind.ENTERED,
    (EventKind.ENTERED, EventKind.LEFT): None,
    (EventKind.ENTERED, EventKind.DELETED): None,
    (EventKind.UPDATED, EventKind.UPDATED): EventKind.UPDATED,
    (EventKind.UPDATED, EventKind.LEFT): EventKind.LEFT,
    (EventKind.UPDATED, EventKind.DELETED): EventKind.DELETED,
    (EventKind.LEFT, EventKind.ENTERED): EventKind.UPDATED,
    (EventKind.DELETED, EventKind.ENTERED): EventKind.UPDATED,
}


def can_merge(first: Delivery, then: Delivery) -> bool:
    """Whether two events of one execution can become one, for a subscriber that is slow."""
    return (first.kind, then.kind) in _MERGED_KINDS


def merge(first: Delivery, then: Delivery) -> Delivery | None:
    """Conflate two events of one execution into one at the position of `then`; None when they cancel each other out."""
    kind = _MERGED_KINDS[first.kind, then.kind]
    if kind is None:
        return None
    if then.row is None:
        changed = then.changed  # what may no longer be seen includes what changed
    elif first.changed is None or then.changed is None or first.kind in (EventKind.LEFT, EventKind.DELETED):
        changed = None  # what changed while it was away is unknown
    else:
        changed = first.changed | then.changed
    return replace(then, kind=kind, changed=changed, rendered=RenderCache())
