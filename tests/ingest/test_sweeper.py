import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import structlog
from pymongo.errors import OperationFailure
from typing_extensions import override

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.ingest.service import Ingest, Stored
from execution_monitor.ingest.silence import Patience
from execution_monitor.ingest.sweeper import Sweeper
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus, Step, collection_of
from execution_monitor.tasks import end_tasks

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
# The clock of the engine, far from MongoDB's.
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_WRITE}))
BOB = Caller("bob", "globex", frozenset({Scope.EXECUTIONS_WRITE}))
RUNNING, PENDING, COMPLETED = ExecutionStatus.RUNNING, ExecutionStatus.PENDING, ExecutionStatus.COMPLETED
FAILED = ExecutionStatus.FAILED


@pytest.fixture
def ingest(database: Database) -> Ingest:
    return Ingest(database, lambda _, value: value)


@pytest.fixture
def sweeper(database: Database, ingest: Ingest) -> Sweeper:
    return Sweeper(database, ingest, Patience())


async def report(ingest: Ingest, say: Callable[[Facts], object], caller: Caller = ADA) -> None:
    facts = ingest.begin()
    say(facts)
    assert not (await ingest.store(caller, facts)).refused


def start(facts: Facts, name: str = "run", *steps: str, at: datetime = NOON) -> None:
    facts.execution(name).created(at)
    facts.execution(name).started(at)
    facts.execution(name).outcome(RUNNING, at=at)
    for step_id in steps:
        facts.step(name, step_id).created(at)
        facts.step(name, step_id).started(at)
        facts.step(name, step_id).outcome(RUNNING, at=at)


def end(facts: Facts, status: ExecutionStatus = COMPLETED, at: datetime = NOON + HOUR, **options: Any) -> None:
    facts.execution("run").outcome(status, at=at, completed_at=at, **options)


async def age(time: timedelta, **where: Any) -> None:
    """As if the last change were so much longer ago."""
    older = {"$set": {"updated": {"$subtract": ["$updated", int(time.total_seconds() * 1_000)]}}}
    await collection_of(Execution).update_many(where, [older])


async def execution(name: str = "run") -> dict[str, Any]:
    return cast("Any", await collection_of(Execution).find_one({"execution_id": name}))


async def step(step_id: str) -> dict[str, Any]:
    return cast("Any", await collection_of(Step).find_one({"step_id": step_id}))


async def test_a_silent_execution_has_timed_out_with_its_steps_until_its_end_comes(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, lambda facts: start(facts, "run", "load"))
    await age(25 * HOUR)
    heard_at = (await execution())["updated"]

    assert await sweeper.sweep() == {"ended": 1}

    assumed = await execution()
    assert (assumed["status"], assumed["completed_at"], assumed["version"]) == ("timed_out", heard_at, 3)
    assert assumed["status_detail"] == f"No word since {heard_at:%Y-%m-%d %H:%M:%S} UTC."
    assert assumed["progress"]["current_step"] == 1
    stopped = await step("load")
    assert (stopped["status"], stopped["completed_at"], stopped["version"]) == ("cancelled", heard_at, 2)
    assert stopped["error_details"] == {"message": "No end was reported."}

    await report(ingest, end)
    ended = await execution()
    assert (ended["status"], ended["completed_at"], ended.get("status_detail")) == ("completed", NOON + HOUR, None)


async def test_a_later_sign_of_life_undoes_an_assumed_end_by_itself(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await age(25 * HOUR)
    await sweeper.sweep()

    await report(ingest, lambda facts: start(facts, at=NOON + SECOND))

    assert (await execution())["status"] == "running"


async def test_a_report_that_is_sent_again_does_not_undo_an_assumed_end(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await age(25 * HOUR)
    await sweeper.sweep()

    await report(ingest, start)

    assert (await execution())["status"] == "timed_out"


def beat_later(facts: Facts) -> None:
    facts.execution("run").beat(NOON + 2 * HOUR)


def end_step(facts: Facts) -> None:
    facts.step("run", "load").outcome(COMPLETED, at=NOON)


@pytest.mark.parametrize("sign", [beat_later, end_step])
async def test_a_sign_of_life_without_a_status_restores_an_execution(
    ingest: Ingest, sweeper: Sweeper, sign: Callable[[Facts], object]
):
    await report(ingest, start)
    await age(25 * HOUR)
    await sweeper.sweep()
    await sweeper.sweep()
    assert (await execution())["status"] == "timed_out"

    await report(ingest, sign)
    await age(-2 * MINUTE)
    await sweeper.sweep()

    restored = await execution()
    assert restored["status"] == "running"
    assert "completed_at" not in restored
    assert "status_detail" not in restored


async def test_without_heartbeats_for_two_minutes_a_program_has_ended_at_the_last(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await report(ingest, lambda facts: facts.execution("run").beat(NOON + MINUTE))
    await age(3 * MINUTE)

    await sweeper.sweep()

    ended = await execution()
    assert (ended["status"], ended["completed_at"], ended["total_duration"]) == ("timed_out", NOON + MINUTE, 60)


@pytest.mark.parametrize(("of_step", "expected"), [(COMPLETED, "completed"), (FAILED, "failed")])
async def test_a_trace_without_root_ends_as_its_spans_did(
    ingest: Ingest, sweeper: Sweeper, of_step: ExecutionStatus, expected: str
):
    def spans(facts: Facts) -> None:
        run = facts.execution("run")
        run.started(NOON, attempt=0)
        run.outcome(RUNNING, at=NOON + MINUTE, attempt=0)
        run.set("heartbeat", {"last_heartbeat_at": NOON + MINUTE}, at=NOON + MINUTE)
        run.set("trace", {}, at=NOON)
        facts.step("run", "span").outcome(of_step, at=NOON + MINUTE, completed_at=NOON + MINUTE)

    await report(ingest, spans)
    await age(11 * MINUTE)
    await sweeper.sweep()
    assumed = await execution()
    assert (assumed["status"], assumed["completed_at"]) == (expected, NOON + MINUTE)
    assert assumed["status_detail"] == "The end of its trace was not reported."

    await report(ingest, lambda facts: end(facts, ExecutionStatus.CANCELLED))
    assert (await execution())["status"] == "cancelled"


async def test_steps_without_an_end_are_cancelled_after_their_execution_ended(ingest: Ingest, sweeper: Sweeper):
    def run(facts: Facts) -> None:
        start(facts, "run", "skipped")
        facts.step("run", "never started").outcome(PENDING, at=NOON)
        facts.step("run", "failed").outcome(FAILED, at=NOON + MINUTE)
        end(facts)

    await report(ingest, run)
    await sweeper.sweep()
    assert (await step("skipped"))["status"] == "running"
    await age(2 * MINUTE)

    await sweeper.sweep()

    skipped, waiting = await step("skipped"), await step("never started")
    assert (skipped["status"], skipped["completed_at"], skipped["duration"]) == ("cancelled", NOON + HOUR, 3_600)
    assert (waiting["status"], "completed_at" in waiting) == ("cancelled", False)
    assert waiting["error_details"]["message"] == "It had not started when the execution ended."
    ended = await execution()
    assert (ended["status"], ended["progress"]["percentage"], ended["steps_failed"]) == ("completed", 100.0, 1)
    assert ended["version"] == 3

    await report(ingest, lambda facts: facts.step("run", "skipped").outcome(COMPLETED, at=NOON + MINUTE))
    assert (await step("skipped"))["status"] == "completed"


async def test_what_an_engine_wrote_itself_is_never_touched(sweeper: Sweeper):
    ids = {"tenant_id": "acme", "user_id": "ada"}
    old = {**ids, "created": NOON, "updated": NOON, "version": 1}
    rows = [{**old, "execution_id": name, "status": name} for name in ("running", "failed")]
    await collection_of(Execution).insert_many([{**row} for row in rows])
    steps = [{**old, "execution_id": name, "step_id": name, "status": "running"} for name in ("running", "failed")]
    await collection_of(Step).insert_many([{**row} for row in steps])

    assert (await sweeper.sweep()).total() == 0

    assert await collection_of(Execution).find({}, {"_id": 0}).to_list() == rows
    assert await collection_of(Step).find({}, {"_id": 0}).to_list() == steps


async def test_two_that_sweep_at_once_come_to_the_same(database: Database, ingest: Ingest, sweeper: Sweeper):
    for number in range(30):
        await report(ingest, lambda facts, name=f"run {number}": start(facts, name, f"{name} load"))
    await age(25 * HOUR)
    other = Sweeper(database, Ingest(database, lambda _, value: value), Patience())

    await asyncio.gather(sweeper.sweep(), other.sweep())
    await sweeper.sweep()

    executions = await collection_of(Execution).find().to_list()
    steps = await collection_of(Step).find().to_list()
    assert {row["status"] for row in executions} == {"timed_out"}
    assert {(row["status"], row["version"]) for row in steps} == {("cancelled", 2)}
    # Each says when it assumed the end.
    assert {row["version"] for row in executions} <= {3, 4}


class Dying(Ingest):
    """Is killed after it has stored the reports of one owner."""

    @override
    async def store(self, caller: Caller, facts: Facts) -> Stored:
        await super().store(caller, facts)
        raise asyncio.CancelledError


async def test_another_sweeps_what_one_that_was_killed_has_left(database: Database, ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await report(ingest, lambda facts: start(facts, "other", "load"), BOB)
    await age(25 * HOUR)

    with pytest.raises(asyncio.CancelledError):
        await Sweeper(database, Dying(database, lambda _, value: value), Patience()).sweep()
    assert await collection_of(Execution).count_documents({"status": "timed_out"}) == 1
    await sweeper.sweep()

    assert await collection_of(Execution).count_documents({"status": "timed_out", "version": {"$lte": 3}}) == 2
    assert (await step("load"))["status"] == "cancelled"


async def test_totals_that_a_crash_left_behind_are_made_anew(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await report(ingest, lambda facts: facts.step("run", "load").outcome(FAILED, at=NOON))
    left = {"$set": {"steps_failed": 0}, "$unset": {"ingest.totals": 1}}
    await collection_of(Execution).update_one({}, left)
    await age(25 * HOUR)

    await sweeper.sweep()

    assert (await execution())["steps_failed"] == 1


async def test_it_counts_and_logs_what_it_did(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await age(25 * HOUR)

    with structlog.testing.capture_logs() as logs:
        await sweeper.sweep()
        await sweeper.sweep()

    assert logs == [{"event": "ingest_swept", "log_level": "info", "ended": 1}]
    (family,) = sweeper.collect()
    assert {sample.labels["kind"]: sample.value for sample in family.samples}["ended"] == 1


async def test_it_sweeps_while_it_runs(ingest: Ingest, sweeper: Sweeper):
    await report(ingest, start)
    await age(25 * HOUR)

    sweeping = asyncio.create_task(sweeper.run())
    async with asyncio.timeout(20):
        while True:
            if (await execution())["status"] == "timed_out":
                break
            await asyncio.sleep(0.01)
    await end_tasks(sweeping)
    assert sweeping.cancelled()


@pytest.mark.parametrize(("is_laid_out", "events"), [(True, ["ingest_not_swept"]), (False, [])], ids=["later", "first"])
async def test_on_a_first_start_it_waits_for_its_indexes_and_says_nothing(
    sweeper: Sweeper, database: Database, monkeypatch: pytest.MonkeyPatch, *, is_laid_out: bool, events: list[str]
):
    tried = asyncio.Event()

    async def fail(_: Sweeper) -> None:
        tried.set()
        raise OperationFailure("hint provided does not correspond to an existing index", 2)

    monkeypatch.setattr(Sweeper, "sweep", fail)
    monkeypatch.setattr(database, "_is_laid_out", is_laid_out)
    with structlog.testing.capture_logs() as logs:
        sweeping = asyncio.create_task(sweeper.run())
        async with asyncio.timeout(20):
            await tried.wait()
        await end_tasks(sweeping)

    assert [each["event"] for each in logs] == events
