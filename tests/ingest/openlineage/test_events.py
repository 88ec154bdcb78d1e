"""Run events: their times, what must be in them, and facets that are not as they should be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.openlineage.events import RunEvent, read_event


def an_event(**changes: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-11-28T04:00:00Z",
        "run": {"runId": "run-1"},
        "job": {"namespace": "prod", "name": "nightly"},
        **changes,
    }


def read(**changes: Any) -> RunEvent:
    event = read_event(an_event(**changes))
    assert event is not None
    return event


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28T04:53:26.230106+00:00",
        "2026-11-28T04:53:26.230106789Z",
        "2026-11-28T05:53:26.230+01:00",
        "2026-11-28T04:53:26.230",
    ],
)
def test_a_time_is_read_to_the_millisecond_whoever_writes_it(text: str):
    assert read(eventTime=text).event_time == datetime(2026, 11, 28, 4, 53, 26, 230_000, UTC)


@pytest.mark.parametrize(
    "time",
    [
        None,
        5,
        "soon",
        "",
        "2026-13-01T00:00:00Z",
        ["2026-11-28T04:00:00Z"],
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_an_event_without_a_time_is_refused(time: Any):
    with pytest.raises(BadUserInput, match="eventTime"):
        read(eventTime=time)


def test_clocks_may_be_hours_ahead_and_not_days():
    soon, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (23, 25))

    assert read(eventTime=soon.isoformat()).event_time > datetime.now(UTC)
    with pytest.raises(BadUserInput, match="set the clock"):
        read(eventTime=later.isoformat())


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"run": None}, "run"),
        ({"run": {}}, "run.runId"),
        ({"run": {"runId": 5}}, "run.runId"),
        ({"job": {"name": "nightly"}}, "job.namespace"),
        ({"job": "nightly"}, "job"),
    ],
)
def test_what_an_event_lacks_is_named_without_what_was_sent(changes: dict[str, Any], place: str):
    with pytest.raises(BadUserInput, match=f"^{place}: ") as error:
        read(**changes, producer="hunter2")

    assert "hunter2" not in error.value.message


INVALID: list[Any] = [
    {"parent": "run-0"},
    {"parent": {"run": {}}},
    {"errorMessage": {"message": 5}},
    {"tags": {"tags": {}}},
    {"airflow": {"taskInstance": []}},
    {"airflowState": {"tasksState": [1]}},
    {"dbt_run": None},
    {"unknown": {"deep": [[[]]]}},
    [],
]


@pytest.mark.parametrize("facets", INVALID)
def test_a_facet_that_is_not_valid_costs_no_event(facets: Any):
    event = read(run={"runId": "run-1", "facets": facets}, inputs=[5, {"name": 5}], outputs={})

    assert event.run.run_id == "run-1"
    assert event.outputs is None


def test_a_facet_is_read_where_others_are_not_valid():
    facets = {"parent": {"run": {"runId": "run-0"}, "root": 5}, "tags": 5}

    event = read(run={"runId": "run-1", "facets": facets})

    assert event.run.facets is not None
    assert event.run.facets.parent is not None
    assert (event.run.facets.parent.run_id, event.run.facets.parent.root_run_id) == ("run-0", None)
