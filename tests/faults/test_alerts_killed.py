"""Alerts and `kill -9`: nothing that a rule should fire on is missed, and no state of an alert is notified twice."""

import asyncio
import contextlib
import multiprocessing
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess

import pytest
from bson import ObjectId

from execution_monitor.alerts.conditions import Event, Rate
from execution_monitor.alerts.groups import GroupBy
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.storage.alert_documents import Alert, AlertNotification
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import StartsWith
from execution_monitor.storage.server_documents import FeedPosition
from tests.alerts.alerting import FAILED, Alerting
from tests.faults.alert_process import POINTS, run
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.live.factories import execution

_TRIALS = 13 if is_full() else 1
_GROUPS = ("a", "b", "c")
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.alert_process"])


@dataclass
class Scene:
    """A rule of events and one of rates, what was written for them, and processes that are killed.

    Attributes:
        failures: how often an execution has started to fail, by group, for the rule of events.
        rounds: how often the condition of the rule of rates was met and then not.
    """

    database: Database
    uri: str
    events: ObjectId
    rates: ObjectId
    failures: Counter[str] = field(default_factory=Counter[str])
    rounds: int = 0

    def start(self, point: str | None = None, *, freezes: bool = False) -> ForkServerProcess:
        arguments = (self.uri, self.database.handle.name, point, freezes)
        process = _PROCESSES.Process(target=run, args=arguments, daemon=True)
        process.start()
        return process

    async def die(self, point: str) -> None:
        """Return when a process has killed itself; changes come as long as it lives."""
        process = self.start(point)
        async with asyncio.timeout(60):
            while process.is_alive():
                await self.write_events()
                await asyncio.sleep(0.05)
        assert process.exitcode == -9, point

    async def write_events(self) -> None:
        """Let an execution of each group fail, which ran until then."""
        rows = self.database.collection(Execution)
        for group in _GROUPS:
            self.failures[group] += 1
            name = f"events-{group}-{self.failures[group]}"
            row = execution(name, workflow_name=f"events-{group}", status="running")
            await rows.insert_one(row)
            await rows.update_one({"execution_id": name}, {"$set": {"status": "failed"}})

    async def switch(self, *, on: bool) -> None:
        """Let the condition of the rule of rates be met by each group, or by none."""
        rows, now = self.database.collection(Execution), datetime.now(UTC)
        for group in _GROUPS:
            change = {"$set": {"status": "failed" if on else "completed", "completed_at": now}}
            await rows.update_one({"execution_id": f"rates-{group}"}, change)
        self.rounds += on

    async def settle(self, *, on: bool) -> None:
        """Return when the alerts of the rule of rates say what is so."""
        alerts = self.database.collection(Alert)
        state = "firing" if on else "resolved"
        query = {"rule_id": self.rates, "state": state}
        wanted = len(_GROUPS) if on else len(_GROUPS) * self.rounds
        async with asyncio.timeout(60):
            while await alerts.count_documents(query) < wanted:  # noqa: ASYNC110 - another process makes them
                await asyncio.sleep(0.02)

    async def finish(self) -> None:
        """Return when all that was written has been fed."""
        now = await current_position(self.database.handle)
        async with asyncio.timeout(120):
            while True:
                found = await self.database.collection(FeedPosition).find_one({"_id": "alerts"})
                if found is not None and found["position"] >= now:
                    return
                await asyncio.sleep(0.05)

    async def result(self, fault: str, trials: int) -> FaultResult:
        """Compare alerts with what was written, and messages with alerts."""
        rows = await self.database.collection(Alert).find().to_list()
        entered = Counter[str]()
        for row in rows:
            if row["rule_id"] == self.events:
                entered[row["group_name"].removeprefix("events-")] += row["execution_count"]
        fired = Counter(row["group_name"] for row in rows if row["rule_id"] == self.rates)
        wanted = Counter({f"rates-{group}": self.rounds for group in _GROUPS})
        messages = await self.database.collection(AlertNotification).find().to_list()
        told = Counter((row["alert_id"], row["event"]) for row in messages)
        states = Counter(
            (row["_id"], event)
            for row in rows
            for event in ("fired", *(["resolved"] if row["state"] == "resolved" else []))
        )
        missed = (self.failures - entered) + (wanted - fired)
        again = (entered - self.failures) + (fired - wanted)
        note = f"{len(rows):,} alerts, {self.failures.total():,} changes, {len(messages):,} messages"
        return FaultResult(
            fault,
            trials=trials,
            lost=missed.total() + (states - told).total(),
            repeated=again.total() + (told - states).total(),
            note=note,
            page="alerts",
        )


@contextlib.asynccontextmanager
async def scene(database: Database, uri: str) -> AsyncGenerator[Scene]:
    process = Alerting(database)
    of_events, of_rates = (StartsWith("workflow_name", name) for name in ("events-", "rates-"))
    events = await process.rule(Event(FAILED), where=of_events, by=GroupBy.WORKFLOW_NAME)
    rates = await process.rule(Rate(3_600, count_above=0), where=of_rates, by=GroupBy.WORKFLOW_NAME)
    for group in _GROUPS:
        await process.ran(f"rates-{group}", workflow_name=f"rates-{group}", status="completed")
    yield Scene(database, uri, events["_id"], rates["_id"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_kill_9_at_any_point_misses_no_alert_and_tells_of_none_twice(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None]
):
    async with scene(database, mongodb_uri) as staged:
        is_on = False
        for _ in range(_TRIALS):
            for point in POINTS:
                is_on = not is_on
                await staged.switch(on=is_on)
                await staged.die(point)
                # Killed, in its turn, wherever it is then.
                healthy = staged.start()
                await staged.settle(on=is_on)
                healthy.kill()
        healthy = staged.start()
        try:
            await staged.finish()
        finally:
            healthy.kill()
        result = await staged.result("`kill -9` of evaluator or feeder of alerts at each of eight points", _TRIALS * 8)

    report(result)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_two_evaluators_that_lose_their_claims_on_the_way_tell_of_each_state_once(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None]
):
    trials = 100 if is_full() else 2
    async with scene(database, mongodb_uri) as staged:
        processes = [staged.start("before a transaction", freezes=True) for _ in range(2)]
        try:
            for number in range(trials):
                await staged.write_events()
                await staged.switch(on=number % 2 == 0)
                await staged.settle(on=number % 2 == 0)
            await staged.finish()
        finally:
            for each in processes:
                each.kill()
        result = await staged.result("two evaluators of alerts that lose their claims on the way", trials)

    report(result)
