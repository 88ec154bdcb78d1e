"""Links of alerts lead to the list and the execution in the dashboard, whatever stands in a filter or an id."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from execution_monitor.alerts.links import MAX_URL_LENGTH, Links

LINKS = Links("https://monitor.example.com/")
# What the dashboard's `parseFilter` reads, for filters of the API.
TEXTS: list[tuple[Any, str]] = [
    (None, ""),
    ({}, ""),
    ({"status": {"in": ["FAILED", "TIMED_OUT"]}}, "status:in(FAILED,TIMED_OUT)"),
    ({"status": {"eq": "FAILED"}, "userId": None}, "status:in(FAILED)"),
    ({"workflowName": {"startsWith": 'a (b), "c"'}}, 'workflowName:startsWith("a (b), \\"c\\"")'),
    (
        {"workflowName": {"contains": "Ä\u00a0\n", "isNull": False}},
        'workflowName:contains("Ä\u00a0\\n") workflowName:isNull(false)',
    ),
    ({"durationSeconds": {"gte": 60.5}, "tokens": {"lt": 5}}, "durationSeconds:gte(60.5) tokens:lt(5)"),
    ({"createdAt": {"withinSeconds": 86_400}}, "createdAt:gte(-86400s)"),
    ({"createdAt": {"withinSeconds": 864_000}}, "createdAt:gte(-14400m)"),
    ({"tags": {"key": "team", "value": "data,ops"}}, 'tags:has(team,"data,ops")'),
    ({"tags": {"key": "team"}}, "tags:has(team)"),
    (
        {"or": [{"status": {"notIn": ["RUNNING"]}}, {"userId": {"eq": "a"}, "errorCode": {"eq": "b"}}], "not": {}},
        "any(status:notIn(RUNNING) all(userId:eq(a) errorCode:eq(b))) not(all())",
    ),
    ({"and": [{"userId": {"eq": "a"}}, {"and": [{"userId": {"eq": "b"}}]}]}, "userId:eq(a) userId:eq(b)"),
    ({"userId": {"notIn": []}}, ""),
]


@pytest.mark.parametrize(("given", "text"), TEXTS)
def test_a_filter_of_the_api_is_written_as_the_dashboard_reads_it(given: Any, text: str):
    link = LINKS.of_list([given])

    assert link is not None
    assert parse_qs(urlsplit(link).query).get("filter", [""]) == [text]


def test_a_list_is_of_all_filters_from_a_time_on():
    filters = [{"userId": {"eq": "ada"}}, None, {"status": {"in": ["FAILED", "TIMED_OUT"]}}]

    link = LINKS.of_list(filters, datetime(2026, 11, 1, 10, 30, tzinfo=UTC), datetime(2026, 11, 1, 11, tzinfo=UTC))

    assert link == (
        "https://monitor.example.com/?filter=userId:eq(ada)%20status:in(FAILED,TIMED_OUT)"
        "&since=2026-11-01T10:30:00Z&until=2026-11-01T11:00:00Z"
    )
    assert LINKS.of_list([]) == "https://monitor.example.com/"


@pytest.mark.parametrize(
    "given",
    [
        {"userId": {"in": []}},
        {"userId": {"eq": ""}},
        {"createdAt": {"withinSeconds": 10_000_000_001}},
        {"userId": {"in": ["x" * MAX_URL_LENGTH]}},
    ],
    ids=["nothing", "empty", "age", "long"],
)
def test_what_the_dashboard_cannot_show_has_no_link(given: Any):
    assert LINKS.of_list([given]) is None


@pytest.mark.parametrize(
    ("execution_id", "path"),
    [
        ("run-1", "/executions/run-1"),
        ("a/b c", "/executions/a/b%20c"),
        ("a?b#c", "/executions/a%3Fb%23c"),
        ("a/../b", "/executions/?id=a%2F..%2Fb"),
        ("/a", "/executions/?id=%2Fa"),
        ("..", "/executions/?id=.."),
        ("a//b", "/executions/?id=a%2F%2Fb"),
    ],
)
def test_an_execution_has_a_page_whatever_its_id_is(execution_id: str, path: str):
    assert LINKS.of_execution(execution_id) == f"https://monitor.example.com{path}"


def test_without_an_address_there_are_no_links():
    assert (Links().of_list([]), Links().of_execution("run-1")) == (None, None)
