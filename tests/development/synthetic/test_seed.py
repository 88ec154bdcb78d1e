import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from execution_monitor.development.synthetic.incident import last_incident
from execution_monitor.development.synthetic.seed import seed
from execution_monitor.development.synthetic.seed_batches import SeedOptions, make_batches
from execution_monitor.development.synthetic.workflows import BY_NAME
from execution_monitor.errors import SetupError
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import (
    DOCUMENTS,
    SORTED_FIELDS,
    Execution,
    ExecutionStatus,
    LogEntry,
    LogLevel,
    Step,
)
from execution_monitor.storage.rows import BsonDocument

NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)  # a Thursday afternoon
OPTIONS = SeedOptions(executions=5_000, users=3, tenants=2, random_seed=7, now=NOW)


@dataclass(frozen=True)
class Sample:
    executions: list[BsonDocument]
    steps: list[BsonDocument]
    log_entries: list[BsonDocument]


def ignore(_written: int) -> None:
    pass


def all_of(options: SeedOptions) -> Sample:
    batches = list(make_batches(options))
    return Sample(
        [row for batch in batches for row in batch.executions],
        [row for batch in batches for row in batch.steps],
        [row for batch in batches for row in batch.log_entries],
    )


@pytest.fixture(scope="module")
def sample() -> Sample:
    return all_of(OPTIONS)


@pytest.mark.parametrize("executions", [1, 7, 300])
def test_exactly_as_many_executions_are_made_as_requested(executions: int):
    assert len(all_of(replace(OPTIONS, executions=executions)).executions) == executions


def test_the_same_options_make_the_same_documents():
    options = replace(OPTIONS, executions=300)

    assert all_of(options) == all_of(options)


def test_another_random_seed_makes_other_documents():
    options = replace(OPTIONS, executions=300)

    one, other = all_of(options), all_of(replace(options, random_seed=8))

    assert not {row["execution_id"] for row in one.executions} & {row["execution_id"] for row in other.executions}
    assert [row["workflow_name"] for row in one.executions] != [row["workflow_name"] for row in other.executions]


def test_without_steps_the_executions_are_the_same(sample: Sample):
    bare = all_of(replace(OPTIONS, steps=False))

    assert bare.steps == bare.log_entries == []
    assert [row | {"_id": None} for row in bare.executions] == [row | {"_id": None} for row in sample.executions]


def test_ids_are_unique(sample: Sample):
    rows = [*sample.executions, *sample.steps, *sample.log_entries]

    assert len({row["_id"] for row in rows}) == len(rows)
    assert len({row["execution_id"] for row in sample.executions}) == len(sample.executions)


def test_the_first_owners_are_those_of_the_demo():
    rows = all_of(replace(OPTIONS, tenants=1, users=2, executions=300)).executions

    assert {(row["tenant_id"], row["user_id"]) for row in rows} == {("acme", "ada"), ("acme", "grace")}


def test_every_user_of_every_tenant_owns_an_execution(sample: Sample):
    owners = Counter((row["tenant_id"], row["user_id"]) for row in sample.executions)

    assert {tenant for tenant, _ in owners} == {"acme", "globex"}
    assert len(owners) == 6


def test_every_workflow_and_every_status_occurs(sample: Sample):
    assert {row["workflow_name"] for row in sample.executions} == set(BY_NAME)
    assert {row["status"] for row in sample.executions} == set(ExecutionStatus)
    assert {row["level"] for row in sample.log_entries} == set(LogLevel)


def test_most_executions_are_completed_and_some_fail(sample: Sample):
    shares = Counter(row["status"] for row in sample.executions)

    assert 0.8 < shares["completed"] / len(sample.executions) < 0.95
    assert 0.02 < shares["failed"] / len(sample.executions) < 0.1


@pytest.mark.parametrize("executions", [100, 5_000])
def test_some_executions_are_not_over(executions: int):
    statuses = {row["status"] for row in all_of(replace(OPTIONS, executions=executions)).executions}

    assert statuses & {"pending", "running", "paused"}


@pytest.mark.parametrize("field", SORTED_FIELDS)
def test_every_sort_key_has_ties(sample: Sample, field: str):
    owners = Counter((row["tenant_id"], row["user_id"], row.get(field)) for row in sample.executions)

    assert any(count > 1 and value is not None for (_, _, value), count in owners.items())


@pytest.mark.parametrize(
    "field",
    # Without Beanie's own, and those of executions that were reported over an API.
    sorted(
        Execution.model_fields.keys() - {"id", "revision_id", "ingest", "last_heartbeat_at", "retry_of_execution_id"}
    ),
)
def test_every_optional_field_is_sometimes_there(sample: Sample, field: str):
    assert any(row.get(field) is not None for row in sample.executions)


@pytest.mark.parametrize(
    "field",
    [
        "started_at", "completed_at", "total_duration", "total_cost", "tokens_used", "workflow_template_id", "tags",
        "triggered_by", "session_id", "execution_name", "attempt", "error_details", "final_result", "input_parameters",
        "parent_execution_id", "performance_data", "status_detail",
    ],
)  # fmt: skip
def test_what_engines_leave_out_is_sometimes_absent(sample: Sample, field: str):
    assert any(field not in row for row in sample.executions)


def test_some_engines_write_null_instead_of_nothing(sample: Sample):
    nulls = {name for row in sample.executions for name, value in row.items() if value is None}

    assert nulls == {
        "execution_name", "status_detail", "started_at", "completed_at", "total_duration", "session_id",
        "parent_execution_id", "error_details",
    }  # fmt: skip


def test_children_come_after_a_parent_of_their_tenant(sample: Sample):
    seen: dict[str, BsonDocument] = {}
    children: list[BsonDocument] = []
    for row in sample.executions:
        if row.get("parent_execution_id"):
            parent = seen[row["parent_execution_id"]]
            assert (parent["tenant_id"], parent["user_id"]) == (row["tenant_id"], row["user_id"])
            assert parent["created"] <= row["created"]
            children.append(row)
        seen[row["execution_id"]] = row

    assert len(children) > 100
    assert {row["attempt"] for row in children if "attempt" in row} == {1, 2, 3}


def test_a_family_is_in_one_batch():
    for batch in make_batches(OPTIONS):
        ids = {row["execution_id"] for row in batch.executions}
        assert {row["parent_execution_id"] for row in batch.executions if row.get("parent_execution_id")} <= ids


def test_only_ai_workflows_cost_anything(sample: Sample):
    spending = {row["workflow_name"] for row in sample.executions if row.get("total_cost")}

    assert spending == {workflow.name for workflow in BY_NAME.values() if workflow.is_ai}


def test_nothing_happens_after_now_or_long_before_the_first_day(sample: Sample):
    earliest = NOW - timedelta(days=OPTIONS.days, minutes=1)

    assert all(earliest <= row["created"] <= row["updated"] <= NOW for row in sample.executions)
    assert all(row["timestamp"] <= NOW for row in sample.log_entries)


def test_work_hours_are_busier_than_nights_and_weekends(sample: Sample):
    hours = Counter(row["created"].hour for row in sample.executions)
    weekdays = Counter(row["created"].weekday() for row in sample.executions)

    assert min(hours[9], hours[14]) > 3 * max(hours[1], hours[23])
    assert weekdays[1] > 2 * weekdays[6]


def test_executions_of_the_nightly_batch_start_at_the_same_time(sample: Sample):
    starts = Counter(row["created"] for row in sample.executions if row["workflow_name"] == "nightly-ledger-close")

    assert all((at.hour, at.minute, at.second, at.microsecond) == (2, 0, 0, 0) for at, n in starts.items() if n > 1)
    assert starts.most_common(1)[0][1] >= 5


def test_payloads_are_of_every_shape_and_sometimes_large(sample: Sample):
    payloads = [row.get("input_parameters") for row in sample.executions]
    results = [row.get("final_result") for row in sample.executions]

    assert {type(payload) for payload in payloads} == {dict, list, str, type(None)}
    assert {type(result) for result in results} >= {dict, int, bool}
    assert max(len(str(payload)) for payload in payloads) > 20_000


def test_steps_and_log_lines_belong_to_executions(sample: Sample):
    executions = {(row["tenant_id"], row["execution_id"]) for row in sample.executions}

    assert {(row["tenant_id"], row["execution_id"]) for row in sample.steps} == executions
    assert {(row["tenant_id"], row["execution_id"]) for row in sample.log_entries} <= executions


def test_the_number_of_documents_is_known_within_a_few_percent(sample: Sample):
    made = sum(map(len, (sample.executions, sample.steps, sample.log_entries)))

    assert OPTIONS.expected_documents == pytest.approx(made, rel=0.05)
    assert replace(OPTIONS, steps=False).expected_documents == 5_000


@pytest.mark.parametrize("field", ["executions", "users", "tenants", "days"])
def test_nothing_to_make_is_refused(field: str):
    with pytest.raises(SetupError, match=f"number of {field} must be at least 1"):
        replace(OPTIONS, **{field: 0})


async def test_everything_made_is_written_and_reported(database: Database):
    progress: list[int] = []

    report = await seed(replace(OPTIONS, executions=400), on_progress=progress.append)

    counts = [await database.collection(document).count_documents({}) for document in DOCUMENTS]
    assert [report.executions, report.steps, report.log_entries] == counts
    assert report.executions == 400
    assert progress == sorted(progress)
    assert progress[-1] == report.documents == sum(counts)


async def test_what_is_stored_is_what_was_made_and_validates(database: Database):
    options = replace(OPTIONS, executions=300)

    await seed(options, on_progress=ignore)

    made = {row["_id"]: row for row in all_of(options).executions}
    assert {row["_id"]: row async for row in database.collection(Execution).find()} == made
    assert len(await Execution.find_all().to_list()) == 300
    assert len(await Step.find_all().to_list()) == await database.collection(Step).count_documents({})
    assert len(await LogEntry.find_all().to_list()) == await database.collection(LogEntry).count_documents({})


async def test_seeding_again_adds_to_what_is_there(database: Database):
    options = replace(OPTIONS, executions=50, random_seed=None)

    first = await seed(options, on_progress=ignore)
    second = await seed(options, on_progress=ignore)

    assert first.random_seed != second.random_seed
    assert await database.collection(Execution).count_documents({}) == 100


async def test_the_same_random_seed_twice_is_refused_with_a_sentence(database: Database):
    options = replace(OPTIONS, executions=50)
    await seed(options, on_progress=ignore)

    with pytest.raises(SetupError, match="random seed 7 has been used on this database before"):
        await seed(options, on_progress=ignore)

    assert await database.collection(Execution).count_documents({}) == 50


async def test_stopping_half_way_leaves_whole_executions_and_no_task(database: Database):
    begun = asyncio.Event()
    seeding = asyncio.create_task(seed(replace(OPTIONS, executions=5_000), on_progress=lambda _written: begun.set()))
    await begun.wait()

    seeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await seeding

    # PyMongo keeps tasks of its own for as long as its client is open.
    assert not [task for task in asyncio.all_tasks() if "execution_monitor" in str(task.get_coro())]
    executions = await database.collection(Execution).find().to_list()
    assert 0 < len(executions) < 5_000
    ids = {row["execution_id"] for row in executions}
    assert {row["parent_execution_id"] for row in executions if row.get("parent_execution_id")} <= ids
    for row in executions:
        steps = await database.collection(Step).count_documents({"execution_id": row["execution_id"]})
        assert steps == row["progress"]["total_steps"]


async def test_a_database_that_fails_is_reported_in_a_sentence(database: Database):
    # A document of the run that the check cannot see, as in a race with another one.
    collision = all_of(replace(OPTIONS, executions=50)).steps[0]
    await database.collection(Step).insert_one(collision)

    with pytest.raises(SetupError, match=r"Seeding stopped after 0 documents: .+\."):
        await seed(replace(OPTIONS, executions=50), on_progress=ignore)


def test_an_incident_is_a_failure_as_never_before_whose_retries_do_not_help():
    begins = last_incident(NOW)
    plain, options = replace(OPTIONS, executions=300), replace(OPTIONS, executions=300, incident=begins)

    made, without = all_of(options).executions, all_of(plain).executions
    failed = [row for row in made if "certificate" in str(row.get("error_details"))]

    assert begins == datetime(2025, 11, 20, 3, 3, 12, tzinfo=UTC)
    assert last_incident(NOW.replace(hour=3, minute=5)) == begins - timedelta(days=1)
    assert [row for row in made if row not in failed] == without
    assert {(row["workflow_name"], row["status"], row["error_details"]["code"]) for row in failed} == {
        ("ci-pipeline", "failed", "EXIT_1")
    }
    assert min(row["created"] for row in failed) == begins
    retried = {row.get("parent_execution_id") for row in failed}
    assert {row.get("attempt", 1) for row in failed if row["execution_id"] not in retried} == {3}
    assert {row["user_id"] for row in failed} == {"ada", "grace", "linus"}


def test_of_an_incident_that_goes_on_only_what_has_happened_is_made():
    options = replace(OPTIONS, executions=300, incident=NOW - timedelta(minutes=20))

    failed = [row for row in all_of(options).executions if row["created"] >= NOW - timedelta(minutes=20)]

    assert all(row["updated"] <= NOW for row in failed)
    assert 3 < len([row for row in failed if "certificate" in str(row.get("error_details"))]) <= 9
