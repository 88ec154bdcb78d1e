"""`dbt-ol` on DuckDB, set up as the guide says."""

import shutil
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.engines.client_environments import CLIENTS, client_environment, only_in_full
from tests.engines.connection_guide import documented_block
from tests.engines.engine_processes import run_commands
from tests.engines.monitor import Monitor, ends_of, running_monitor, steps_of

pytestmark = only_in_full

_ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def monitor(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Monitor]:
    with running_monitor(tmp_path_factory.mktemp("server"), mongodb_uri, "engines_dbt") as monitor:
        yield monitor


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(CLIENTS / "dbt", tmp_path_factory.mktemp("dbt") / "project")


@pytest.fixture(scope="module")
def build(monitor: Monitor, project: Path) -> Any:
    """The execution of a build with a model and a test that fail."""
    done = run_commands(_commands(monitor), client_environment("dbt"), project, DBT_PROFILES_DIR=str(project))

    assert "Done. PASS=5 WARN=0 ERROR=2 SKIP=1" in done.stdout, done.stdout
    return monitor.wait_for("dbt-run-shop", lambda execution: execution["status"] in _ENDED, seconds=30)


def _commands(monitor: Monitor) -> str:
    return documented_block("dbt", "sh", url=monitor.url, key=monitor.key)


def test_a_build_is_an_execution_that_failed_with_the_error_of_dbt(build: Any):
    assert (build["status"], build["attempt"], build["parentExecutionId"]) == ("FAILED", 1, None)
    assert (build["userId"], build["tenantId"]) == ("ada", "acme")
    assert "dbt build" in build["error"]["message"]


def test_its_seeds_models_and_tests_are_steps_each_with_its_own_end(build: Any):
    assert ends_of(build) == {
        "raw_orders": "COMPLETED",
        "stg_orders": "COMPLETED",
        "unique_stg_orders_id": "COMPLETED",
        "not_null_stg_orders_id": "COMPLETED",
        "totals": "COMPLETED",
        "accepted_values_totals_amount__10": "FAILED",
        "broken": "FAILED",
        "after_broken": "CANCELLED",
    }
    assert {step["kind"] for step in steps_of(build).values()} == {"seed", "model", "test"}
    assert (build["stepsCompleted"], build["stepsFailed"]) == (5, 2)


def test_its_steps_are_listed_in_the_order_of_their_starts(build: Any):
    starts = [step["startedAt"] for step in build["steps"]["nodes"]]

    assert list(steps_of(build))[:2] == ["raw_orders", "stg_orders"]
    assert starts == sorted(starts)


def test_what_fails_has_the_error_of_dbt_without_the_secret_in_its_query(build: Any, monitor: Monitor):
    steps = steps_of(build)

    assert 'Referenced column "password" not found' in steps["broken"]["error"]["message"]
    assert "Got 1 result" in steps["accepted_values_totals_amount__10"]["error"]["message"]
    assert monitor.places_of("hunter2") == []


def test_times_of_a_build_and_its_steps_are_in_order_and_within_its_run(build: Any, monitor: Monitor):
    now = datetime.now(UTC)
    timed = [build, *build["steps"]["nodes"]]

    assert [each for each in timed if not monitor.has_times_in_order(each, until=now)] == []


def test_an_invocation_below_a_run_names_it_as_its_parent(build: Any, monitor: Monitor, project: Path):
    parent = str(uuid4())
    commands = _commands(monitor).replace("dbt-ol build", "dbt-ol seed")
    variables = {"DBT_PROFILES_DIR": str(project), "OPENLINEAGE_PARENT_ID": f"production/nightly/{parent}"}

    run_commands(commands, client_environment("dbt"), project, **variables)
    # The parent is reported last.
    httpx2.post(
        f"{monitor.url}/api/v1/lineage",
        json={
            "eventType": "START",
            "eventTime": datetime.now(UTC).isoformat(),
            "run": {"runId": parent},
            "job": {"namespace": "production", "name": "nightly"},
            "producer": "https://example.org/nightly",
        },
        headers={"Authorization": f"Bearer {monitor.key}"},
    ).raise_for_status()

    (below,) = [each for each in monitor.executions("dbt-run-shop") if each["executionId"] != build["executionId"]]
    assert (below["parentExecutionId"], below["status"]) == (parent, "COMPLETED")
    assert ends_of(below) == {"raw_orders": "COMPLETED"}
