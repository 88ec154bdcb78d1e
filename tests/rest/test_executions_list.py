"""The list of executions, through a real server."""

from datetime import timedelta
from itertools import chain

import pytest
from pydantic import SecretStr

from execution_monitor.rest.openapi import DOCUMENT_PATH, STREAM_PATH
from execution_monitor.settings import Settings
from tests.rest.client import Fetch, Store
from tests.rest.documents import A_FAILED_EXECUTION, START, an_execution, executions
from tests.support.client import EXECUTIONS_PATH
from tests.support.tokens import SECRET

COUNT_LIMIT = 30


@pytest.fixture
def settings(mongodb_uri: str, database_name: str) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        count_limit=COUNT_LIMIT,
    )


async def ids(fetch: Fetch, query: str) -> list[str]:
    response = await fetch(f"{EXECUTIONS_PATH}?{query}")
    assert response.status_code == 200, response.text
    return [each["execution_id"] for each in response.json()["executions"]]


async def test_a_list_has_the_fields_that_existing_clients_read(fetch: Fetch, store: Store):
    await store([A_FAILED_EXECUTION])

    response = await fetch(EXECUTIONS_PATH)

    facts = {"total": 1, "total_is_exact": True, "page": 1, "page_size": 20, "has_more": False, "search_complete": True}
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        **facts,
        "pagination": {**facts, "next_cursor": None},
        "executions": [
            {
                "id": "run-1",
                "execution_id": "run-1",
                "workflow_name": "nightly",
                "workflow_template_id": "nightly-v2",
                "status": "failed",
                "created": "2026-01-01T00:00:00.000Z",
                "started_at": "2026-01-01T00:00:05.000Z",
                "completed_at": "2026-01-01T00:01:35.000Z",
                "total_duration": 90.0,
                "duration": 90.0,
                "start_time": "2026-01-01T00:00:05.000Z",
                "end_time": "2026-01-01T00:01:35.000Z",
                "steps_completed": 1,
                "steps_failed": 1,
                "total_cost": 0.5,
                "tokens_used": 14_162_275_774,
                "triggered_by": "schedule",
                "user_id": "ada",
                "progress": {"current_step": 1, "total_steps": 2, "percentage": 50.0},
                "error": "Disk full.",
            }
        ],
    }


async def test_an_execution_without_optional_fields_is_listed_with_their_defaults(fetch: Fetch, store: Store):
    await store([an_execution("bare")])

    (item,) = (await fetch(EXECUTIONS_PATH)).json()["executions"]

    assert item["status"] == "pending"
    assert item["progress"] == {"current_step": 0, "total_steps": 0, "percentage": 0.0}
    assert {name for name, value in item.items() if value is None} == {
        *("workflow_template_id", "started_at", "completed_at", "start_time", "end_time"),
        *("total_duration", "duration", "triggered_by", "error"),
    }


async def test_the_durations_of_a_running_execution_are_one_value(fetch: Fetch, store: Store):
    await store([an_execution("e", status="running", started_at=START)])

    (item,) = (await fetch(EXECUTIONS_PATH)).json()["executions"]

    assert item["total_duration"] == item["duration"] > 0


async def test_oddly_typed_values_do_not_fail_the_list(fetch: Fetch, store: Store):
    await store(
        [an_execution("odd", status=7, started_at="noon", total_duration="long", progress=[], error_details=["no"])]
    )

    (item,) = (await fetch(f"{EXECUTIONS_PATH}?sort_by=duration")).json()["executions"]

    assert (item["status"], item["started_at"], item["total_duration"]) == ("pending", None, None)
    assert item["error"] == "['no']"


async def test_the_list_of_a_caller_without_executions_is_empty(fetch: Fetch):
    answer = (await fetch(EXECUTIONS_PATH)).json()

    assert (answer["executions"], answer["total"], answer["has_more"]) == ([], 0, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("status=completed", ["done"], id="a status"),
        pytest.param("status=PENDING", ["waiting", "no-status"], id="pending is a missing status too"),
        pytest.param("status=completed&status=pending,running", ["waiting", "done", "no-status"], id="several"),
        pytest.param("workflow_id=w1", ["done", "no-status"], id="a template"),
        pytest.param("start_date=2026-01-01T00:01:00Z", ["waiting", "done"], id="from a time, inclusive"),
        pytest.param("end_date=2026-01-01T00:01:00Z", ["done", "no-status"], id="to a time, inclusive"),
        pytest.param("end_date=2026-01-01T02:01:00+02:00", ["done", "no-status"], id="with an offset, unescaped"),
        pytest.param("start_date=2026-01-01&end_date=2026-01-01", ["done", "no-status"], id="a day, all of it"),
        pytest.param("start_date=2026-01-03&end_date=2026-01-01", [], id="an end before the start"),
        pytest.param("status=completed&workflow_id=w2", [], id="conditions that exclude each other"),
    ],
)
async def test_filters_narrow_the_list(fetch: Fetch, store: Store, query: str, found: list[str]):
    await store(
        [
            an_execution("no-status", workflow_template_id="w1"),
            an_execution("done", workflow_template_id="w1", status="completed", created=START + timedelta(minutes=1)),
            an_execution("waiting", status="pending", created=START + timedelta(days=1)),
        ]
    )

    answer = (await fetch(f"{EXECUTIONS_PATH}?{query}")).json()

    assert [each["execution_id"] for each in answer["executions"]] == found
    assert answer["total"] == len(found)


@pytest.mark.parametrize(
    ("query", "in_order"),
    [
        ("", ["c", "b", "a"]),
        ("order=asc", ["a", "b", "c"]),
        ("sort_by=start_time:asc", ["c", "a", "b"]),
        ("sort_by=started_at", ["b", "a", "c"]),
        ("sort_by=end_time", ["a", "b", "c"]),
        ("sort_by=duration&order=asc", ["c", "b", "a"]),
    ],
)
async def test_the_list_has_the_requested_order(fetch: Fetch, store: Store, query: str, in_order: list[str]):
    hour = timedelta(hours=1)
    await store(
        [
            an_execution("a", started_at=START + hour, completed_at=START + 9 * hour, total_duration=9.0),
            an_execution("b", created=START + hour, started_at=START + 2 * hour, completed_at=START, total_duration=2),
            an_execution("c", created=START + 2 * hour),
        ]
    )

    assert await ids(fetch, query) == in_order


@pytest.mark.parametrize("order", ["created", "duration:asc"])
async def test_numbered_pages_and_cursors_walk_the_same_list(fetch: Fetch, store: Store, order: str):
    await store(executions(23))
    everything = await ids(fetch, f"sort_by={order}&limit=100")

    numbered = [await ids(fetch, f"sort_by={order}&page_size=5&page={page}") for page in range(1, 7)]
    walked: list[list[str]] = []
    cursor = ""
    while cursor is not None:
        answer = (await fetch(f"{EXECUTIONS_PATH}?sort_by={order}&page_size=5&cursor={cursor}")).json()
        walked.append([each["execution_id"] for each in answer["executions"]])
        cursor = answer["pagination"]["next_cursor"]

    assert [len(page) for page in walked] == [5, 5, 5, 5, 3]
    assert list(chain(*walked)) == list(chain(*numbered)) == everything
    assert len(everything) == 23


async def test_a_client_may_continue_with_a_cursor_from_any_numbered_page(fetch: Fetch, store: Store):
    await store(executions(9))
    second = (await fetch(f"{EXECUTIONS_PATH}?page=2&page_size=3")).json()

    third = (await fetch(f"{EXECUTIONS_PATH}?page_size=3&cursor={second['pagination']['next_cursor']}")).json()

    assert [each["execution_id"] for each in third["executions"]] == ["e2", "e1", "e0"]
    assert (second["page"], second["has_more"], second["pagination"]["has_more"]) == (2, True, True)
    assert (third["page"], third["has_more"], third["pagination"]["next_cursor"]) == (None, False, None)


async def test_a_total_is_counted_to_the_limit_and_says_so(fetch: Fetch, store: Store):
    await store(executions(COUNT_LIMIT))
    exact = (await fetch(EXECUTIONS_PATH)).json()
    await store([an_execution("one more")])

    more = (await fetch(EXECUTIONS_PATH)).json()

    assert (exact["total"], exact["total_is_exact"]) == (COUNT_LIMIT, True)
    assert (more["total"], more["total_is_exact"]) == (COUNT_LIMIT, False)
    assert more["pagination"]["total_is_exact"] is False


@pytest.mark.parametrize(
    ("query", "code", "detail"),
    [
        ("status=done", "BAD_USER_INPUT", "status must be one of pending, running, paused, completed, failed"),
        ("page=0", "BAD_USER_INPUT", "page must be a whole number from 1"),
        ("page_size=101", "BAD_USER_INPUT", "page_size must be a whole number from 1 to 100."),
        ("limit=-1", "BAD_USER_INPUT", "limit must be a whole number from 1 to 100."),
        ("page=2&page=2", "BAD_USER_INPUT", "page may be given only once."),
        ("page=101&page_size=100", "BAD_USER_INPUT", "next_cursor as cursor"),
        ("start_date=2026-01-31T10:00:00", "BAD_USER_INPUT", "start_date has no offset from UTC"),
        ("statuses=failed", "BAD_USER_INPUT", "There is no parameter statuses; did you mean status?"),
        ("cursor=forged", "INVALID_CURSOR", "This cursor is damaged"),
    ],
)
async def test_the_problem_for_a_wrong_parameter_says_what_to_do(fetch: Fetch, query: str, code: str, detail: str):
    response = await fetch(f"{EXECUTIONS_PATH}?{query}")

    problem = response.json()
    assert response.status_code == problem["status"] == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["title"], problem["code"]) == ("about:blank", "Bad Request", code)
    assert detail in problem["detail"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (f"{STREAM_PATH}?page=1", "There is no parameter page; known are: status, workflow_template_id, workflow_id."),
        (f"{EXECUTIONS_PATH}/e1?status=failed", "There is no parameter status; known are: none."),
        (f"{DOCUMENT_PATH}?version=1", "There is no parameter version; known are: none."),
    ],
)
async def test_no_endpoint_ignores_a_parameter(fetch: Fetch, path: str, detail: str):
    response = await fetch(path)

    assert (response.status_code, response.json()["code"]) == (400, "BAD_USER_INPUT")
    assert response.json()["detail"] == detail


@pytest.mark.parametrize("changed", ["status=failed", "sort_by=duration", "order=asc", "workflow_id=w"])
async def test_a_cursor_of_another_list_is_refused(fetch: Fetch, store: Store, changed: str):
    await store(executions(2))
    cursor = (await fetch(f"{EXECUTIONS_PATH}?limit=1")).json()["pagination"]["next_cursor"]

    response = await fetch(f"{EXECUTIONS_PATH}?limit=1&cursor={cursor}&{changed}")

    assert response.json()["code"] == "INVALID_CURSOR"


async def test_the_response_to_head_is_that_to_get_without_the_body(fetch: Fetch, store: Store):
    await store(executions(2))
    got = await fetch(EXECUTIONS_PATH)

    head = await fetch(EXECUTIONS_PATH, method="HEAD")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
