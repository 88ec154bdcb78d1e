"""Airflow 3, standalone, with its OpenLineage provider, set up as the guide says."""

import shutil
import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.engines.client_environments import CLIENTS, client_environment, only_in_full
from tests.engines.connection_guide import documented_block
from tests.engines.engine_processes import running_commands
from tests.engines.monitor import Monitor, ends_of, running_monitor, steps_of
from tests.support.server_process import free_ports

pytestmark = only_in_full

_START_SECONDS = 300
_RUN_SECONDS = 300
_SETTINGS = {"ingest_payloads": "on", "ingest_step_grace_seconds": "10"}
_ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def monitor(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Monitor]:
    folder = tmp_path_factory.mktemp("server")
    with running_monitor(folder, mongodb_uri, "engines_airflow", **_SETTINGS) as monitor:
        yield monitor


@pytest.fixture(scope="module")
def runs(monitor: Monitor, tmp_path_factory: pytest.TempPathFactory) -> Generator[Mapping[str, Any]]:
    """The executions of one run of each DAG, by the DAG's name; that of `shop_report` was triggered by the other."""
    programs = client_environment("airflow")
    home = shutil.copytree(CLIENTS / "airflow", tmp_path_factory.mktemp("airflow") / "home")
    settings = documented_block("Airflow", "sh", url=monitor.url, key=monitor.key)
    url = f"http://127.0.0.1:{(port := free_ports(1))}"
    # Airflow's own settings, which have nothing to do with its reports.
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    }

    with running_commands(f"{settings}\nexec airflow standalone", programs, home, **variables) as log:
        _trigger(url, "shop_orders", conf={"api_token": "hunter2", "region": "eu"})
        try:
            yield {
                "shop_orders": monitor.wait_for("shop_orders", _has_ended, seconds=_RUN_SECONDS),
                "shop_report": monitor.wait_for("shop_report", _has_ended, seconds=_RUN_SECONDS),
            }
        except pytest.fail.Exception:
            print(log.read_text(errors="replace")[-20_000:])  # noqa: T201 - pytest shows it with the failure
            raise


def _trigger(url: str, dag: str, *, conf: Mapping[str, str]) -> None:
    """Start a run of `dag`, once Airflow has read both DAGs."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            known = httpx2.get(f"{url}/api/v2/dags").json().get("dags", ())
        except (httpx2.HTTPError, ValueError):
            known = ()
        if len(known) == 2:
            break
        assert time.monotonic() < deadline, "Airflow did not start"
        time.sleep(1)
    request = {"dag_run_id": "by-hand", "logical_date": None, "conf": dict(conf)}
    httpx2.post(f"{url}/api/v2/dags/{dag}/dagRuns", json=request).raise_for_status()


def _has_ended(run: Any) -> bool:
    return run["status"] in _ENDED and all(step["status"] in _ENDED for step in run["steps"]["nodes"])


def test_the_run_of_a_dag_is_an_execution_of_the_owner_of_the_key(runs: Mapping[str, Any]):
    run = runs["shop_orders"]

    assert (run["workflowName"], run["name"], run["triggeredBy"]) == ("shop_orders", "by-hand", "rest_api")
    assert (run["userId"], run["tenantId"], run["attempt"]) == ("ada", "acme", 1)
    assert {"key": "shop", "value": "shop"} in run["tags"]


def test_a_run_that_completes_in_spite_of_a_failed_task_says_both(runs: Mapping[str, Any]):
    run = runs["shop_orders"]

    assert (run["status"], run["stepsFailed"], run["error"]) == ("COMPLETED", 1, None)


def test_a_retried_task_is_one_step_and_its_first_error_is_a_log_line(runs: Mapping[str, Any]):
    step = steps_of(runs["shop_orders"])["charge_cards"]
    lines = [line for line in runs["shop_orders"]["logs"]["nodes"] if line["stepId"] == step["stepId"]]

    assert (step["status"], step["attempt"], step["error"]) == ("COMPLETED", 2, None)
    assert [line["level"] for line in lines] == ["ERROR"]
    assert "the bank did not answer" in lines[0]["message"]


def test_mapped_tasks_and_those_of_a_group_are_steps_of_their_own(runs: Mapping[str, Any]):
    assert ends_of(runs["shop_orders"]) == {
        "list_regions": "COMPLETED",
        "load[0]": "COMPLETED",
        "load[1]": "COMPLETED",
        "load[2]": "COMPLETED",
        "charge_cards": "COMPLETED",
        "choose": "COMPLETED",
        "checks.count": "COMPLETED",
        "checks.find_complaints": "CANCELLED",
        "standard": "CANCELLED",
        "report": "FAILED",
        "tell": "COMPLETED",
    }
    assert runs["shop_orders"]["stepsCompleted"] == 8


def test_tasks_that_were_skipped_end_with_their_run(runs: Mapping[str, Any]):
    steps = steps_of(runs["shop_orders"])
    skipped, never_begun = steps["checks.find_complaints"], steps["standard"]

    assert (skipped["error"]["message"], skipped["completedAt"]) == (
        "No end was reported.",
        runs["shop_orders"]["completedAt"],
    )
    assert never_begun["error"]["message"] == "It had not started when the execution ended."
    assert (never_begun["startedAt"], never_begun["completedAt"]) == (None, None)


def test_a_task_waits_for_those_before_it(runs: Mapping[str, Any]):
    steps = steps_of(runs["shop_orders"])

    assert steps["tell"]["dependsOn"] == [steps["report"]["stepId"]]
    assert steps["load[2]"]["dependsOn"] == [steps["list_regions"]["stepId"]]


def test_a_triggered_run_names_the_run_that_triggered_it_and_fails_with_its_task(runs: Mapping[str, Any]):
    run = runs["shop_report"]
    (write,) = run["steps"]["nodes"]

    assert run["parentExecutionId"] == runs["shop_orders"]["executionId"]
    assert (run["status"], run["triggeredBy"], run["stepsFailed"]) == ("FAILED", "operator", 1)
    assert (write["name"], write["status"]) == ("write", "FAILED")
    assert write["error"]["message"] == "no printer is connected"
    assert "ValueError" in write["error"]["stackTrace"]


def test_times_of_runs_and_tasks_are_in_order_and_within_their_run(runs: Mapping[str, Any], monitor: Monitor):
    now = datetime.now(UTC)
    begun = [step for run in runs.values() for step in run["steps"]["nodes"] if step["name"] != "standard"]
    timed = [*runs.values(), *begun]

    assert [each for each in timed if not monitor.has_times_in_order(each, until=now)] == []


def test_the_conf_of_a_run_is_kept_without_its_secret_which_no_error_tells_either(
    runs: Mapping[str, Any], monitor: Monitor
):
    assert runs["shop_orders"]["inputParameters"] == {"api_token": "***", "region": "eu"}
    assert monitor.places_of("hunter2") == []
