from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.core.recorded_run import to_documents
from execution_monitor.ingest.wfformat.parser import parse
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, encode, small_run

BEGAN = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


def documents(**changes: Any):
    return to_documents(parse(encode(small_run(**changes))), tenant="acme", user="ada")


def test_a_step_starts_when_all_its_parents_have_ended():
    spans = parse(encode(small_run())).spans

    assert (spans["split"].start, spans["split"].end) == (0, 10)
    assert (spans["left"].start, spans["left"].end) == (10, 30.5)
    assert (spans["right"].start, spans["right"].end) == (10, 10)


def test_a_recorded_start_wins_over_the_dependencies():
    run = small_run()
    run["workflow"]["execution"]["tasks"][2]["executedAt"] = "2026-01-02T03:00:25Z"

    assert parse(encode(run)).spans["right"].start == 25


def test_the_execution_describes_the_run():
    execution = documents().execution

    assert execution["workflow_name"] == "diamond"
    assert execution["status"] == "completed"
    assert (execution["started_at"], execution["completed_at"]) == (BEGAN, BEGAN + timedelta(seconds=30))
    assert execution["total_duration"] == 30
    assert execution["progress"] == {"current_step": 3, "total_steps": 3, "percentage": 100.0}
    assert execution["performance_data"]["machines"] == [{"node_name": "m1", "cpu": {"core_count": 8}}]
    assert execution["performance_data"]["makespan_seconds"] == 30
    assert execution["performance_data"]["task_seconds"] == 30.5
    assert execution["performance_data"]["core_seconds"] == 10 + 2 * 20.5
    assert "read_bytes" not in execution["performance_data"]
    assert execution["triggered_by"] == "load"
    assert execution["tags"] == [{"key": "schema_version", "value": "1.5"}]


@pytest.mark.parametrize(
    ("name", "workflow_name", "template"),
    [
        pytest.param("1000genome-20200401T035039Z-0", "1000genome", "1000genome", id="a stamp and an index of Pegasus"),
        pytest.param("soykb-0", "soykb", "soykb", id="an index of Pegasus"),
        pytest.param("chain-5-1683736566.json", "chain-5", "chain-5", id="seconds since 1970, and an ending"),
        pytest.param("covid-19", "covid-19", "covid-19", id="a number that belongs to the name"),
        pytest.param("-0", "-0", "0", id="nothing but an index"),
        pytest.param("日本", "日本", "run", id="no letter for a slug"),
    ],
)
def test_runs_of_one_workflow_share_its_name(name: str, workflow_name: str, template: str):
    execution = documents(name=name).execution

    assert execution["workflow_name"] == workflow_name
    assert execution["workflow_template_id"] == template
    assert execution["execution_name"] == name


@pytest.mark.parametrize("seconds", [1e12, 1e300])
@pytest.mark.parametrize("field", ["makespanInSeconds", "runtimeInSeconds"])
def test_a_run_that_ends_beyond_the_calendar_is_refused(field: str, seconds: float):
    run = small_run()
    execution = run["workflow"]["execution"]
    (execution if field in execution else execution["tasks"][0])[field] = seconds

    with pytest.raises(BadUserInput, match=r"workflow\.execution: it ends after the year 9999"):
        parse(encode(run))


def test_steps_keep_dependencies_runtime_machine_and_command():
    split, left, _ = documents().steps

    assert split["input_data"]["program"] == "split"
    assert split["input_data"]["arguments"] == ["-n", "2"]
    assert left["depends_on"] == ["split"]
    assert left["duration"] == 20.5
    assert left["result"]["machines"] == ["m1"]
    assert left["result"]["core_count"] == 2
    assert "avg_cpu" not in left["result"]
    assert left["input_data"]["files"] == [{"name": "a.txt", "bytes": 12}]


def test_the_same_run_always_has_the_same_ids_and_another_tenant_has_its_own():
    run = parse(CHAIN.read_bytes())
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
async def test_real_runs_become_documents_of_the_declared_format(database: Database, path: Any):
    recorded = to_documents(parse(path.read_bytes()), tenant="acme", user="ada")

    Execution.model_validate(recorded.execution)
    assert [Step.model_validate(step).step_id for step in recorded.steps]
