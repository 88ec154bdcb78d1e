"""Topics: what each change means under a caller's rights, told from the images of the change itself."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from execution_monitor.live.changes import Change, ChangeType, WatchedCollection
from execution_monitor.live.cursors import LiveCursors, ResumeMode, ResumePosition
from execution_monitor.live.events import Delivery, EventKind, Topic
from execution_monitor.live.routing import Route, route_to
from execution_monitor.live.visibility import Visibility, fingerprint
from execution_monitor.storage.filters import Filter, all_of, equals


@dataclass(frozen=True, eq=False)
class ExecutionsTopic:
    """The executions within `rights` that match `where`."""

    cursors: LiveCursors
    rights: Visibility
    where: Filter
    follows: ClassVar[None] = None  # no execution's steps and log lines

    @cached_property
    def key(self) -> str:
        """The conditions, spelt out."""
        return repr((self.rights.visible, self.where))

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Where the changes that concern this topic arrive."""
        return (route_to(self.rights, self.where),)

    def judge(self, change: Change) -> Delivery | None:
        """Whether an execution entered, changed, left or was deleted here."""
        return judge_execution(self, self.rights, self.where, change)

    def cursor(self, place: ResumePosition) -> str:
        """`place` for whoever has the same rights, whatever the filter."""
        return self.cursors.encode(place, self.rights.digest)


@dataclass(frozen=True, eq=False)
class ActivityTopic:
    """One execution with its steps and log lines, in the order of commits.

    Whoever follows it must stop at LEFT or DELETED: steps and log lines do not tell who may see them.
    """

    cursors: LiveCursors
    rights: Visibility
    execution_id: str

    @property
    def follows(self) -> str:
        """The execution whose steps and log lines are needed."""
        return self.execution_id

    @cached_property
    def key(self) -> str:
        """The conditions, spelt out."""
        return repr(("activity", self.rights.visible, self.execution_id))

    @cached_property
    def belonging(self) -> bytes:
        """What cursors belong to: one that was given out tells that its holder could see this execution then."""
        return fingerprint("activity", self.rights.visible, self.execution_id)

    @cached_property
    def is_it(self) -> Filter:
        """The condition on the execution."""
        return equals("execution_id", self.execution_id)

    @cached_property
    def are_parts(self) -> Filter:
        """The condition on its steps and log lines."""
        return all_of(equals("tenant_id", self.rights.tenant), self.is_it)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Where the changes that concern this topic arrive."""
        return (
            route_to(self.rights, self.is_it),
            Route(self.rights.tenant, execution_id=self.execution_id, parts=True),
        )

    def judge(self, change: Change) -> Delivery | None:
        """What happened to the execution, a step of it, or a log line that is new."""
        if change.collection is WatchedCollection.EXECUTIONS:
            found = judge_execution(self, self.rights, self.is_it, change)
            if found is not None and found.kind in (EventKind.LEFT, EventKind.DELETED):
                found.mark = ResumeMode.ENDED
            return found
        if change.after is None or not self.are_parts.matches(change.after):
            return None
        if change.collection is WatchedCollection.STEPS:
            return _deliver(self, EventKind.STEP, change, shown=True)
        if change.type is ChangeType.INSERT:
            return _deliver(self, EventKind.LOG, change, shown=True)
        return None

    def cursor(self, place: ResumePosition) -> str:
        """`place` for whoever has the same rights and follows the same execution."""
        return self.cursors.encode(place, self.belonging)


def judge_execution(topic: Topic, rights: Visibility, where: Filter, change: Change) -> Delivery | None:
    """What `change` means to those who may see what is within `rights`, and asked for `where`."""
    if change.collection is not WatchedCollection.EXECUTIONS:
        return None
    before, after = change.before, change.after
    sees = after is not None and rights.visible.matches(after)
    had = before is not None and rights.visible.matches(before) and where.matches(before)
    has = after is not None and sees and where.matches(after)
    if has:
        kind = EventKind.UPDATED if had else EventKind.ENTERED
    elif had:
        kind = EventKind.DELETED if after is None else EventKind.LEFT
    else:
        return None
    return _deliver(topic, kind, change, shown=sees)


def _deliver(topic: Topic, kind: EventKind, change: Change, *, shown: bool) -> Delivery:
    row = change.after if shown else None
    # An identity that was seen before may be told; one that the document took on with the move may not.
    execution_id = (row or change.before or {}).get("execution_id")
    return Delivery(
        topic=topic,
        kind=kind,
        position=change.position,
        occurred_at=change.occurred_at,
        execution_id=execution_id if isinstance(execution_id, str) else None,
        row=row,
        changed=change.changed if shown else frozenset(),
        size=change.size,
    )
