"""What a person sees of the runs that real engines reported, and of each surprise among their events."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openlineage.client.uuid import generate_static_uuid

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.openlineage.events import read_event
from execution_monitor.ingest.openlineage.mapping import map_event
from execution_monitor.ingest.writer.facts import MAX_ID_LENGTH, PARENT_RUN, RETRY_OF_RUN, Facts
from tests.ingest.openlineage.captures import NAMES, capture, document_of, documents_of, facts_of
from tests.storage.strategies import bounded

AIRFLOW_TAGS = [
    {"key": "shop", "value": "shop"},
    {"key": "team:data", "value": "team:data"},
    {"key": "namespace", "value": "prod-airflow"},
    {"key": "engine", "value": "airflow"},
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-28T{text}").replace(tzinfo=UTC)


def the_execution(facts: Facts) -> dict[str, Any]:
    (execution,) = facts.executions.values()
    return document_of(execution)


def steps_of(facts: Facts, *fields: str) -> dict[str, tuple[Any, ...]]:
    """The `fields` of each step, by its name, in the order of the workflow."""
    steps = sorted((document_of(each) for each in facts.steps.values()), key=lambda step: step.get("step_index", 0))
    return {step["step_name"]: tuple(step.get(name) for name in fields) for step in steps}


def an_event(event_type: str | None = "START", **changes: Any) -> dict[str, Any]:
    """An event of a run without a parent; `parent`, `facets` and others as given."""
    facets = dict(changes.pop("facets", {}))
    if "parent" in changes:
        facets["parent"] = changes.pop("parent")
    job = {"namespace": "prod", "name": changes.pop("job", "nightly"), "facets": changes.pop("job_facets", {})}
    return {
        "eventType": event_type,
        "eventTime": "2026-11-28T04:00:00.123456Z",
        "run": {"runId": changes.pop("run_id", "run-1"), "facets": facets},
        "job": job,
        "producer": "https://example.com/client",
        **changes,
    }


def a_parent(run_id: str, name: str = "nightly", root: str | None = None) -> dict[str, Any]:
    parent: dict[str, Any] = {"run": {"runId": run_id}, "job": {"namespace": "prod", "name": name}}
    return parent if root is None else {**parent, "root": {"run": {"runId": root}, "job": parent["job"]}}


def job_type(integration: str, kind: str) -> dict[str, Any]:
    return {"jobType": {"integration": integration, "jobType": kind, "processingType": "BATCH"}}


def test_a_run_of_airflow_with_a_retry_mapped_tasks_and_a_skipped_one():
    facts = facts_of(capture("airflow-run-2"))

    assert the_execution(facts) == {
        "workflow_name": "shop_orders",
        "workflow_template_id": "prod-airflow/shop_orders",
        "execution_name": "manual__2026-11-28T04:53:25.584491+00:00_bkTVZMW3",
        "triggered_by": "cli",
        "input_parameters": {"api_token": "***", "customer": "acme"},
        "tags": AIRFLOW_TAGS,
        "status": "completed",
        "attempt": 1,
        "created": at("04:53:26.230"),
        "started_at": at("04:53:26.230"),
        "completed_at": at("04:53:38.985"),
    }
    assert steps_of(facts, "status", "attempt", "started_at", "completed_at") == {
        # The skipped one has a start and no end: its execution has one.
        "checks.skip": ("running", 1, at("04:53:26.725"), None),
        "flaky": ("completed", 2, at("04:53:35.785"), at("04:53:36.251")),
        "list_regions": ("completed", 1, at("04:53:26.722"), at("04:53:28.903")),
        "load[0]": ("completed", 1, at("04:53:30.537"), at("04:53:30.948")),
        "checks.count": ("completed", 1, at("04:53:36.800"), at("04:53:37.503")),
        "shell": ("pending", 1, None, None),
        "trigger_child": ("pending", 1, None, None),
        "load[1]": ("completed", 1, at("04:53:34.206"), at("04:53:34.741")),
        "load[2]": ("completed", 1, at("04:53:34.915"), at("04:53:35.583")),
    }
    assert steps_of(facts, "step_type", "depends_on")["shell"] == (
        "BashOperator",
        ["shop_orders.checks.count", "shop_orders.checks.skip", "shop_orders.flaky"],
    )
    assert steps_of(facts, "depends_on")["load[2]"] == (["shop_orders.list_regions"],)


def test_a_secret_that_airflows_workers_do_not_mask_is_in_no_document():
    events = capture("airflow-run-2")
    assert "hunter2" in repr(events)

    assert "hunter2" not in repr(documents_of(facts_of(events)))


def test_the_error_of_a_failed_attempt_stays_as_a_log_line():
    (line,) = facts_of(capture("airflow-run-2")).log_lines.values()

    assert line.fields["message"] == "Attempt 1 of flaky failed: the warehouse was busy"
    assert (line.fields["level"], line.fields["step_id"]) == ("error", "shop_orders.flaky")
    assert line.fields["timestamp"] == at("04:53:29.221")
    assert (line.fields["attributes"]["attempt"], line.fields["attributes"]["type"]) == (1, "RuntimeError")
    assert line.fields["attributes"]["stack_trace"].startswith("Traceback (most recent call last):")


def test_tasks_of_airflow_that_end_without_a_start_below_a_run_that_completes():
    facts = facts_of(capture("airflow-run-0"))

    assert the_execution(facts)["status"] == "completed"
    assert steps_of(facts, "status", "attempt", "started_at", "completed_at") == {
        "checks.skip": ("failed", 1, None, at("04:41:18.556")),
        "flaky": ("failed", 3, None, at("04:41:23.221")),
        "list_regions": ("failed", 1, None, at("04:41:18.739")),
        "load": ("pending", 1, None, None),
        "checks.count": ("pending", 1, None, None),
        "shell": ("pending", 1, None, None),
        "trigger_child": ("pending", 1, None, None),
    }
    (error,) = steps_of(facts, "error_details")["flaky"]
    assert error["message"].startswith("Executor LocalExecutor(parallelism=2) reported that the task instance")
    assert len(facts.log_lines) == 5


def test_a_run_of_airflow_whose_end_names_the_states_of_its_tasks():
    facts = facts_of(capture("airflow-run-4"))

    assert steps_of(facts, "status", "status_detail", "attempt", "completed_at") == {
        "checks.skip": ("failed", None, 1, at("05:01:18.281")),
        "flaky": ("completed", None, 3, at("05:02:02.628")),
        "list_regions": ("failed", None, 1, at("05:01:10.857")),
        "load": ("cancelled", "a task before it failed", 1, None),
        "checks.count": ("cancelled", "a task before it failed", 1, None),
        "shell": ("cancelled", "a task before it failed", 1, None),
        "trigger_child": ("cancelled", "a task before it failed", 1, None),
        # It sends no events, and was not declared.
        "end": ("completed", None, 1, None),
    }
    assert steps_of(facts, "started_at")["flaky"] == (at("05:01:38.220"),)


def test_a_run_of_dbt_that_is_told_after_its_end():
    facts = facts_of(capture("dbt-run-0"))

    assert list(facts.executions) == ["2d7f475e-6a17-46d4-bbd9-ed6eaffa0f6f"]
    execution = the_execution(facts)
    assert (execution["workflow_name"], execution["status"]) == ("dbt-run-shop", "failed")
    assert (execution["created"], execution["completed_at"]) == (at("04:44:34.777"), at("04:44:57.365"))
    assert {key[1]: document_of(each)["status"] for key, each in facts.steps.items()} == {
        "shop.main.shop.stg_orders.build.run": "completed",
        "shop.main.shop.stg_orders.build.test": "failed",
    }
    test = document_of(facts.steps["2d7f475e-6a17-46d4-bbd9-ed6eaffa0f6f", "shop.main.shop.stg_orders.build.test"])
    assert (test["step_name"], test["step_type"]) == ("stg_orders", "test")
    assert test["error_details"] == {"message": "accepted_values_stg_orders_amount__10: 1 where 0 is expected"}
    assert test["input_data"] == ["duckdb:///srv/dbt/shop.duckdb/shop.main.stg_orders"]


def test_a_run_of_dbt_below_a_task_of_airflow_without_its_statements():
    facts = facts_of(capture("dbt-run-2"))

    assert list(facts.executions) == ["e0741671-5f77-4015-bbf2-3cc5340d93b5"]
    execution = the_execution(facts)
    assert execution[PARENT_RUN] == "01a22075-0962-777a-b1b4-dc7053236ab7"
    assert execution["error_details"] == {"message": "Command `dbt build` failed at 05:04:49.042108 after 8.00 seconds"}
    assert steps_of(facts, "step_type", "status", "status_detail") == {
        "raw_orders": ("seed", "completed", None),
        "stg_orders": ("model", "completed", None),
        "accepted_values_stg_orders_amount__10": ("test", "failed", None),
        "not_null_stg_orders_id": ("test", "completed", None),
        "unique_stg_orders_id": ("test", "completed", None),
        # They start and abort at the same instant.
        "broken": ("model", "cancelled", "skipped"),
        "totals": ("model", "cancelled", "skipped"),
        "after_broken": ("model", "cancelled", "skipped"),
    }
    assert steps_of(facts, "error_details")["accepted_values_stg_orders_amount__10"] == (
        {"message": "Got 1 result, configured to fail if != 0"},
    )


@pytest.mark.parametrize("name", ["dbt-run-2", "dagster-run-1"])
def test_steps_that_an_engine_does_not_number_are_in_the_order_of_their_starts(name: str):
    starts = [start for (start,) in steps_of(facts_of(capture(name)), "started_at").values()]

    assert len(set(starts)) > 1
    assert starts == sorted(starts)


def test_statements_of_dbt_are_steps_behind_their_model_where_they_are_kept():
    facts = facts_of(capture("dbt-run-2"), keeps_statements=True)

    assert len(facts.executions) == 1
    assert the_execution(facts)["workflow_name"] == "dbt-run-shop"
    assert steps_of(facts, "step_type", "depends_on")["sql.1"] is not None
    statement = document_of(facts.steps[next(iter(facts.executions)), "model.shop.stg_orders.sql.1"])
    assert (statement["step_name"], statement["depends_on"]) == ("sql.1", ["model.shop.stg_orders"])
    assert len(facts.steps) == 8 + 19


def test_a_run_of_dagster_with_mapped_steps():
    facts = facts_of(capture("dagster-run-1"))

    assert the_execution(facts)["workflow_name"] == "shop"
    assert steps_of(facts, "status", "attempt") == dict.fromkeys(
        ("flaky", "regions", "load[eu]", "load[us]"), ("completed", 1)
    )


def test_a_run_of_dagster_that_its_sensor_reads_again_has_no_step_twice():
    events = copy.deepcopy(list(capture("dagster-run-1")))
    for number, event in enumerate(events):
        if "parent" in event["run"]["facets"]:
            event["run"]["runId"] = f"01a2208a-0000-768b-803d-{number:012}"

    facts = facts_of([*capture("dagster-run-1"), *events])

    assert (len(facts.executions), len(facts.steps)) == (1, 4)


@pytest.mark.parametrize("name", NAMES)
@bounded(max_examples=60)
@given(shuffled=st.data())
def test_events_in_any_order_and_any_number_of_times_report_the_same(name: str, shuffled: st.DataObject):
    events = list(capture(name))
    order = shuffled.draw(st.permutations(range(len(events))))
    again = shuffled.draw(st.lists(st.sampled_from(order), max_size=10))

    assert documents_of(facts_of(events[each] for each in (*order, *again))) == documents_of(facts_of(events))


def test_tasks_of_a_triggered_dag_belong_to_it_and_not_to_the_dag_that_triggered_it():
    task = an_event(
        job="child.count",
        run_id="task",
        parent=a_parent("child-run", "child", root="grandparent-run"),
        job_facets=job_type("AIRFLOW", "TASK"),
    )
    dag = an_event(
        job="child",
        run_id="child-run",
        parent=a_parent("trigger-task", "shop.trigger_child", root="grandparent-run"),
        job_facets=job_type("AIRFLOW", "DAG"),
    )

    facts = facts_of([task, dag])

    assert list(facts.steps) == [("child-run", "child.count")]
    assert document_of(facts.executions["child-run"])[PARENT_RUN] == "trigger-task"
    # So is found whose task triggered it.
    assert facts.runs == {"task": "child-run", "child-run": "child-run"}


def test_an_execution_is_known_by_its_steps_until_it_tells_of_itself():
    task = an_event(job="nightly.load", run_id="task", parent=a_parent("run-1"), job_facets=job_type("AIRFLOW", "TASK"))

    execution = the_execution(facts_of([task]))

    assert execution == {
        "workflow_name": "nightly",
        "workflow_template_id": "prod/nightly",
        "status": "running",
        "attempt": 1,
        "created": at("04:00:00.123"),
        "tags": [{"key": "namespace", "value": "prod"}, {"key": "engine", "value": "airflow"}],
    }


def test_the_end_of_an_execution_outlasts_a_late_word_of_a_step():
    end = an_event("COMPLETE", eventTime="2026-11-28T04:10:00Z")
    late = an_event(
        "COMPLETE",
        job="nightly.load",
        run_id="task",
        parent=a_parent("run-1"),
        job_facets=job_type("AIRFLOW", "TASK"),
        eventTime="2026-11-28T04:20:00Z",
    )

    assert the_execution(facts_of([end, late]))["status"] == "completed"


def test_a_run_of_airflow_that_was_cleared_repeats_the_one_before():
    event = copy.deepcopy(capture("airflow-run-2")[0])
    first, dag_run = event["run"]["runId"], event["run"]["facets"]["airflowDagRun"]["dagRun"]
    run_after = datetime.fromisoformat(dag_run["run_after"])
    event["run"]["runId"] = str(generate_static_uuid(run_after, b"prod-airflow.shop_orders.1"))
    dag_run["clear_number"] = 1

    execution = the_execution(facts_of([event]))

    assert (execution[RETRY_OF_RUN], execution["attempt"]) == (first, 2)


def test_a_run_id_that_is_made_otherwise_names_no_run_before():
    event = copy.deepcopy(capture("airflow-run-2")[0])
    event["run"]["facets"]["airflowDagRun"]["dagRun"]["clear_number"] = 1

    assert RETRY_OF_RUN not in the_execution(facts_of([event]))


def test_jobs_of_spark_are_steps_of_their_application_which_a_task_of_airflow_started():
    application = an_event(
        job="etl",
        run_id="app",
        parent=a_parent("airflow-task", "dag.submit", root="dag-run"),
        job_facets=job_type("SPARK", "APPLICATION"),
    )
    job = an_event(
        "COMPLETE",
        job="etl.execute_insert_into.orders",
        run_id="job-1",
        parent=a_parent("app", "etl", root="dag-run"),
        job_facets=job_type("SPARK", "SQL_JOB"),
        outputs=[{"namespace": "s3://lake", "name": "orders"}],
    )

    facts = facts_of([application, job])

    assert document_of(facts.executions["app"])[PARENT_RUN] == "airflow-task"
    step = document_of(facts.steps["app", "job-1"])
    assert (step["step_name"], step["step_type"], step["status"]) == (
        "execute_insert_into.orders",
        "sql_job",
        "completed",
    )
    assert step["result"] == ["s3://lake/orders"]


def test_a_streaming_job_of_flink_says_that_it_lives():
    start = an_event(job_facets=job_type("FLINK", "JOB"))
    checkpoint = an_event("RUNNING", job_facets=job_type("FLINK", "JOB"), eventTime="2026-11-28T05:00:00Z")

    execution = the_execution(facts_of([checkpoint, start]))

    assert (execution["status"], execution["last_heartbeat_at"]) == ("running", at("05:00:00"))


def test_a_run_below_a_step_is_an_execution_of_its_own():
    check = an_event(
        job="great_expectations.orders", run_id="check", parent=a_parent("task", "dag.validate", root="dag")
    )

    facts = facts_of([check])

    assert (list(facts.executions), facts.steps) == (["check"], {})
    assert the_execution(facts)[PARENT_RUN] == "task"


def test_a_program_with_steps_of_its_own_needs_no_type_of_job():
    step = an_event(job="nightly.load", run_id="load", parent=a_parent("run-1"))

    facts = facts_of([an_event(), step])

    assert list(facts.steps) == [("run-1", "load")]
    assert document_of(facts.steps["run-1", "load"])["step_name"] == "load"


def test_queries_of_a_task_are_passed_over():
    query = an_event(run_id="q", parent=a_parent("task", root="dag"), job_facets=job_type("SNOWFLAKE", "QUERY"))

    assert documents_of(facts_of([query])) == documents_of(facts_of([]))


@pytest.mark.parametrize("event_type", ["OTHER", "SOMETHING", None])
def test_other_events_name_a_run_and_tell_no_status(event_type: str | None):
    execution = the_execution(facts_of([an_event(event_type)]))

    assert (execution["workflow_name"], "status" in execution) == ("nightly", False)


def test_an_aborted_run_is_cancelled():
    execution = the_execution(facts_of([an_event("ABORT")]))

    assert (execution["status"], execution["status_detail"]) == ("cancelled", "aborted")


def test_tasks_that_send_no_events_are_left_out_of_the_order():
    tasks = {
        "begin": {"downstream_task_ids": ["a"], "emits_ol_events": False, "operator": "x.EmptyOperator"},
        "a": {"downstream_task_ids": ["join"], "emits_ol_events": True, "operator": "x._PythonDecoratedOperator"},
        "join": {"downstream_task_ids": ["b"], "emits_ol_events": False, "operator": "x.EmptyOperator"},
        "b": {"downstream_task_ids": ["a circle"], "emits_ol_events": True, "operator": "x.BashOperator"},
    }
    start = an_event(job_facets={**job_type("AIRFLOW", "DAG"), "airflow": {"tasks": tasks}})

    assert steps_of(facts_of([start]), "step_type", "depends_on") == {
        "a": ("PythonDecoratedOperator", []),
        "b": ("BashOperator", ["nightly.a"]),
    }


def test_tasks_in_a_circle_are_declared_all_the_same():
    tasks = {
        name: {"downstream_task_ids": [other], "emits_ol_events": name != "c"}
        for name, other in (tuple("ab"), tuple("bc"), tuple("ca"))
    }
    start = an_event(job_facets={**job_type("AIRFLOW", "DAG"), "airflow": {"tasks": tasks}})

    assert steps_of(facts_of([start]), "depends_on") == {"a": (["nightly.b"],), "b": (["nightly.a"],)}


def test_nothing_of_an_event_with_an_impossible_id_is_reported():
    step = an_event(
        job="j" * (MAX_ID_LENGTH + 1), parent=a_parent("run-1"), job_facets=job_type("AIRFLOW", "TASK"), run_id="task"
    )
    event, facts = read_event(step), Facts(lambda _, value: value)
    assert event is not None

    with pytest.raises(BadUserInput):
        map_event(event, facts)

    assert documents_of(facts) == documents_of(facts_of([]))


def test_what_an_attempt_is_numbered_is_bounded():
    facets = {"airflow": {"taskInstance": {"try_number": 2**60, "map_index": 2**60}}}
    task = an_event(parent=a_parent("run-1"), facets=facets, job_facets=job_type("AIRFLOW", "TASK"))

    (step,) = facts_of([task]).steps.values()

    assert (document_of(step)["attempt"], document_of(step)["step_index"]) == (1_000_000, 2**31 - 1)
