"""Alerts, as callers may list, acknowledge and snooze them, and the executions that one is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from execution_monitor.alerts.visibility import rules_visible_to
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, NotFound
from execution_monitor.storage.alert_documents import ACTIVE_STATES, Alert, AlertState
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row
from execution_monitor.storage.sorting import Order, SortKey

NEWEST_FIRST = Order((SortKey("created", descending=True),))
MAX_NOTE = 1_000
MAX_SNOOZE = timedelta(days=31)
_TIMEOUT_MS = 5_000
_UNKNOWN = "There is no such alert, or you may not see it."


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts of one database. Every method may raise `Forbidden`, `NotFound` and `DatabaseUnavailable`."""

    reader: Reader

    async def list(
        self,
        caller: Caller,
        page: PageRequest,
        wanted: PageSelection,
        *,
        state: AlertState | None = None,
        rule_id: str | None = None,
    ) -> Page:
        """One keyset page of the alerts that `caller` may see, newest first: all, or those in a state or of a rule."""
        where = rules_visible_to(caller)
        if state is not None:
            where = all_of(where, equals("state", state.value))
        if rule_id is not None:
            where = all_of(where, equals("rule_id", ObjectId(rule_id) if ObjectId.is_valid(rule_id) else ""))
        return await self.reader.read_page(Alert, Listing(where, NEWEST_FIRST), page, wanted)

    async def find_many(self, caller: Caller, alert_ids: Iterable[str]) -> Mapping[str, Row]:
        """Those of the alerts that `caller` may see, by id."""
        visible = rules_visible_to(caller)
        wanted = tuple(ObjectId(each) for each in alert_ids if ObjectId.is_valid(each))
        if not wanted:
            return {}
        rows = await self.reader.read_some(Alert, all_of(visible, OneOf("_id", wanted)), None, limit=len(wanted))
        return {str(row["_id"]): row for row in rows}

    async def acknowledge(self, caller: Caller, alert_id: str, note: str | None) -> Row:
        """Record that `caller` takes care of an alert: it is not notified again until it is resolved.

        Raises:
            BadUserInput: The alert has been resolved, or the note is too long.
        """
        caller.require_mutation(Scope.ALERTS_WRITE)
        if note is not None and len(note) > MAX_NOTE:
            raise BadUserInput(f"A note has at most {MAX_NOTE:,} characters.")
        change = {"acknowledged_by": caller.subject, "note": note, "snoozed_until": None}
        return await self._change(caller, alert_id, AlertState.ACKNOWLEDGED, change)

    async def snooze(self, caller: Caller, alert_id: str, until: datetime) -> Row:
        """Let an alert be silent until a time: if it still fires then, it is notified.

        Raises:
            BadUserInput: The alert has been resolved, or the time is past or too far away.
        """
        caller.require_mutation(Scope.ALERTS_WRITE)
        now, until = datetime.now(UTC), until if until.tzinfo else until.replace(tzinfo=UTC)
        if not now < until <= now + MAX_SNOOZE:
            raise BadUserInput(f"until must be a time to come within {MAX_SNOOZE.days} days.")
        return await self._change(caller, alert_id, AlertState.SNOOZED, {"snoozed_until": until})

    async def _change(self, caller: Caller, alert_id: str, state: AlertState, change: Mapping[str, Any]) -> Row:
        if not ObjectId.is_valid(alert_id):
            raise NotFound(_UNKNOWN)
        its = all_of(rules_visible_to(caller), equals("_id", ObjectId(alert_id)))
        active = all_of(its, OneOf("state", ACTIVE_STATES))
        values = {name: {"$literal": value} for name, value in change.items()}
        stage = {"$set": {**values, "state": state.value, "updated": "$$NOW", "revision": {"$add": ["$revision", 1]}}}
        with failing_as_unavailable():
            updating = self.reader.database.collection(Alert).update_one(active.to_mongo(), [stage])
            done = await await_reply(updating, _TIMEOUT_MS)
        found = await self.find_many(caller, [alert_id])
        if alert_id not in found:
            raise NotFound(_UNKNOWN)
        if not done.matched_count:
            raise BadUserInput("The alert has been resolved; there is nothing left to acknowledge or to snooze.")
        return found[alert_id]


def executions_of(row: Row) -> Filter | None:
    """The filter of the executions that an alert is about; None where what is stored cannot be read.

    It decides nothing of who may see them.
    """
    try:
        return decode_filter(row.get("where"))
    except (UnreadableFilter, TypeError, ValueError, KeyError):
        return None
