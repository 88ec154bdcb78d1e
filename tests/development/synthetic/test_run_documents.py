from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import bson
import pytest
from beanie import Document
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from execution_monitor.development.synthetic.run_documents import execution_at, log_entries_between, steps_at
from execution_monitor.development.synthetic.runs import (
    Run,
    RunIdentity,
    generate_any_run,
    generate_follow_up,
    generate_run,
)
from execution_monitor.development.synthetic.users import Owner, owners
from execution_monitor.development.synthetic.workflows import BY_NAME, CATALOGUE, Workflow
from execution_monitor.storage.documents import DOCUMENTS, ErrorDetails, ExecutionStatus

CREATED = datetime(2025, 3, 3, 9, 15, 0, 250_000, tzinfo=UTC)
ADA = Owner("acme", "ada")
AFTER_ALL = 10**12


def scaled(run: Run, milliseconds: int) -> Run:
    return replace(run, plan=run.plan.scaled_to(milliseconds))


SEEDS = st.integers(0, 2**62)
IDENTITIES = st.builds(RunIdentity, st.just("exec-1"), st.just(CREATED), SEEDS)
NATURAL_RUNS = st.builds(generate_run, st.just(ADA), st.sampled_from(CATALOGUE), IDENTITIES)
# The simulator scales hours to seconds, so that changes fall on the same millisecond: here far more than there.
RUNS = NATURAL_RUNS | st.builds(scaled, NATURAL_RUNS, st.integers(5, 300))
UNFINISHED = {ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.PAUSED}


def format_of(document: type[Document]) -> type[BaseModel]:
    """The fields of `document` without Beanie, which needs a connection before it validates."""
    fields: dict[str, Any] = {name: (info.annotation, info) for name, info in document.model_fields.items()}
    return create_model(document.__name__, **fields)


EXECUTION, STEP, LOG_ENTRY = (format_of(document) for document in DOCUMENTS)


def run_that(workflow: Workflow, *, ends: ExecutionStatus) -> Run:
    return next(
        run
        for seed in range(5_000)
        if (run := generate_run(ADA, workflow, RunIdentity("exec-1", CREATED, seed))).plan.status is ends
    )


def times_of(run: Run) -> list[int]:
    """Every time at which the run changes, and one between each two."""
    times = run.change_times
    return sorted({*times, *((a + b) // 2 for a, b in pairwise(times))})


@given(RUNS)
def test_documents_have_the_stored_format_at_any_time(run: Run):
    for elapsed in times_of(run):
        EXECUTION.model_validate(execution_at(run, elapsed))
        for step in steps_at(run, elapsed):
            STEP.model_validate(step)
    for entry in log_entries_between(run, -1, AFTER_ALL):
        LOG_ENTRY.model_validate(entry)


@given(RUNS)
def test_documents_come_back_from_bson_as_they_were(run: Run):
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
    for document in (
        execution_at(run, AFTER_ALL),
        *steps_at(run, AFTER_ALL),
        *log_entries_between(run, -1, AFTER_ALL),
    ):
        assert bson.BSON.encode(document).decode(options) == document


@given(st.sampled_from(CATALOGUE), SEEDS)
def test_the_same_seed_gives_the_same_documents(workflow: Workflow, seed: int):
    one, other = (generate_run(ADA, workflow, RunIdentity("exec-1", CREATED, seed)) for _ in range(2))

    assert execution_at(one, AFTER_ALL) == execution_at(other, AFTER_ALL)
    assert steps_at(one, AFTER_ALL) == steps_at(other, AFTER_ALL)
    assert log_entries_between(one, -1, AFTER_ALL) == log_entries_between(other, -1, AFTER_ALL)


@given(RUNS)
def test_an_execution_agrees_with_its_steps_at_any_time(run: Run):
    for elapsed in times_of(run):
        execution, steps = execution_at(run, elapsed), steps_at(run, elapsed)
        completed = sum(step["status"] == "completed" for step in steps)
        failed = sum(step["status"] == "failed" for step in steps)

        assert (execution["steps_completed"], execution["steps_failed"]) == (completed, failed)
        assert execution["progress"]["total_steps"] == len(steps)
        assert execution["progress"]["percentage"] == pytest.approx(100 * (completed + failed) / len(steps), abs=0.06)
        assert completed + failed <= execution["progress"]["current_step"] <= len(steps)
        if "total_cost" in execution:
            assert execution["total_cost"] == pytest.approx(sum(step.get("cost", 0) for step in steps), abs=1e-9)
            assert execution["tokens_used"] == sum(step.get("tokens_used", 0) for step in steps)


@given(RUNS)
def test_every_change_is_the_next_version_and_nothing_changes_between(run: Run):
    for version, at in enumerate(run.change_times, start=1):
        now = execution_at(run, at)

        assert now["version"] == version
        assert now["updated"] == CREATED + timedelta(milliseconds=at)
        if version < len(run.change_times):
            just_before_the_next = run.change_times[version] - 1
            assert execution_at(run, just_before_the_next) == now
            assert steps_at(run, just_before_the_next) == steps_at(run, at)


@given(RUNS)
def test_progress_and_step_versions_never_fall(run: Run):
    snapshots = [(execution_at(run, elapsed), steps_at(run, elapsed)) for elapsed in times_of(run)]

    for (earlier, earlier_steps), (later, later_steps) in pairwise(snapshots):
        assert earlier["progress"]["percentage"] <= later["progress"]["percentage"]
        assert earlier["progress"]["current_step"] <= later["progress"]["current_step"]
        for before, after in zip(earlier_steps, later_steps, strict=True):
            assert after["version"] == before["version"] + (before != after)


@given(RUNS)
def test_an_execution_is_over_at_its_end_and_not_before(run: Run):
    assert execution_at(run, run.plan.ends - 1)["status"] in UNFINISHED
    assert execution_at(run, run.plan.ends)["status"] == run.plan.status
    assert run.plan.status not in UNFINISHED
    assert execution_at(run, AFTER_ALL) == execution_at(run, run.plan.ends)
    assert not {step["status"] for step in steps_at(run, AFTER_ALL)} & UNFINISHED


@given(RUNS)
def test_durations_are_the_time_between_start_and_end(run: Run):
    for document, duration in (
        (execution_at(run, AFTER_ALL), "total_duration"),
        *((step, "duration") for step in steps_at(run, AFTER_ALL)),
    ):
        if document.get(duration) is not None:
            assert document[duration] == (document["completed_at"] - document["started_at"]).total_seconds()


@given(RUNS)
def test_a_step_starts_after_the_steps_it_depends_on(run: Run):
    steps = {step["step_id"]: step for step in steps_at(run, AFTER_ALL)}

    for step in steps.values():
        for before in step.get("depends_on", ()):
            if "started_at" in step:
                assert steps[before]["completed_at"] <= step["started_at"]


@given(RUNS)
def test_log_lines_stay_within_the_run_and_come_once(run: Run):
    steps = {step["step_id"]: step for step in steps_at(run, AFTER_ALL)}
    entries = log_entries_between(run, -1, AFTER_ALL)
    pieces = [
        entry for after, until in pairwise([-1, *run.change_times]) for entry in log_entries_between(run, after, until)
    ]

    assert pieces == entries
    assert [entry["timestamp"] for entry in entries] == sorted(entry["timestamp"] for entry in entries)
    for entry in entries:
        assert CREATED <= entry["timestamp"] <= run.at(run.plan.ends)
        if "step_id" in entry:
            assert steps[entry["step_id"]]["started_at"] <= entry["timestamp"]


@pytest.mark.parametrize("workflow", CATALOGUE, ids=lambda workflow: workflow.name)
def test_a_timeout_names_the_step_that_hung(workflow: Workflow):
    run = run_that(workflow, ends=ExecutionStatus.TIMED_OUT)

    error = ErrorDetails.model_validate(execution_at(run, AFTER_ALL)["error_details"])
    hanging = next(step for step in steps_at(run, AFTER_ALL) if step["step_id"] == error.step_id)
    assert hanging["status"] == "timed_out"
    assert error.code == "TIMEOUT"
    assert run.plan.ends >= workflow.seconds_allowed * 1000


@pytest.mark.parametrize(
    ("workflow_name", "code", "first_line"),
    [
        pytest.param("nightly-ledger-close", "LEDGER-4012", "com.acme.ledger.BatchAbortedException: Chunk", id="java"),
        pytest.param("daily-sales-etl", "SCHEMA_MISMATCH", "Traceback (most recent call last):", id="python"),
        pytest.param("image-thumbnails", "ECONNRESET", "Error: read ECONNRESET", id="node"),
    ],
)
def test_a_failure_has_the_stack_trace_of_its_language(workflow_name: str, code: str, first_line: str):
    runs = (generate_run(ADA, BY_NAME[workflow_name], RunIdentity("exec-1", CREATED, seed)) for seed in range(20_000))

    error = next(
        error
        for run in runs
        if (error := execution_at(run, AFTER_ALL).get("error_details")) is not None and error.get("code") == code
    )

    assert error["stack_trace"].startswith(first_line)
    assert error["stack_trace"].count("\n") >= 2


def test_waiting_for_a_person_pauses_the_execution():
    run = run_that(BY_NAME["contract-approval"], ends=ExecutionStatus.COMPLETED)

    elapsed = run.plan.steps[1].attempts[0].start

    assert execution_at(run, elapsed)["status"] == "paused"
    assert steps_at(run, elapsed)[1]["status"] == "paused"


def test_between_two_attempts_a_step_is_up_for_retry():
    runs = (
        generate_run(ADA, BY_NAME["daily-sales-etl"], RunIdentity("exec-1", CREATED, seed)) for seed in range(5_000)
    )
    run = next(run for run in runs if len(run.plan.steps[0].attempts) > 1 and not run.is_plain)
    waiting = run.plan.steps[0].attempts[0].end

    execution, step = execution_at(run, waiting), steps_at(run, waiting)[0]

    assert (execution["status"], execution["status_detail"]) == ("running", "up_for_retry")
    assert (step["status"], step["attempt"]) == ("pending", 2)
    assert step["error_details"]["retryable"] is True


@given(SEEDS, SEEDS)
def test_a_follow_up_belongs_to_its_parent(seed: int, child_seed: int):
    parent = generate_any_run(owners(3, 3), RunIdentity("exec-1", CREATED, seed))

    child = generate_follow_up(parent, "exec-2", child_seed)

    if child is None:
        return
    document = execution_at(child, AFTER_ALL)
    assert document["parent_execution_id"] == "exec-1"
    assert document["execution_id"] == "exec-2"
    assert (document["tenant_id"], document["user_id"]) == (parent.owner.tenant_id, parent.owner.user_id)
    assert document["created"] >= parent.created
    EXECUTION.model_validate(document)


def test_a_failed_run_is_tried_again_but_not_for_ever():
    parent = run_that(BY_NAME["daily-sales-etl"], ends=ExecutionStatus.FAILED)

    attempts: list[int] = [1]
    for seed in range(1_000):
        child = generate_follow_up(parent, f"exec-{seed}", seed)
        if child is not None and child.plan.status is ExecutionStatus.FAILED:
            parent = child
            attempts.append(child.facts["attempt"])

    assert attempts == [1, 2, 3]
    assert parent.workflow.name == "daily-sales-etl"
