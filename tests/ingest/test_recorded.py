from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.ingest.recorded import spans_of, to_documents
from execution_monitor.ingest.wfformat import parse_run
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, encode, made_up

BEGAN = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


def documents(**changes: Any):
    return to_documents(parse_run(encode(made_up(**changes))), tenant="acme", user="ada")


def test_a_step_starts_when_all_it_waits_for_has_ended():
    spans = spans_of(parse_run(encode(made_up())))

    assert (spans["split"].start, spans["split"].end) == (0, 10)
    assert (spans["left"].start, spans["left"].end) == (10, 30.5)
    assert (spans["right"].start, spans["right"].end) == (10, 10)


def test_a_recorded_start_wins_over_the_dependencies():
    run = made_up()
    run["workflow"]["execution"]["tasks"][2]["executedAt"] = "2026-01-02T03:00:25Z"

    assert spans_of(parse_run(encode(run)))["right"].start == 25


def test_the_execution_tells_what_the_run_was():
    execution = documents().execution

    assert execution["workflow_name"] == "diamond"
    assert execution["status"] == "completed"
    assert (execution["started_at"], execution["completed_at"]) == (BEGAN, BEGAN + timedelta(seconds=30))
    assert execution["total_duration"] == 30
    assert execution["progress"] == {"current_step": 3, "total_steps": 3, "percentage": 100.0}
    assert execution["performance_data"]["machines"] == [{"nodeName": "m1", "cpu": {"coreCount": 8}}]
    assert execution["performance_data"]["task_seconds"] == 30.5


def test_steps_keep_dependencies_runtime_machine_and_command():
    split, left, _ = documents().steps

    assert split["input_data"]["program"] == "split"
    assert split["input_data"]["arguments"] == ["-n", "2"]
    assert left["depends_on"] == ["split"]
    assert left["duration"] == 20.5
    assert left["result"]["machines"] == ["m1"]
    assert left["result"]["core_count"] == 2
    assert left["input_data"]["files"] == [{"name": "a.txt", "bytes": 12}]


def test_the_same_run_always_has_the_same_ids_and_another_tenant_has_its_own():
    run = parse_run(CHAIN.read_bytes())
    one, again = (to_documents(run, tenant="acme", user="ada") for _ in range(2))
    other = to_documents(run, tenant="globex", user="ada")

    assert one == again
    assert one.execution["_id"] != other.execution["_id"]
    assert not {step["_id"] for step in one.steps} & {step["_id"] for step in other.steps}


def test_two_runs_of_one_workflow_differ_in_their_ids():
    first, second = documents().execution, documents(createdAt="2026-01-03T00:00:00Z").execution

    assert first["workflow_name"] == second["workflow_name"]
    assert first["execution_id"] != second["execution_id"]


@pytest.mark.parametrize("path", [CHAIN, BACASS, SRASEARCH], ids=lambda path: path.stem)
async def test_real_runs_are_documents_of_the_stated_format(database: Database, path: Any):
    recorded = to_documents(parse_run(path.read_bytes()), tenant="acme", user="ada")

    Execution.model_validate(recorded.execution)
    assert [Step.model_validate(step).step_id for step in recorded.steps]
