"""The writer against a real MongoDB: the same documents whatever the order, the repetition and the writers."""

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS, Execution, ExecutionStatus, LogEntry, Step
from execution_monitor.storage.server_documents import IngestRun
from tests.ingest.writer.reports import NOON, Report, facts_of, keep, reports, stored_documents
from tests.storage.strategies import bounded

ADA = Owner("acme", "ada")
BEN = Owner("acme", "ben")
GREG = Owner("globex", "greg")


async def empty(database: Database) -> None:
    for document in (*DOCUMENTS, IngestRun):
        await database.collection(document).delete_many({})


def batches_of(found: list[Report], data: st.DataObject) -> list[list[Report]]:
    shuffled = data.draw(st.permutations([*found, *found[:4]]), label="arrival")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4), label="cuts"))
    return [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


@bounded(max_examples=50)
@given(reports, st.data())
async def test_reports_in_any_order_repeated_and_over_several_writers_store_the_same(
    database: Database, found: list[Report], data: st.DataObject
):
    await empty(database)
    await Writer(database).write(ADA, facts_of(found))
    expected = await stored_documents(database)

    await empty(database)
    writers = [Writer(database) for _ in range(4)]
    batches = batches_of(found, data)
    if data.draw(st.booleans(), label="at once"):
        writing = (writers[place % 4].write(ADA, facts_of(batch)) for place, batch in enumerate(batches))
        await asyncio.gather(*writing)
    else:
        for place, batch in enumerate(batches):
            await writers[place % 4].write(ADA, facts_of(batch))

    assert await stored_documents(database) == expected


@bounded(max_examples=30)
@given(reports, st.data())
async def test_each_change_steps_the_version_by_one_and_what_is_sent_again_changes_nothing(
    database: Database, found: list[Report], data: st.DataObject
):
    await empty(database)
    batches = batches_of(found, data)
    async with await database.handle.watch(full_document="updateLookup", max_await_time_ms=50) as stream:
        stream_of: dict[Any, list[int]] = {}

        async def read_changes() -> int:
            count = 0
            while (event := await stream.try_next()) is not None or count == 0:
                if event is None:
                    return 0
                count += 1
                if event["ns"]["coll"] in {document.get_collection_name() for document in (Execution, Step)}:
                    is_new = event["operationType"] == "insert"
                    version: int = 1 if is_new else event["updateDescription"]["updatedFields"].get("version", 0)
                    stream_of.setdefault(event["documentKey"]["_id"], []).append(version)
            return count

        for batch in batches:
            await Writer(database).write(ADA, facts_of(batch))
        await read_changes()
        for versions in stream_of.values():
            assert versions == list(range(1, len(versions) + 1))

        for batch in batches:
            again = await Writer(database).write(ADA, facts_of(batch))
            assert again.changed == set()
        assert await read_changes() == 0


def of_a_run(**values: Any) -> Facts:
    facts = Facts(keep)
    execution = facts.execution("run")
    execution.created(NOON)
    execution.set_known({"workflow_name": "etl", **values}, at=NOON)
    step = facts.step("run", "load")
    step.created(NOON)
    facts.log("run", "1", at=NOON, message="hello")
    return facts


async def test_an_execution_of_another_is_refused_in_the_same_words_as_one_that_an_engine_wrote(database: Database):
    engines = {"tenant_id": "acme", "execution_id": "engine's", "user_id": "ada", "workflow_name": "etl"}
    await database.collection(Execution).insert_one({**engines, "created": NOON, "updated": NOON})
    await Writer(database).write(ADA, of_a_run())
    before = await stored_documents(database)

    facts = of_a_run(triggered_by="ben")
    outcome = await Writer(database).write(BEN, facts)
    mine = Facts(keep)
    mine.execution("engine's").outcome(ExecutionStatus.FAILED, at=NOON)
    mine.step("engine's", "load").created(NOON)
    mine.log("engine's", "1", at=NOON, message="hello")
    of_an_engine = await Writer(database).write(ADA, mine)

    assert outcome.refused == {"run"}
    assert of_an_engine.refused == {"engine's"}
    assert outcome.changed == of_an_engine.changed == set()
    assert await stored_documents(database) == before


async def test_of_two_owners_at_once_one_has_the_execution_and_the_other_is_refused(database: Database):
    for _ in range(10):
        await empty(database)
        found = await asyncio.gather(*(Writer(database).write(each, of_a_run()) for each in (ADA, BEN)))

        row = await database.collection(Execution).find_one({"execution_id": "run"})
        assert row is not None
        owners = [owner.user_id for owner, each in zip((ADA, BEN), found, strict=True) if not each.refused]
        assert owners == [row["user_id"]]
        assert await database.collection(Step).count_documents({}) == 1


async def test_the_same_id_in_two_tenants_is_two_executions(database: Database):
    for owner in (ADA, GREG):
        assert (await Writer(database).write(owner, of_a_run())).refused == set()

    for document in DOCUMENTS:
        assert {row["tenant_id"] async for row in database.collection(document).find()} == {"acme", "globex"}


async def test_an_execution_that_was_given_to_another_since_is_refused(database: Database):
    writer = Writer(database)
    await writer.write(ADA, of_a_run())
    await database.collection(Execution).update_one({"execution_id": "run"}, {"$set": {"user_id": "ben"}})

    outcome = await writer.write(ADA, of_a_run(triggered_by="ada"))
    again = await writer.write(ADA, of_a_run(triggered_by="ada"))

    assert outcome.refused == again.refused == {"run"}
    row = await database.collection(Execution).find_one({"execution_id": "run"})
    assert row is not None
    assert (row["user_id"], row.get("triggered_by")) == ("ben", None)


async def test_an_execution_that_another_reported_first_after_it_was_deleted_is_refused(database: Database):
    writer = Writer(database)
    await writer.write(ADA, of_a_run())
    await empty(database)
    await Writer(database).write(BEN, of_a_run())
    before = await stored_documents(database)

    later = of_a_run(triggered_by="ada")
    later.step("run", "load").outcome(ExecutionStatus.COMPLETED, at=NOON)
    outcome = await writer.write(ADA, later)

    assert (outcome.refused, outcome.changed) == ({"run"}, set())
    assert await stored_documents(database) == before
    # Of another execution of the same name the steps that its owner reported before are stored anew.
    await empty(database)
    assert (await writer.write(ADA, later)).refused == set()
    step = await database.collection(Step).find_one({})
    assert step is not None
    assert (step["status"], step["version"]) == ("completed", 1)


async def test_totals_of_steps_are_kept_unless_the_execution_reports_its_own(database: Database):
    facts = of_a_run(total_cost=5.0)
    for name, status in (("a", ExecutionStatus.COMPLETED), ("b", ExecutionStatus.FAILED)):
        step = facts.step("run", name)
        step.created(NOON)
        step.outcome(status, at=NOON)
        step.set_known({"cost": 0.25, "tokens_used": 2**33}, at=NOON)
    await Writer(database).write(ADA, facts)

    row = await database.collection(Execution).find_one({"execution_id": "run"})
    assert row is not None
    assert (row["steps_completed"], row["steps_failed"], row["total_cost"], row["tokens_used"]) == (1, 1, 5.0, 2**34)
    assert row["progress"] == {"current_step": 2, "total_steps": 3, "percentage": 200 / 3}


async def test_durations_end_with_the_end_and_are_gone_when_the_next_attempt_begins(database: Database):
    writer, later = Writer(database), NOON + timedelta(seconds=90)
    facts = of_a_run()
    facts.execution("run").started(NOON)
    facts.execution("run").outcome(ExecutionStatus.FAILED, at=later, completed_at=later, error={"message": "no"})
    await writer.write(ADA, facts)
    ended = await database.collection(Execution).find_one({})
    again = of_a_run()
    again.execution("run").started(later, attempt=2)
    again.execution("run").outcome(ExecutionStatus.RUNNING, at=later, attempt=2)
    await writer.write(ADA, again)
    running = await database.collection(Execution).find_one({})

    assert ended is not None
    assert running is not None
    assert (ended["total_duration"], ended["attempt"]) == (90.0, 1)
    assert (running["status"], running["attempt"], running["started_at"]) == ("running", 2, later)
    assert not {"total_duration", "completed_at", "error_details"} & running.keys()


async def test_values_that_look_like_expressions_stay_values(database: Database):
    writer = Writer(database)
    for second, value in enumerate(["$user_id", {"$set": {"user_id": "ben"}, "a.b": "$$ROOT"}]):
        facts = of_a_run()
        facts.execution("run").set("inputs", {"input_parameters": value}, at=NOON + timedelta(seconds=second))
        await writer.write(ADA, facts)

        row = await database.collection(Execution).find_one({})
        assert row is not None
        assert (row["input_parameters"], row["user_id"]) == (value, "ada")


async def test_steps_beyond_the_limit_are_counted_and_not_stored_and_stored_ones_go_on(database: Database):
    writer, facts = Writer(database), of_a_run()
    for number in range(10_000):
        facts.step("run", str(number)).created(NOON)
    facts.steps.pop(("run", "load"))
    await writer.write(ADA, facts)

    more = of_a_run()
    more.step("run", "7").outcome(ExecutionStatus.COMPLETED, at=NOON)
    outcome = await writer.write(ADA, more)

    assert outcome.uncounted == {("run", "load")}
    assert await database.collection(Step).count_documents({}) == 10_000
    row = await database.collection(Execution).find_one({})
    assert row is not None
    assert row["progress"]["current_step"] == row["steps_completed"] == 1


async def test_a_line_is_stored_once(database: Database):
    for _ in range(2):
        await Writer(database).write(ADA, of_a_run())

    assert await database.collection(LogEntry).count_documents({}) == 1


async def test_totals_are_those_of_the_stored_steps_though_older_ones_are_reported_with_a_new_execution(
    database: Database,
):
    ended = of_a_run()
    ended.step("run", "load").outcome(ExecutionStatus.COMPLETED, at=NOON)
    await Writer(database).write(ADA, ended)
    # As it is for a process that finds no execution, and whose steps another process stores a moment before.
    await database.collection(Execution).delete_many({})
    running = of_a_run()
    running.step("run", "load").outcome(ExecutionStatus.RUNNING, at=NOON)
    await Writer(database).write(ADA, running)

    row = await database.collection(Execution).find_one({})
    assert row is not None
    assert row["steps_completed"] == 1


async def test_each_of_many_documents_that_are_joined_at_once_gets_what_was_reported_of_it(database: Database):
    def facts_at(second: int) -> Facts:
        facts, at = Facts(keep), NOON + timedelta(seconds=second)
        for number in range(250):
            facts.execution(f"run-{number}").set_known({"triggered_by": f"{second}-{number}"}, at=at)
            step = facts.step("steps", f"step-{number}")
            # Together more than one statement holds.
            step.set("payload", {"input_data": f"{second}-{number}" if number % 2 else [number, "x" * 10_000]}, at=at)
            step.outcome(ExecutionStatus.RUNNING if number % 3 else ExecutionStatus.COMPLETED, at=at)
        return facts

    for second in (0, 1, 0):
        await Writer(database).write(ADA, facts_at(second))

    runs = database.collection(Execution).find({"execution_id": {"$ne": "steps"}})
    assert {(row["execution_id"], row["triggered_by"], row["version"]) async for row in runs} == {
        (f"run-{number}", f"1-{number}", 2) for number in range(250)
    }
    steps = {row["step_id"]: row async for row in database.collection(Step).find()}
    assert [steps[f"step-{number}"]["input_data"] for number in range(250)] == [
        f"1-{number}" if number % 2 else [number, "x" * 10_000] for number in range(250)
    ]
    assert {row["version"] for row in steps.values()} == {2}
    assert not any("_reported" in row for row in steps.values())
