"""List requests, read from query parameters."""

from datetime import UTC, datetime

import pytest
from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput
from execution_monitor.executions.executions import NEWEST_FIRST
from execution_monitor.rest.list_request import ListRequest, read_list_request
from execution_monitor.storage.coercion import FIRST_TIME
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, Range, all_of, equals
from execution_monitor.storage.pagination import PageRequest
from execution_monitor.storage.sorting import Order, SortKey

DAY = datetime(2026, 1, 31, tzinfo=UTC)


def read(query: str) -> ListRequest:
    return read_list_request(QueryParams(query))


def test_the_default_is_the_first_page_of_the_newest_executions():
    assert read("") == ListRequest(EVERYTHING, NEWEST_FIRST, PageRequest(20), 1)


@pytest.mark.parametrize("query", ["_=17", "include_steps=true", "tenant_id=globex", "Status=failed"])
def test_unknown_parameters_are_refused(query: str):
    with pytest.raises(BadUserInput, match=f"There is no parameter {query.partition('=')[0]}; "):
        read(query)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        pytest.param("status=failed", equals("status", "failed"), id="one status"),
        pytest.param("status=FAILED&status=timed_out", OneOf("status", ("failed", "timed_out")), id="two statuses"),
        pytest.param("status=pending", OneOf("status", ("pending", None)), id="pending, which a missing one means"),
        pytest.param("workflow_id=w", equals("workflow_template_id", "w"), id="the template"),
        pytest.param("workflow_template_id=w", equals("workflow_template_id", "w"), id="the template's other name"),
        pytest.param("start_date=2026-01-31", Range("created", gte=DAY), id="from a day"),
        pytest.param(
            "end_date=2026-01-31",
            Range("created", gte=FIRST_TIME, lte=datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC)),
            id="to a day's end",
        ),
        pytest.param(
            "status=failed&start_date=2026-01-31T00:00:00Z&end_date=2026-01-31T01:00:00%2B01:00",
            all_of(equals("status", "failed"), Range("created", gte=DAY, lte=DAY)),
            id="all of them hold",
        ),
    ],
)
def test_filters_are_conditions_on_stored_fields(query: str, where: Filter):
    assert read(query).where == where


@pytest.mark.parametrize(
    ("query", "field", "descending"),
    [
        ("sort_by=created", "created", True),
        ("sort_by=started_at&order=asc", "started_at", False),
        ("sort_by=completed_at&order=DESC", "completed_at", True),
        ("sort_by=total_duration", "total_duration", True),
        ("sort_by=start_time:desc", "started_at", True),
        ("sort_by=end_time:asc", "completed_at", False),
        ("sort_by=duration:asc&order=asc", "total_duration", False),
        ("order=asc", "created", False),
    ],
)
def test_an_order_has_a_field_and_a_direction(query: str, field: str, descending: bool):  # noqa: FBT001 - an expectation
    assert read(query).order == Order((SortKey(field, descending),))


@pytest.mark.parametrize(
    ("query", "page", "number"),
    [
        pytest.param("page=3", PageRequest(20, skipped=40), 3, id="a later page"),
        pytest.param("page=2&page_size=50", PageRequest(50, skipped=50), 2, id="of another size"),
        pytest.param("limit=5", PageRequest(5), 1, id="the size's other name"),
        pytest.param("page=100&page_size=100", PageRequest(100, skipped=9_900), 100, id="the deepest"),
        pytest.param("cursor=c&page=1", PageRequest(20, after="c"), None, id="after a cursor"),
    ],
)
def test_a_page_has_a_number_or_a_cursor(query: str, page: PageRequest, number: int | None):
    list_request = read(query)

    assert (list_request.page, list_request.page_number) == (page, number)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("page=501", "Pages reach 10,000 executions deep; go on.*cursor", id="too deep"),
        pytest.param("cursor=c&page=2", "cursor says where the page begins; leave page out", id="a page and a cursor"),
        pytest.param(
            "sort_by=created:desc&order=asc", "sort_by says desc and order says asc; give one", id="two orders"
        ),
        pytest.param("sort_by=user_id", "sort_by must be one of created, started_at", id="no sort field"),
        pytest.param("sort_by=created:down", "sort_by must be one of", id="no direction"),
        pytest.param("status=done", "status must be one of pending, running, paused, completed", id="no status"),
        pytest.param(
            "workflow_id=a&workflow_template_id=b", "workflow_template_id and workflow_id", id="two templates"
        ),
    ],
)
def test_the_error_for_a_contradiction_or_a_wrong_value_says_what_to_do(query: str, message: str):
    with pytest.raises(BadUserInput, match=message):
        read(query)
