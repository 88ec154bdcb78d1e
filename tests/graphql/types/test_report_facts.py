"""What reports of mutations mean: which are refused and why, and that their order does not matter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.types.report_facts import (
    add_execution,
    add_log_line,
    add_running,
    add_step,
)
from execution_monitor.graphql.types.report_inputs import (
    ExecutionErrorInput,
    LogEntryInput,
    ProgressInput,
    ReportExecutionInput,
    ReportStepInput,
    TagInput,
)
from execution_monitor.ingest.writer.facts import MAX_ID_LENGTH, DocumentFacts, Facts
from execution_monitor.storage.documents import ExecutionStatus
from tests.storage.strategies import bounded

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)
FAILED, RUNNING = ExecutionStatus.FAILED, ExecutionStatus.RUNNING
BROKEN = ExecutionErrorInput(message="disk full")


def keep(_: str, value: Any) -> Any:
    return value


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def execution(seconds: float = 0, **fields: Any) -> ReportExecutionInput:
    values: dict[str, Any] = {"execution_id": "run-1", "reported_at": at(seconds), **fields}
    return ReportExecutionInput(**values)


def step(seconds: float = 0, **fields: Any) -> ReportStepInput:
    values: dict[str, Any] = {"step_id": "load", "reported_at": at(seconds), **fields}
    return ReportStepInput(**values)


def line(seconds: float = 0, **fields: Any) -> LogEntryInput:
    values: dict[str, Any] = {"id": "1", "at": at(seconds), "message": "Hello", **fields}
    return LogEntryInput(**values)


def add(facts: Facts, report: ReportExecutionInput | ReportStepInput | LogEntryInput) -> None:
    if isinstance(report, ReportExecutionInput):
        add_execution(facts, report)
    elif isinstance(report, ReportStepInput):
        add_running(facts, "run-1", *[add_step(facts, "run-1", report)] * 2)
    else:
        add_running(facts, "run-1", *[add_log_line(facts, "run-1", report)] * 2)


def stored(document: DocumentFacts) -> dict[str, Any]:
    """The fields that a document would have, of registers in any order."""
    return {name: value for each in document.registers.values() for name, value in each.fields.items()}


def shown(*reports: ReportExecutionInput | ReportStepInput | LogEntryInput) -> dict[str, Any]:
    facts = Facts(keep)
    for each in reports:
        add(facts, each)
    return stored(facts.step("run-1", "load") if ("run-1", "load") in facts.steps else facts.execution("run-1"))


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        pytest.param(execution(execution_id=""), "executionId has 0 characters", id="no id"),
        pytest.param(execution(execution_id="x" * (MAX_ID_LENGTH + 1)), "it must have 1 to 1,024", id="a long id"),
        pytest.param(execution(execution_id="\ud83d"), "executionId is not valid Unicode", id="half a character"),
        pytest.param(execution(reported_at=YEAR_1), "reportedAt is before 1970", id="no time"),
        pytest.param(
            execution(reported_at=datetime.now(UTC) + timedelta(days=2)), "a day ahead; set the clock", id="the future"
        ),
        pytest.param(execution(attempt=0), "attempt is 0; it must be 1 to 1,000,000", id="attempt 0"),
        pytest.param(execution(attempt=1_000_001), "attempt is 1,000,001", id="a million attempts"),
        pytest.param(execution(completed_at=NOON), "completedAt needs a status that is final", id="an end alone"),
        pytest.param(execution(status=RUNNING, completed_at=NOON), "completedAt needs", id="running, with an end"),
        pytest.param(execution(error=BROKEN), "error needs a status", id="an error alone"),
        pytest.param(execution(status_detail="up_for_retry"), "statusDetail needs a status", id="a detail alone"),
        pytest.param(
            execution(9, status=FAILED, started_at=at(5), completed_at=at(4)), "is before startedAt", id="end first"
        ),
        pytest.param(execution(1, status=FAILED, started_at=at(5)), "or else reportedAt, is before", id="ended early"),
        pytest.param(execution(tokens=-1), "tokens is -1; it must not be less than 0", id="tokens below 0"),
        pytest.param(execution(total_cost=-0.5), "totalCost is -0.5", id="a cost below 0"),
        pytest.param(
            execution(progress=ProgressInput(current_step=-1, total_steps=2)), "progress.currentStep", id="progress"
        ),
        pytest.param(execution(parent_execution_id=""), "parentExecutionId has 0", id="a parent without an id"),
        pytest.param(execution(parent_execution_id="run-1"), "own id", id="a parent of itself"),
        pytest.param(execution(retry_of_execution_id="run-1"), "own id", id="a retry of itself"),
        pytest.param(execution(retry_of_execution_id="x" * 2_000), "retryOfExecutionId has 2,000", id="a long retry"),
        pytest.param(step(step_id=""), "stepId has 0 characters", id="a step without an id"),
        pytest.param(step(index=-1), "index is -1", id="an index below 0"),
        pytest.param(step(input_tokens=-5), "inputTokens is -5", id="input tokens below 0"),
        pytest.param(step(depends_on=["a", ""]), "dependsOn has 0 characters", id="a dependency without an id"),
        pytest.param(
            step(status=FAILED, error=ExecutionErrorInput(message="", step_id="")), "error.stepId", id="error's step"
        ),
        pytest.param(line(id=""), "id has 0 characters", id="a line without an id"),
        pytest.param(line(at=YEAR_1), "at is before 1970", id="a line without a time"),
        pytest.param(line(step_id="x" * 2_000), "stepId has 2,000", id="a line of a long step"),
    ],
)
def test_a_wrong_report_is_refused_with_what_is_wrong_and_adds_nothing(report: Any, sentence: str):
    facts = Facts(keep)

    with pytest.raises(BadUserInput, match=sentence):
        add(facts, report)

    assert (facts.executions, facts.steps, facts.log_lines) == ({}, {}, {})


def test_a_report_has_all_that_it_says():
    report = execution(
        9,
        workflow_name="etl",
        status=FAILED,
        status_detail="oom",
        name="Nightly",
        workflow_template_id="t1",
        created_at=at(-5),
        started_at=at(1),
        completed_at=at(8),
        progress=ProgressInput(current_step=1, total_steps=4),
        triggered_by="cron",
        session_id="s1",
        attempt=2,
        parent_execution_id="run-0",
        retry_of_execution_id="run-00",
        tags=[TagInput(key="team", value="data")],
        total_cost=0.5,
        tokens=2**40,
        input_parameters={"a": 1},
        final_result=[1],
        performance={"cpu": 1},
        error=BROKEN,
    )

    assert shown(report) == {
        "workflow_name": "etl",
        "status": "failed",
        "status_detail": "oom",
        "execution_name": "Nightly",
        "workflow_template_id": "t1",
        "created": at(-5),
        "started_at": at(1),
        "completed_at": at(8),
        "progress": {"current_step": 1, "total_steps": 4, "percentage": 25.0},
        "triggered_by": "cron",
        "session_id": "s1",
        "attempt": 2,
        "parent_execution_id": "run-0",
        "retry_of_execution_id": "run-00",
        "tags": [{"key": "team", "value": "data"}],
        "total_cost": 0.5,
        "tokens_used": 2**40,
        "input_parameters": {"a": 1},
        "final_result": [1],
        "performance_data": {"cpu": 1},
        "error_details": {"message": "disk full"},
    }


@pytest.mark.parametrize("status", ExecutionStatus)
def test_a_report_without_a_status_is_a_sign_of_life_and_keeps_the_status(status: ExecutionStatus):
    alone = shown(execution(3))
    kept = shown(execution(1, status=status, error=BROKEN), execution(3))
    stated = shown(execution(3, status=status))

    assert (alone["status"], alone["last_heartbeat_at"]) == ("running", at(3))
    assert (kept["status"], kept["last_heartbeat_at"]) == (status.value, at(3))
    assert kept["error_details"] == {"message": BROKEN.message}
    assert "last_heartbeat_at" not in stated


def test_what_is_left_out_or_null_is_kept():
    whole = execution(1, workflow_name="etl", tags=[TagInput(key="a", value="b")], tokens=5, final_result={"a": 1})
    later = execution(2, workflow_name=None, tags=None, final_result=None, session_id="s1")

    kept = shown(whole, later)

    assert (kept["workflow_name"], kept["tokens_used"], kept["final_result"]) == ("etl", 5, {"a": 1})
    assert (kept["tags"], kept["session_id"]) == ([{"key": "a", "value": "b"}], "s1")


def test_a_status_is_stated_with_its_end_and_its_error():
    again = shown(execution(1, status=FAILED, error=BROKEN, status_detail="oom"), execution(2, status=FAILED))

    assert (again["error_details"], again["status_detail"], again["completed_at"]) == (None, None, at(2))


def test_a_time_in_the_year_1_is_none():
    report = execution(5, status=FAILED, created_at=YEAR_1, started_at=YEAR_1, completed_at=YEAR_1)

    assert "started_at" not in shown(report)
    assert "created" not in shown(report)
    assert shown(report)["completed_at"] == at(5)


def test_tokens_of_a_step_are_those_of_its_model():
    assert shown(step(1, input_tokens=10, output_tokens=5))["tokens_used"] == 15
    assert shown(step(1, input_tokens=10, output_tokens=5), step(2, output_tokens=6))["tokens_used"] == 15
    assert shown(step(1, output_tokens=6))["tokens_used"] == 6
    assert "tokens_used" not in shown(step(1, cached_tokens=6))


def test_a_step_without_a_status_is_pending_until_one_is_reported():
    assert shown(step(5))["status"] == "pending"
    assert shown(step(1, status=RUNNING), step(5, name="Load"))["status"] == "running"


def test_steps_and_log_lines_show_that_their_execution_runs_where_it_does_not_say_itself():
    facts, alone = Facts(keep), Facts(keep)
    for each in (step(3), line(4), execution(1, status=FAILED)):
        add(facts, each)
    add(alone, line(4))

    assert stored(facts.execution("run-1"))["status"] == "failed"
    assert stored(alone.execution("run-1"))["status"] == "running"


_SECONDS = st.integers(0, 3)
_ATTEMPTS = st.sampled_from([None, 1, 2])
_EXECUTIONS = st.builds(
    execution,
    _SECONDS,
    status=st.sampled_from([None, *ExecutionStatus]),
    attempt=_ATTEMPTS,
    workflow_name=st.sampled_from([None, "a", "b"]),
    tokens=st.sampled_from([None, 1, 2]),
    created_at=st.sampled_from([None, at(-1), at(2)]),
)
_STEPS = st.builds(
    step,
    _SECONDS,
    status=st.sampled_from([None, *ExecutionStatus]),
    attempt=_ATTEMPTS,
    input_tokens=st.sampled_from([None, 1, 2]),
    output_tokens=st.sampled_from([None, 3]),
)
_LINES = st.builds(line, _SECONDS, id=st.sampled_from("ab"), message=st.sampled_from(["x", "y"]))


@bounded(max_examples=300)
@given(reports=st.lists(st.one_of(_EXECUTIONS, _STEPS, _LINES), max_size=8), shuffling=st.randoms())
def test_reports_in_any_order_repeated_and_in_any_batches_come_to_the_same(reports: Sequence[Any], shuffling: Any):
    facts, others = Facts(keep), Facts(keep)
    for each in reports:
        add(facts, each)

    again = [*reports, *reports[: shuffling.randrange(len(reports) + 1)]]
    shuffling.shuffle(again)
    while again:
        batch = Facts(keep)
        for _ in range(min(len(again), shuffling.randrange(1, 4))):
            add(batch, again.pop())
        others.join(batch)

    assert {key: each.registers for key, each in facts.executions.items()} == {
        key: each.registers for key, each in others.executions.items()
    }
    assert {key: each.registers for key, each in facts.steps.items()} == {
        key: each.registers for key, each in others.steps.items()
    }
    assert facts.log_lines == others.log_lines


@pytest.mark.parametrize(
    ("report", "expects_more"),
    [
        pytest.param(execution(), True, id="a heartbeat"),
        pytest.param(execution(tags=[TagInput(key="env", value="prod")]), False, id="tags"),
        pytest.param(execution(status=RUNNING), False, id="a status"),
    ],
)
def test_only_of_a_program_that_says_nothing_else_more_heartbeats_are_expected(
    report: ReportExecutionInput, *, expects_more: bool
):
    facts = Facts(keep)
    add(facts, report)
    assert ("beats" in facts.execution("run-1").registers) is expects_more
