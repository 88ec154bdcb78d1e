"""Settling: what the groups that meet a rule's condition change of its alerts, in one transaction with the claim."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from execution_monitor.alerts.evaluation.claims import Claims, is_of_events, pending_of
from execution_monitor.alerts.evaluation.measuring import Measuring
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import AlertGroup
from execution_monitor.alerts.lifecycle import Decision, Finding, Timing, decide
from execution_monitor.alerts.transitions import Transitions, continued
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument, Row

# An execution that matches keeps an alert of events for as long as this at least.
EVENTS_LAST = timedelta(seconds=600)
_TIMEOUT_MS = 10_000


class Settling:
    """Settles evaluations.

    Args:
        claims: of the rules.
        measuring: finds the newest executions.
        transitions: writes what becomes of alerts.
        wake: called when there are messages to send.
    """

    def __init__(
        self, claims: Claims, measuring: Measuring, transitions: Transitions, wake: Callable[[], None]
    ) -> None:
        self._claims = claims
        self._measuring = measuring
        self._transitions = transitions
        self._wake = wake

    async def settle(
        self, watched: Watched | None, rule: BsonDocument, findings: Sequence[Finding] | None, now: datetime
    ) -> bool:
        """Write what becomes of the alerts of `rule`; whether this process still had it."""
        before = await self._transitions.active(rule["_id"])
        decision = _decide(rule, before, findings, now)
        if not _changes(rule, before, decision, now):
            # Nearly always: no transaction then.
            await self._end(rule, before, decision, now, None)
            return True
        newest = await self._newest(watched, rule, before, decision, now)

        async def write(session: AsyncClientSession) -> int | None:
            stored = await self._claims.still_held(rule, session)
            if stored is None:
                return None
            active = await self._transitions.active(rule["_id"], session)
            decided = _with_newest(_decide(stored, active, findings, now), newest)
            messages = await self._transitions.apply(stored, active, decided, now, session)
            await self._end(rule, active, decided, now, session)
            return messages

        async with self._claims.database.client.start_session() as session:
            writing = session.with_transaction(
                write,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
                max_commit_time_ms=_TIMEOUT_MS,
            )
            messages = await await_reply(writing, _TIMEOUT_MS)
        if messages:
            self._wake()
        return messages is not None

    async def _end(
        self,
        rule: BsonDocument,
        active: Mapping[str, BsonDocument],
        decision: Decision,
        now: datetime,
        session: AsyncClientSession | None,
    ) -> None:
        if is_of_events(rule) and len(active) == len(decision.resolved):
            await self._claims.rest(rule, session)
        else:
            await self._claims.finish(rule, now, decision.pending, session)

    async def _newest(
        self,
        watched: Watched | None,
        rule: BsonDocument,
        active: Mapping[str, BsonDocument],
        decision: Decision,
        now: datetime,
    ) -> Mapping[str, str | None]:
        """The newest executions of the groups that are notified of now, where a finding does not name them."""
        if watched is None:
            return {}
        repeated = [
            finding
            for group, finding in decision.continued.items()
            if continued(active[group], finding, Timing.read(rule), now)[1] is not None
        ]
        found = dict[str, str | None]()
        for finding in [*decision.opened, *repeated]:
            if finding.newest_execution_id is None:
                try:
                    found[finding.group.key] = await self._measuring.find_newest(watched, finding.where)
                except ExecutionMonitorError:
                    # The message names none.
                    found[finding.group.key] = None
        return found


def _decide(
    rule: Row, active: Mapping[str, BsonDocument], findings: Sequence[Finding] | None, now: datetime
) -> Decision:
    if findings is None:
        lasting = max(EVENTS_LAST, timedelta(seconds=rule.get("for_seconds") or 0))
        findings = [_lasting(row) for row in active.values() if now - row["seen_at"] < lasting]
        return decide(list(active), {}, findings, timedelta(), now)
    return decide(list(active), pending_of(rule), findings, Timing.read(rule).hold, now)


def _lasting(row: Row) -> Finding:
    """An alert of events that goes on, as it is."""
    group = AlertGroup(row["group"], row.get("group_name"))
    return Finding(
        group, row["summary"], value=row.get("value"), count=row.get("execution_count"), seen_at=row["seen_at"]
    )


def _changes(rule: Row, active: Mapping[str, BsonDocument], decision: Decision, now: datetime) -> bool:
    """Whether alerts change, or what is notified."""
    timing = Timing.read(rule)
    return bool(decision.opened or decision.resolved) or any(
        continued(active[group], finding, timing, now)[0] is not None for group, finding in decision.continued.items()
    )


def _with_newest(decision: Decision, newest: Mapping[str, str | None]) -> Decision:
    """The decision with the newest executions in what is found of their groups."""

    def named(finding: Finding) -> Finding:
        found = newest.get(finding.group.key)
        return finding if found is None else replace(finding, newest_execution_id=found)

    return replace(
        decision,
        opened=[named(each) for each in decision.opened],
        continued={group: named(finding) for group, finding in decision.continued.items()},
    )
