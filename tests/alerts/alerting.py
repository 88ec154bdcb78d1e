"""What alerts take, in one process: rules of a caller's, the feeder's consumer and an evaluator."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from execution_monitor.alerts.conditions import Condition, Event
from execution_monitor.alerts.evaluation.evaluator import Evaluator
from execution_monitor.alerts.evaluation.measuring import Measuring
from execution_monitor.alerts.events import Events
from execution_monitor.alerts.groups import GroupBy
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.notifications import Notifications
from execution_monitor.alerts.owned_rules import CONSUMER
from execution_monitor.alerts.rules import RuleFields, Rules
from execution_monitor.alerts.transitions import Transitions
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.alert_documents import Alert, AlertNotification, AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row
from execution_monitor.storage.server_documents import FeedPosition
from execution_monitor.tasks import end_tasks
from tests.alerts.ruling import NoChannels, accept
from tests.live.factories import execution

OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT, Scope.ALERTS_WRITE}))
FAILED = equals("status", "failed")
CHANNEL = {
    "id": "c1",
    "kind": "slack",
    "host": "hooks.slack.com:443",
    "address": "hooks.slack.com …abcd",
    "target": b"",
}


@dataclass
class Alerting:
    """One process that makes alerts; nothing is sent."""

    database: Database
    channels: Sequence[dict[str, Any]] = (CHANNEL,)
    timeout_ms: int = 5_000
    woken: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self.rules = Rules(Reader(self.database, self.timeout_ms), NoChannels(), accept)
        self.transitions = Transitions(Notifications(self.database, Links("https://monitor.example.com")))
        self.measuring = Measuring(Statistics(Reader(self.database, self.timeout_ms)))
        self.evaluator = self.another_evaluator()

    def another_evaluator(self) -> Evaluator:
        """That of another process."""
        return Evaluator(self.database, self.measuring, self.transitions, self.wake)

    def events(self) -> Events:
        """The consumer of the feeder, of this process or another."""
        return Events(self.database, self.transitions, self.wake)

    def wake(self) -> None:
        """Called when there is something to send."""
        self.woken["sender"] += 1

    async def rule(  # noqa: PLR0913 - what a rule is made of
        self,
        condition: Condition,
        *,
        by: GroupBy | None = None,
        where: Filter = EVERYTHING,
        caller: Caller = OWNER,
        hold: int = 0,
        repeat: int | None = None,
    ) -> Row:
        """A rule of `caller`."""
        given = {condition.kind.value: {"match": None}} if isinstance(condition, Event) else given_of(condition)
        return await self.rules.create(
            caller,
            RuleFields(
                name="night watch",
                where=where,
                condition=condition,
                given_condition=given,
                group_by=by,
                for_seconds=hold,
                repeat_after_seconds=repeat,
                channels=self.channels,
            ),
        )

    async def evaluate(self) -> int:
        """Evaluate all rules, as if it were time to."""
        await self.make_due()
        return await self.evaluator.evaluate_due()

    async def make_due(self) -> None:
        """Have every rule that is evaluated be due."""
        has_time = {"next_at": {"$type": "date"}}
        await self.database.collection(AlertRule).update_many(has_time, [{"$set": {"next_at": "$$NOW"}}])

    async def pass_time(self, **lengths: float) -> None:
        """Let what is stored of alerts and rules be older by a length of time."""
        ms = round(timedelta(**lengths).total_seconds() * 1_000)

        def older(name: str) -> dict[str, Any]:
            return {"$cond": [{"$eq": [{"$type": f"${name}"}, "date"]}, {"$subtract": [f"${name}", ms]}, f"${name}"]}

        times = ("fired_at", "seen_at", "notified_at", "snoozed_until")
        alerts, rules = self.database.collection(Alert), self.database.collection(AlertRule)
        await alerts.update_many({}, [{"$set": {name: older(name) for name in times}}])
        since = {"$mergeObjects": ["$$this", {"since": {"$subtract": ["$$this.since", ms]}}]}
        await rules.update_many({}, [{"$set": {"pending": {"$map": {"input": "$pending", "in": since}}}}])

    async def change_rule(self, rule: Row, **fields: Any) -> None:
        """Change what is stored of a rule."""
        await self.database.collection(AlertRule).update_one({"_id": rule["_id"]}, {"$set": fields})

    async def stored_rule(self, rule: Row) -> dict[str, Any]:
        """A rule as it is stored now."""
        found = await self.database.collection(AlertRule).find_one({"_id": rule["_id"]})
        assert found is not None
        return found

    async def alerts(self) -> list[dict[str, Any]]:
        """All alerts, the oldest first."""
        return await self.database.collection(Alert).find().sort("_id", 1).to_list()

    async def states(self) -> dict[str | None, str]:
        """The state of the last alert of each group."""
        return {each["group_name"]: each["state"] for each in await self.alerts()}

    async def events_sent(self) -> list[tuple[str | None, str]]:
        """The group and the event of each message, the oldest first."""
        rows = await self.database.collection(AlertNotification).find().sort("created", 1).to_list()
        return [(row["data"]["group"], row["event"]) for row in rows]

    async def ran(self, name: str, **fields: Any) -> None:
        """Store an execution that ended a second ago."""
        now = datetime.now(UTC)
        times = {"created": now, "completed_at": now - timedelta(seconds=1), "updated": now}
        await self.database.collection(Execution).insert_one(execution(name, **{**times, **fields}))

    async def change_execution(self, name: str, **fields: Any) -> None:
        """Change an execution."""
        await self.database.collection(Execution).update_one({"execution_id": name}, {"$set": fields})

    async def has_fed(self) -> None:
        """Return when everything that has happened until now has been taken."""
        now = await current_position(self.database.handle)
        async with asyncio.timeout(15):
            while True:
                found = await self.database.collection(FeedPosition).find_one({"_id": CONSUMER})
                if found is not None and found["position"] >= now:
                    return
                await asyncio.sleep(0.02)

    @contextlib.asynccontextmanager
    async def feeding(self) -> AsyncGenerator[None]:
        """Feed until the end."""
        running = asyncio.create_task(Feeder(self.database, [self.events()]).run())
        try:
            yield
        finally:
            await end_tasks(running)


def given_of(condition: Condition) -> dict[str, Any]:
    """A condition as its owner would have written it; of a `match`, the default alone."""
    names = {
        "window_seconds": "windowSeconds",
        "share_above": "shareAbove",
        "count_above": "countAbove",
        "minimum_ended": "minimumEnded",
        "longer_than_seconds": "longerThanSeconds",
        "longer_than_percentile": "longerThanPercentile",
        "every_seconds": "everySeconds",
        "cron": "cron",
        "time_zone": "timeZone",
        "grace_seconds": "graceSeconds",
        "of": "of",
        "above": "above",
    }
    values = {given: getattr(condition, name) for name, given in names.items() if hasattr(condition, name)}
    return {condition.kind.value: {name: value for name, value in values.items() if value is not None}}


def webhook_channel(webhook_id: ObjectId) -> dict[str, Any]:
    """The channel of a webhook."""
    return {"id": "w1", "kind": "webhook", "host": "localhost:443", "address": "localhost", "webhook_id": webhook_id}
