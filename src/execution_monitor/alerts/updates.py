"""Updates of alerts, live: every change of those that a caller may see, in order, resumable by a cursor."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bson import Timestamp
from typing_extensions import override

from execution_monitor.alerts.visibility import rules_visible_to
from execution_monitor.auth.caller import Caller
from execution_monitor.live.changes import Change, WatchedCollection
from execution_monitor.live.cursors import LiveCursors, ResumePosition
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.live.routing import Route, route_to_alerts
from execution_monitor.live.service import Live
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topics import Topic, Visibility
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.predicates import Predicate

_DIGEST_BYTES = 16


@dataclass(frozen=True, eq=False)
class AlertsTopic(Topic):
    """The alerts that match `where`, which says who may see them. Executions in them have the visibility besides."""

    where: Filter

    # Each change of an alert is an event of its own.
    can_conflate: ClassVar[bool] = False

    @override
    def conditions(self) -> tuple[object, ...]:
        return (self.where,)

    @override
    def routes(self) -> Collection[Route]:
        return (route_to_alerts(self.visibility.tenant),)

    @override
    def judge(self, change: Change) -> Delivery | None:
        row = change.after
        if change.collection is not WatchedCollection.ALERTS or row is None or not self._holds(row):
            return None
        return Delivery(self, EventKind.UPDATED, change.position, change.occurred_at, row=row, size=change.size)

    @cached_property
    @override
    def sealed_for(self) -> bytes:
        """Who may see the alerts: a cursor of executions is not one of alerts."""
        return digest_of("alerts", self.where, size=_DIGEST_BYTES)

    @cached_property
    def _holds(self) -> Predicate:
        return self.where.predicate()


@dataclass(frozen=True, slots=True)
class AlertUpdates:
    """Subscribes to the alerts of one database, over the change stream of the process."""

    live: Live
    cursors: LiveCursors

    async def subscribe(self, caller: Caller, after: str | None = None) -> Subscriber:
        """Subscribe to the alerts that `caller` may see, from now on or right after the cursor `after`.

        Raises:
            Forbidden: the caller lacks the scope `executions:read`.
            InvalidCursor: `after` is damaged, of another visibility, or ahead of the database.
            DatabaseUnavailable: MongoDB does not answer.
        """
        return await self.live.subscribe_to(self._topic(caller), after)

    def cursor_at(self, caller: Caller, read_at: Timestamp) -> str:
        """The cursor of a page of alerts that `caller` read from a snapshot at `read_at`."""
        return self._topic(caller).cursor(ResumePosition(position_after(read_at)))

    def _topic(self, caller: Caller) -> AlertsTopic:
        return AlertsTopic(self.cursors, Visibility.of(caller), rules_visible_to(caller))
