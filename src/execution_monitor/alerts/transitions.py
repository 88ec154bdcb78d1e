"""Transitions: what an evaluation changes of a rule's alerts, with the notifications of it, in one transaction.

So an alert never changes unnoticed, and none is notified twice of one state, wherever a process is killed. Whoever
evaluates must be the one who has the rule now: the transaction itself requires it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from execution_monitor.alerts.lifecycle import MAX_ACTIVE, ActiveAlert, AlertEvent, Decision, Finding, Timing, opened
from execution_monitor.alerts.notifications import Notice, Notifications
from execution_monitor.alerts.owned_rules import ALERT_DAYS
from execution_monitor.storage.alert_documents import ACTIVE_STATES, Alert, AlertState
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.rows import BsonDocument, Row

# What becomes different of an alert; its other fields stay.
_CHANGED = (
    *("state", "summary", "value", "execution_count", "newest_execution_id", "seen_at", "notified_at", "repeats"),
    *("snoozed_until", "resolved_at", "updated", "revision", "expires_at"),
)


@dataclass(frozen=True, slots=True)
class Transitions:
    """Writes what becomes of alerts. Every method is part of a transaction of the caller's.

    Attributes:
        notifications: puts messages into the outboxes.
    """

    notifications: Notifications

    async def active(self, rule_id: ObjectId, session: AsyncClientSession | None = None) -> dict[str, BsonDocument]:
        """The alerts of a rule that have not been resolved, by group."""
        query = {"rule_id": rule_id, "state": {"$in": list(ACTIVE_STATES)}}
        rows = await self._alerts.find(query, session=session).to_list()
        return {row["group"]: row for row in rows}

    async def apply(
        self,
        rule: Row,
        active: Mapping[str, BsonDocument],
        decision: Decision,
        now: datetime,
        session: AsyncClientSession,
    ) -> int:
        """Write what `decision` changes of the `active` alerts of `rule`; returns how many messages that makes."""
        notices, changed = list[Notice](), list[BsonDocument]()
        for group, finding in decision.continued.items():
            row, event = continued(active[group], finding, Timing.read(rule), now)
            changed.extend([] if row is None else [row])
            if row is not None and event is not None:
                notices.append(Notice(row, event))
        for group in decision.resolved:
            row = resolved(active[group], now)
            changed.append(row)
            # Those who never heard of it need not hear of its end.
            if row.get("notified_at") is not None:
                notices.append(Notice(row, AlertEvent.RESOLVED))
        if changed:
            await self._alerts.bulk_write([_update(row) for row in changed], session=session)
        notices += await self._open(rule, decision, now, session)
        return await self.notifications.put(rule, notices, now, session)

    async def _open(
        self, rule: Row, decision: Decision, now: datetime, session: AsyncClientSession
    ) -> Sequence[Notice]:
        if not decision.opened:
            return []
        snoozes = await self._snoozes(rule["_id"], [each.group.key for each in decision.opened], now, session)
        rows = [
            _alert_of(rule, finding, opened(now, snoozes.get(finding.group.key)), decision.left_out, now)
            for finding in decision.opened
        ]
        await self._alerts.insert_many(rows, session=session)
        return [Notice(row, AlertEvent.FIRED) for row in rows if row["state"] == AlertState.FIRING]

    async def _snoozes(
        self, rule_id: ObjectId, groups: Sequence[str], now: datetime, session: AsyncClientSession
    ) -> Mapping[str, datetime]:
        """Until when those of the groups are snoozed whose last alerts were resolved meanwhile."""
        query = {"rule_id": rule_id, "group": {"$in": list(groups)}, "snoozed_until": {"$gt": now}}
        wanted = {"group": 1, "snoozed_until": 1, "_id": 0}
        rows = (
            await self._alerts.find(query, wanted, session=session, hint="rule_id_newest").sort("created", 1).to_list()
        )
        return {row["group"]: row["snoozed_until"] for row in rows}

    @property
    def _alerts(self) -> Any:
        return self.notifications.database.collection(Alert)


def continued(
    row: BsonDocument, finding: Finding, timing: Timing, now: datetime
) -> tuple[BsonDocument | None, AlertEvent | None]:
    """An alert whose condition is still met, as it is stored then, and what is notified of; None for no change."""
    before = ActiveAlert.read(row)
    after, event = before.after(now, timing)
    what = {"summary": finding.summary, "value": finding.value, "execution_count": finding.count}
    if finding.newest_execution_id is not None:
        what["newest_execution_id"] = finding.newest_execution_id
    if after == before and all(row.get(name) == value for name, value in what.items()):
        return None, None
    changed = {
        **row,
        **what,
        "state": after.state.value,
        "notified_at": after.notified_at,
        "repeats": after.repeats,
        "snoozed_until": after.snoozed_until,
        "seen_at": finding.seen_at or now,
        "updated": now,
        "revision": row["revision"] + 1,
    }
    return changed, event


def resolved(row: BsonDocument, now: datetime) -> BsonDocument:
    """An alert that ends at `now`, as it is stored then."""
    return {
        **row,
        "state": AlertState.RESOLVED.value,
        "resolved_at": now,
        "updated": now,
        "revision": row["revision"] + 1,
        "expires_at": now + timedelta(days=ALERT_DAYS),
    }


def _alert_of(rule: Row, finding: Finding, alert: ActiveAlert, left_out: int, now: datetime) -> BsonDocument:
    began = finding.since or now
    return {
        "_id": ObjectId(),
        "tenant_id": rule["tenant_id"],
        "rule_id": rule["_id"],
        "user_id": rule["user_id"],
        "group": finding.group.key,
        "group_name": finding.group.name,
        "state": alert.state.value,
        "summary": finding.summary + _more(left_out),
        "value": finding.value,
        "execution_count": finding.count,
        "where": encode_filter(finding.where),
        "given": list(finding.given),
        "newest_execution_id": finding.newest_execution_id,
        "fired_at": began,
        "seen_at": finding.seen_at or now,
        "notified_at": alert.notified_at,
        "repeats": alert.repeats,
        "snoozed_until": alert.snoozed_until,
        "created": began,
        "updated": now,
        "revision": 1,
    }


def _more(left_out: int) -> str:
    if not left_out:
        return ""
    groups = "1 more group meets" if left_out == 1 else f"{left_out:,} more groups meet"
    return f" {groups} the condition; at most {MAX_ACTIVE} alerts of a rule fire at a time."


def _update(row: BsonDocument) -> UpdateOne:
    return UpdateOne({"_id": row["_id"]}, {"$set": {name: row.get(name) for name in _CHANGED}})
