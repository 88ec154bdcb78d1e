"""The evaluator: measures the rules that are due, each question once, and writes what becomes of their alerts.

Any number of processes evaluate at the same time. Each claims rules by the clock of MongoDB, and what an evaluation
changes is one transaction that requires the claim.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError
from typing_extensions import override

from execution_monitor.alerts.conditions import Duration, UnreadableCondition
from execution_monitor.alerts.evaluation.claims import Claims, claimed_at, is_of_events
from execution_monitor.alerts.evaluation.measuring import Measuring
from execution_monitor.alerts.evaluation.settling import Settling
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.events import UNREADABLE
from execution_monitor.alerts.lifecycle import Finding
from execution_monitor.alerts.owned_rules import RULES
from execution_monitor.alerts.transitions import Transitions
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.observability.metrics.families import counter, counters_by
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.database import Database
from execution_monitor.storage.filter_codec import UnreadableFilter
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.webhooks.rights import RightsUnclear

log = structlog.get_logger()

FAILED = "The server failed, and its log says why."
# Rules that are evaluated together: equal questions of these are asked once.
_AT_ONCE = 200
_QUESTIONS_AT_ONCE = 8
# What has not begun by then is given back: claims last for a minute, and one question is up to three queries.
_BATCH_SECONDS = 25.0
_IDLE_SECONDS = 1.0
_TROUBLE_SECONDS = 2.0


class Evaluator(Collector):
    """Evaluates from one process.

    Args:
        database: where rules and alerts are.
        measuring: finds the groups that meet a condition.
        transitions: writes what becomes of alerts.
        wake: called when there are messages to send.
    """

    def __init__(
        self,
        database: Database,
        measuring: Measuring,
        transitions: Transitions,
        wake: Callable[[], None],
    ) -> None:
        self.outcomes: Counter[str] = Counter({"evaluated": 0, "failed": 0, "superseded": 0})
        self.questions = 0
        self.seconds = 0.0
        self._database = database
        self._claims = Claims(database, _QUESTIONS_AT_ONCE)
        self._measuring = measuring
        self._settling = Settling(self._claims, measuring, transitions, wake)

    async def run(self) -> None:
        """Evaluate until cancelled."""
        while True:
            try:
                if not await self.evaluate_due():
                    await asyncio.sleep(_IDLE_SECONDS)
            except (PyMongoError, ExecutionMonitorError) as error:
                self._log(error)
                await asyncio.sleep(_TROUBLE_SECONDS)

    async def evaluate_due(self) -> int:
        """Evaluate the rules that are due now, up to 200; returns how many these were."""
        await self._claims.end_lapsed()
        claimed = await self._take_due()
        if not claimed:
            return 0
        now = max(map(claimed_at, claimed))
        began, turns = time.monotonic(), asyncio.Semaphore(_QUESTIONS_AT_ONCE)

        async def evaluate(watched: Watched | None, rules: Sequence[BsonDocument]) -> None:
            async with turns:
                if time.monotonic() - began > _BATCH_SECONDS:
                    for each in rules:
                        await self._claims.give_back(each)
                else:
                    await self._evaluate(watched, rules, now)

        evaluating = [evaluate(watched, rules) for watched, rules in await self._by_question(claimed)]
        # What fails of one question keeps no other.
        ends = await asyncio.gather(*evaluating, return_exceptions=True)
        self.seconds += time.monotonic() - began
        for error in ends:
            if error is not None:
                raise error
        return len(claimed)

    async def _take_due(self) -> list[BsonDocument]:
        claimed = list[BsonDocument]()
        try:
            while len(claimed) < _AT_ONCE and (rule := await self._claims.take()) is not None:
                claimed.append(rule)
        except (PyMongoError, ExecutionMonitorError) as error:
            if not claimed:
                raise
            # Otherwise they would wait until their claims have run out.
            self._log(error)
        return claimed

    async def _by_question(
        self, claimed: Sequence[BsonDocument]
    ) -> Sequence[tuple[Watched | None, Sequence[BsonDocument]]]:
        """The rules by what they watch; those of events by themselves."""
        watched = dict[object, Watched | None]()
        rules = defaultdict[object, list[BsonDocument]](list)
        for rule in claimed:
            key: object
            if is_of_events(rule):
                key, found = rule["_id"], None
            else:
                try:
                    found = Watched.read(rule)
                except (RightsUnclear, UnreadableFilter, UnreadableCondition, ValueError, TypeError, KeyError):
                    await RULES.pause(self._database, {"_id": rule["_id"]}, UNREADABLE)
                    continue
                # What is asked of durations depends on the last look.
                has_last = isinstance(found.condition, Duration)
                key = (found.key, rule.get("evaluated_at") if has_last else None)
            watched[key] = found
            rules[key].append(rule)
        return [(watched[key], each) for key, each in rules.items()]

    async def _evaluate(self, watched: Watched | None, rules: Sequence[BsonDocument], now: datetime) -> None:
        findings: Sequence[Finding] | None = None
        if watched is not None:
            try:
                findings = await self._find(watched, to_datetime(rules[0].get("evaluated_at")), now)
            except ExecutionMonitorError as error:
                # Of one shard that does not answer, too: the others are measured.
                await self._fail(rules, error.message)
                return
            except Exception:
                log.exception("rule_not_evaluated")
                await self._fail(rules, FAILED)
                return
        for rule in rules:
            try:
                is_done = await self._settling.settle(watched, rule, findings, now)
                self.outcomes["evaluated" if is_done else "superseded"] += 1
            except (PyMongoError, ExecutionMonitorError) as error:
                # Its claim runs out.
                self.outcomes["failed"] += 1
                self._log(error)
            except Exception:
                log.exception("rule_not_evaluated")
                await self._fail([rule], FAILED)

    async def _find(self, watched: Watched, since: datetime | None, now: datetime) -> Sequence[Finding]:
        self.questions += 1
        return await self._measuring.find(watched, since, now)

    async def _fail(self, rules: Sequence[BsonDocument], reason: str) -> None:
        for rule in rules:
            self.outcomes["failed"] += 1
            await self._claims.fail(rule, reason)

    def _log(self, error: PyMongoError | ExecutionMonitorError) -> None:
        if self._database.is_usable:
            reason = explain(error) if isinstance(error, PyMongoError) else error.message
            log.warning("rules_not_evaluated", reason=reason)

    @override
    def collect(self) -> Iterator[Metric]:
        """How many evaluations there were and how they ended, the questions that they took, and the time."""
        yield counters_by(
            "outcome",
            "alert_evaluations",
            "Evaluations of rules: evaluated, failed, or superseded by a change of the rule or another server.",
            self.outcomes,
        )
        yield counter("alert_questions", "Questions that evaluations asked; equal ones are asked once.", self.questions)
        yield counter("alert_evaluation_seconds", "Seconds in which rules were evaluated.", self.seconds)
