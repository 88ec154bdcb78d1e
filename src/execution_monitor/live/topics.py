"""Topics: what subscribers follow, and what each change means to them, judged by the images of the change alone."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from typing_extensions import override

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.live.changes import Change, ChangeType, WatchedCollection
from execution_monitor.live.cursors import LiveCursors, ResumeMode, ResumePosition
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.routing import Route, pinned_values, route_to_children, routes_to
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.filters import Filter, all_of, equals
from execution_monitor.storage.predicates import Predicate, PredicateAt

_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Visibility:
    """Which executions a caller may see, as a value; callers with equal ones share topics and cursors."""

    condition: Filter
    tenant: str

    @classmethod
    def of(cls, caller: Caller) -> "Visibility":
        """The visibility of `caller`.

        Raises:
            Forbidden: the caller lacks the scope `executions:read`.
        """
        caller.require(Scope.EXECUTIONS_READ)
        condition = visible_to(caller)
        match pinned_values(condition, "tenant_id"):
            case [tenant]:
                return cls(condition, tenant)
            case _:
                raise ValueError("A caller sees the executions of one tenant.")

    @cached_property
    def holds(self) -> Predicate:
        """Whether the caller may see an execution."""
        return self.condition.predicate()

    @cached_property
    def digest(self) -> bytes:
        """A fingerprint, the same on every server."""
        return digest_of(self.condition, size=_DIGEST_BYTES)


@dataclass(frozen=True, eq=False)
class Topic(ABC):
    """What a group of subscribers follows. Nothing else in `live` knows one kind of topic from another.

    A new kind says which routes it listens to, what a change means to it, and what tells its topics apart; whatever
    else it needs differently it overrides.
    """

    cursors: LiveCursors
    visibility: Visibility

    # Whether events of one execution may become one for a slow subscriber. Not where their order with others matters.
    can_conflate: ClassVar[bool] = True
    # How a subscription resumes from the cursor of a GAP.
    after_gap: ClassVar[ResumeMode] = ResumeMode.CONTINUE

    @abstractmethod
    def conditions(self) -> tuple[object, ...]:
        """What tells this topic from others of its kind and visibility, by its `repr`."""

    @abstractmethod
    def routes(self) -> Collection[Route]:
        """The routing keys under which every change that concerns this topic is published."""

    @abstractmethod
    def judge(self, change: Change) -> Delivery | None:
        """What `change` means here; None when it means nothing."""

    @property
    def followed_execution(self) -> str | None:
        """The execution whose steps and log lines the change stream must bring; None when it needs none."""
        return None

    @cached_property
    def sealed_for(self) -> bytes:
        """What a cursor must have been sealed for to be accepted here: the same visibility, whatever the filter."""
        return self.visibility.digest

    @cached_property
    def key(self) -> Hashable:
        """Topics with equal keys mean the same; their subscribers share each event."""
        return repr((type(self).__qualname__, self.visibility.condition, *self.conditions()))

    def cursor(self, resume: ResumePosition) -> str:
        """The cursor of `resume` for the subscribers of this topic."""
        return self.cursors.encode(resume, self.sealed_for)

    def _judge_execution(self, where: Predicate, change: Change) -> Delivery | None:
        """Whether a visible execution that matches `where` entered, changed, left or was deleted."""
        before, after, visible = change.before, change.after, self.visibility.holds
        # Most changes within a tenant are visible, and few match.
        had = before is not None and where(before) and visible(before)
        if after is not None and where(after) and visible(after):
            return self._deliver(EventKind.UPDATED if had else EventKind.ENTERED, change, is_shown=True)
        if not had:
            return None
        if after is None:
            return self._deliver(EventKind.DELETED, change, is_shown=False)
        return self._deliver(EventKind.LEFT, change, is_shown=visible(after))

    def _deliver(self, kind: EventKind, change: Change, *, is_shown: bool) -> Delivery:
        row = change.after if is_shown else None
        # The id that could be seen before may be sent; one that the document got when it left may not.
        execution_id = (row or change.before or {}).get("execution_id")
        return Delivery(
            topic=self,
            kind=kind,
            position=change.position,
            occurred_at=change.occurred_at,
            execution_id=execution_id if isinstance(execution_id, str) else None,
            row=row,
            changed=change.changed if is_shown else frozenset(),
            size=change.size,
        )


@dataclass(frozen=True, eq=False)
class ExecutionsTopic(Topic):
    """The visible executions that match `where`."""

    where: Filter

    @override
    def conditions(self) -> tuple[object, ...]:
        return (self.where,)

    @override
    def routes(self) -> Collection[Route]:
        return routes_to(self.visibility.tenant, self.visibility.condition, self.where)

    @override
    def judge(self, change: Change) -> Delivery | None:
        if change.collection is not WatchedCollection.EXECUTIONS:
            return None
        holds_at = self._holds_at
        if holds_at is None:
            return self._judge_execution(self._holds, change)
        # Both images at one instant: that time has passed since tells nobody anything.
        at = change.occurred_at
        return self._judge_execution(lambda image: holds_at(image, at), change)

    @cached_property
    def _holds(self) -> Predicate:
        return self.where.predicate()

    @cached_property
    def _holds_at(self) -> PredicateAt | None:
        return self.where.predicate_at() if self.where.is_relative else None


@dataclass(frozen=True, eq=False)
class ActivityTopic(Topic):
    """One execution with its steps and log lines, in the order of commits.

    A subscriber must stop at LEFT or DELETED: steps and log lines do not say who may see them.
    """

    execution_id: str

    # No step and no log line is left out, and none may change places with the end of the activity.
    can_conflate: ClassVar[bool] = False
    after_gap: ClassVar[ResumeMode] = ResumeMode.RESTART

    @override
    def conditions(self) -> tuple[object, ...]:
        return (self.execution_id,)

    @override
    def routes(self) -> Collection[Route]:
        tenant = self.visibility.tenant
        return (
            *routes_to(tenant, self.visibility.condition, self.is_execution),
            route_to_children(tenant, self.execution_id),
        )

    @override
    def judge(self, change: Change) -> Delivery | None:
        if change.collection is WatchedCollection.EXECUTIONS:
            delivery = self._judge_execution(self._is_execution, change)
            if delivery is not None and delivery.kind in (EventKind.LEFT, EventKind.DELETED):
                delivery.resume_mode = ResumeMode.ENDED
            return delivery
        if change.after is None or not self._is_child(change.after):
            return None
        if change.collection is WatchedCollection.STEPS:
            return self._deliver(EventKind.STEP, change, is_shown=True)
        if change.type is ChangeType.INSERT:
            return self._deliver(EventKind.LOG, change, is_shown=True)
        return None

    @property
    @override
    def followed_execution(self) -> str | None:
        return self.execution_id

    @cached_property
    @override
    def sealed_for(self) -> bytes:
        """Also the execution: its cursor proves that the holder could see it then."""
        return digest_of("activity", self.visibility.condition, self.execution_id, size=_DIGEST_BYTES)

    @cached_property
    def is_execution(self) -> Filter:
        """The condition on the execution."""
        return equals("execution_id", self.execution_id)

    @cached_property
    def _is_execution(self) -> Predicate:
        return self.is_execution.predicate()

    @cached_property
    def is_child(self) -> Filter:
        """The condition on its steps and log lines."""
        return all_of(equals("tenant_id", self.visibility.tenant), self.is_execution)

    @cached_property
    def _is_child(self) -> Predicate:
        return self.is_child.predicate()
