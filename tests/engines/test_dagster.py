"""Dagster with the sensor of dagster-openlineage, set up as the guide says."""

import shutil
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.engines.client_environments import CLIENTS, client_environment, only_in_full
from tests.engines.connection_guide import documented_block
from tests.engines.engine_processes import run_commands, running_commands
from tests.engines.monitor import Monitor, ends_of, running_monitor

pytestmark = only_in_full

_JOBS = ("shop_orders", "shop_stock", "shop_assets")
_READ_SECONDS = 120


@pytest.fixture(scope="module")
def monitor(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Monitor]:
    with running_monitor(tmp_path_factory.mktemp("server"), mongodb_uri, "engines_dagster") as monitor:
        yield monitor


@pytest.fixture(scope="module")
def runs(monitor: Monitor, tmp_path_factory: pytest.TempPathFactory) -> Generator[Mapping[str, Any]]:
    """The executions of one run of each job, by the job's name."""
    programs = client_environment("dagster")
    project = shutil.copytree(CLIENTS / "dagster", tmp_path_factory.mktemp("dagster") / "project")
    (project / "reporting.py").write_text(documented_block("Dagster", "python"))
    storage = documented_block("Dagster", "yaml")
    (project / "dagster.yaml").write_text(f"{storage}\ntelemetry:\n  enabled: false\n")
    settings = documented_block("Dagster", "sh", url=monitor.url, key=monitor.key)
    start = "dagster sensor start openlineage_sensor -f definitions.py && exec dagster-daemon run -f definitions.py"

    with running_commands(f"{settings}\n{start}", programs, project, DAGSTER_HOME=str(project)):
        for job in _JOBS:
            run = f"dagster job execute -f definitions.py -j {job}"
            done = run_commands(run, programs, project, DAGSTER_HOME=str(project))
            assert done.returncode == (job == "shop_stock"), done.stdout
        yield {
            job: monitor.wait_for(job, lambda run: run["status"] in ("COMPLETED", "FAILED"), seconds=_READ_SECONDS)
            for job in _JOBS
        }


def test_the_run_of_a_job_is_an_execution_of_the_owner_of_the_key(runs: Mapping[str, Any]):
    assert {job: run["status"] for job, run in runs.items()} == {
        "shop_orders": "COMPLETED",
        "shop_stock": "FAILED",
        "shop_assets": "COMPLETED",
    }
    assert {(run["userId"], run["tenantId"], run["attempt"]) for run in runs.values()} == {("ada", "acme", 1)}


def test_each_op_is_one_step_mapped_and_retried_ones_too(runs: Mapping[str, Any]):
    names = ("list_regions", "load[eu]", "load[us]", "charge_cards", "find_complaints")

    assert ends_of(runs["shop_orders"]) == dict.fromkeys(names, "COMPLETED")
    assert (runs["shop_orders"]["stepsCompleted"], runs["shop_orders"]["stepsFailed"]) == (5, 0)


def test_an_op_that_fails_fails_its_run(runs: Mapping[str, Any]):
    assert ends_of(runs["shop_stock"]) == {"count_stock": "FAILED"}
    assert (runs["shop_stock"]["stepsCompleted"], runs["shop_stock"]["stepsFailed"]) == (0, 1)


def test_assets_are_steps_of_the_run_that_made_them(runs: Mapping[str, Any]):
    assert ends_of(runs["shop_assets"]) == {"customers": "COMPLETED", "invoices": "COMPLETED"}


def test_times_of_runs_and_steps_are_in_order_and_within_their_run(runs: Mapping[str, Any], monitor: Monitor):
    now = datetime.now(UTC)
    timed = [each for run in runs.values() for each in (run, *run["steps"]["nodes"])]

    assert [each for each in timed if not monitor.has_times_in_order(each, until=now)] == []


def test_no_secret_of_an_error_is_stored(runs: Mapping[str, Any], monitor: Monitor):
    assert monitor.places_of("hunter2") == []
