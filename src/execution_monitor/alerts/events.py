"""Events: the feeder's consumer by which an execution that starts to match a rule becomes an alert.

What a batch of changes does to alerts, with their messages, and the position of its tenant are one transaction. So
changes that are handed over again, by this process or another, are known to have been taken, and none is lost.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from bson import ObjectId
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from execution_monitor.alerts.event_rules import ENABLED, Entered, EventRule, EventRules
from execution_monitor.alerts.groups import AlertGroup
from execution_monitor.alerts.lifecycle import MAX_ACTIVE, Decision, Finding
from execution_monitor.alerts.owned_rules import CONSUMER, RULES
from execution_monitor.alerts.transitions import Transitions
from execution_monitor.feeder.consumers import FieldsChanged, Gap
from execution_monitor.feeder.positions import save_tenant_position
from execution_monitor.feeder.sessions import TransactionSessions
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition, time_of
from execution_monitor.storage.alert_documents import AlertRule, AlertTenant
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filters import Range, all_of
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.webhooks.images import FACTS

log = structlog.get_logger()

UNREADABLE = (
    "Its filter, its condition or its rights were stored by another version, and cannot be read; save it again."
)
_TIMEOUT_MS = 10_000
_LOOK_SECONDS = 60.0
# An engine stamps its changes by its own clock.
_CLOCKS = timedelta(seconds=60)


class Events:
    """Turns the changes of all tenants into alerts; see `Consumer`.

    Args:
        database: where rules and alerts are.
        transitions: writes alerts.
        wake: called when there are messages to send.
    """

    def __init__(self, database: Database, transitions: Transitions, wake: Callable[[], None]) -> None:
        self._database = database
        self._transitions = transitions
        self._wake = wake
        self._registry = EventRules(database)
        self._sessions = TransactionSessions(database, CONSUMER)
        self._reads = False
        self._looks_at = 0.0

    @property
    def name(self) -> str:
        """What its position is stored as."""
        return CONSUMER

    @property
    def registry(self) -> EventRules:
        """What its tenants have, which it reads again with each new revision."""
        return self._registry

    @property
    def fields(self) -> frozenset[str]:
        """What filters need; nothing while there are no rules of events."""
        return FACTS if self._reads else frozenset()

    async def prepare(self) -> None:
        """Look whether there are rules of events."""
        self._reads = await self._registry.has_any()

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        """Let the changes of a tenant up to `until` become alerts."""
        found = await self._registry.of(tenant, until)
        if found is None:
            return
        if found.known.unreadable:
            await RULES.pause(self._database, {"_id": {"$in": list(found.known.unreadable)}}, UNREADABLE)
        if not found.known.registered:
            return
        if not self._reads:
            raise FieldsChanged
        await self._sessions.begin_term(term)
        entered = [
            one
            for change in changes
            for rule in found.known.concerned_by(change)
            if (one := rule.judge(change)) is not None
        ]
        tenants = self._database.collection(AlertTenant)
        if not entered:
            await save_tenant_position(tenants, tenant, until, term)
            return
        rules = {rule.rule_id: rule for rule in found.known.registered}

        async def write(session: AsyncClientSession) -> int:
            stored: Any = await tenants.find_one({"_id": tenant}, {"position": 1}, session=session)
            position = "" if stored is None else stored.get("position") or ""
            fresh = [each for each in entered if each.position > position]
            messages = await self._write(rules, fresh, found.now, session)
            await save_tenant_position(tenants, tenant, until, term, session)
            return messages

        async with self._sessions.one() as session:
            writing = session.with_transaction(
                write,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
                max_commit_time_ms=_TIMEOUT_MS,
            )
            if await await_reply(writing, _TIMEOUT_MS):
                self._wake()

    async def lose(self, gap: Gap, term: int) -> None:  # noqa: ARG002 - said once or again, it is the same
        """Say at every rule of events that was there what is not known to it."""
        if gap.since is None:
            # The first start: a rule that is older has its position.
            return
        reason = (
            f"What changed from {_shown(gap.since)} to {_shown(gap.until)} could not be read; "
            "an execution that started to match then has made no alert."
        )
        query = {**ENABLED, "active_since": {"$lt": time_of(gap.until)}}
        rules = self._database.collection(AlertRule)
        await await_reply(rules.update_many(query, [{"$set": {"state_reason": {"$literal": reason}}}]), _TIMEOUT_MS)

    async def work(self, position: StreamPosition, term: int) -> bool:  # noqa: ARG002 - as a consumer
        """Look once a minute whether there are still rules of events."""
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + _LOOK_SECONDS
            if await self._registry.has_any() is not self._reads:
                raise FieldsChanged
        return False

    async def _write(
        self,
        rules: Mapping[ObjectId, EventRule],
        entered: Sequence[Entered],
        now: datetime,
        session: AsyncClientSession,
    ) -> int:
        messages = 0
        for rule_id in dict.fromkeys(each.rule_id for each in entered):
            query = {"_id": rule_id, **ENABLED}
            row: Any = await self._database.collection(AlertRule).find_one(query, session=session)
            # It was paused or deleted since the changes were read.
            if row is None:
                continue
            active = await self._transitions.active(rule_id, session)
            those = [each for each in entered if each.rule_id == rule_id]
            decision = _decide(row, rules[rule_id], active, those)
            messages += await self._transitions.apply(row, active, decision, now, session)
            await self._have_evaluated(rule_id, session)
        return messages

    async def _have_evaluated(self, rule_id: ObjectId, session: AsyncClientSession) -> None:
        """Have the rule evaluated while it has alerts; whoever evaluates it now begins again."""
        change = {"next_at": {"$ifNull": ["$next_at", "$$NOW"]}, "claim": None}
        await self._database.collection(AlertRule).update_one({"_id": rule_id}, [{"$set": change}], session=session)


def _decide(row: Row, rule: EventRule, active: Mapping[str, BsonDocument], entered: Iterable[Entered]) -> Decision:
    """One alert a group; further executions are added to it."""
    by_group = dict[str, tuple[AlertGroup, list[Entered]]]()
    for each in entered:
        for group in each.groups:
            by_group.setdefault(group.key, (group, []))[1].append(each)
    opened, continued, left_out = list[Finding](), dict[str, Finding](), 0
    for key, (group, those) in by_group.items():
        if key in active:
            continued[key] = _finding(row, rule, group, those, active[key])
        elif len(active) + len(opened) < MAX_ACTIVE:
            opened.append(_finding(row, rule, group, those, None))
        else:
            left_out += 1
    return Decision(opened, continued).leaving_out(left_out)


def _finding(
    row: Row, rule: EventRule, group: AlertGroup, entered: Sequence[Entered], alert: BsonDocument | None
) -> Finding:
    before = 0 if alert is None else alert.get("execution_count") or 0
    count = before + len(entered)
    first = min(each.occurred_at for each in entered)
    last = max(each.occurred_at for each in entered)
    seen_at = None if alert is None else to_datetime(alert.get("seen_at"))
    began = first - _CLOCKS
    started = "1 execution started" if count == 1 else f"{count:,} executions started"
    return Finding(
        group,
        f"{started} to match.",
        value=float(count),
        count=count,
        where=all_of(rule.where, group.condition, Range("updated", gte=began)),
        given=[
            row.get("filter"),
            row["condition"]["event"].get("match"),
            group.given,
            {"updatedAt": {"gte": began.isoformat()}},
        ],
        newest_execution_id=next((each.execution_id for each in reversed(entered) if each.execution_id), None),
        since=first,
        seen_at=last if seen_at is None else max(seen_at, last),
    )


def _shown(position: StreamPosition) -> str:
    return datetime.fromtimestamp(time_of(position).time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
