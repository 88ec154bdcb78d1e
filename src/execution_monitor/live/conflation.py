"""Two events of one execution as one, for a subscriber that falls behind."""

from dataclasses import replace

from execution_monitor.live.events import Delivery, EventKind

# What two kinds in a row come to; None is nothing at all. Others cannot follow each other.
_TOGETHER: dict[tuple[EventKind, EventKind], EventKind | None] = {
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
    """Whether the two may be told as one."""
    return (first.kind, then.kind) in _TOGETHER


def merge(first: Delivery, then: Delivery) -> Delivery | None:
    """The two as one event at the place of `then`; None when the subscriber need not be told of either."""
    kind = _TOGETHER[first.kind, then.kind]
    if kind is None:
        return None
    if then.row is None:
        changed = then.changed  # it may not be seen any more, nor may what changed
    elif first.changed is None or then.changed is None or first.kind in (EventKind.LEFT, EventKind.DELETED):
        changed = None  # what happened while it was away is not known
    else:
        changed = first.changed | then.changed
    return replace(then, kind=kind, changed=changed, made={})
