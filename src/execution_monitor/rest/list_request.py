"""The query parameters of the list of executions: their declarations, and the list request that they make."""

from dataclasses import dataclass
from datetime import datetime, time

from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput
from execution_monitor.executions.executions import stored_statuses
from execution_monitor.rest.parameters import (
    Choice,
    DateTimeOrDay,
    Parameter,
    RepeatableParameter,
    Text,
    WholeNumber,
    refuse_unknown,
)
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, PageRequest
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.storage.times import within

# MongoDB reads every row that a page skips: 120 ms for half a million.
MAX_DEPTH = 10_000

# Stored fields by the names that clients sort by.
_SORT_FIELDS = {
    "created": "created",
    "started_at": "started_at",
    "completed_at": "completed_at",
    "total_duration": "total_duration",
    "total_cost": "total_cost",
    "tokens_used": "tokens_used",
    "workflow_name": "workflow_name",
    "status": "status",
    "start_time": "started_at",
    "end_time": "completed_at",
    "duration": "total_duration",
}
_DIRECTIONS = ("asc", "desc")

STATUS = RepeatableParameter(
    "status",
    Choice(tuple(ExecutionStatus)),
    "Only executions in one of these states. Repeat it, or separate them by commas; case is ignored.",
)
WORKFLOW_TEMPLATE_ID: Parameter[str | None] = Parameter(
    "workflow_template_id", Text(), "Only executions made from this template.", None, aliases=("workflow_id",)
)
START_DATE: Parameter[datetime | None] = Parameter(
    "start_date",
    DateTimeOrDay(time.min),
    "Only executions created at this time or later: RFC 3339 with an offset, or a day, which begins at midnight UTC.",
    None,
)
END_DATE: Parameter[datetime | None] = Parameter(
    "end_date",
    DateTimeOrDay(time.max),
    "Only executions created at this time or earlier: RFC 3339 with an offset, or a day, all of which counts (UTC).",
    None,
)
SORT_BY = Parameter(
    "sort_by",
    Choice(tuple(f"{field}{suffix}" for suffix in ("", ":asc", ":desc") for field in _SORT_FIELDS)),
    "What to sort by; `field:asc` and `field:desc` set the order as well. Missing values come last when descending.",
    "created",
)
ORDER: Parameter[str | None] = Parameter(
    "order",
    Choice(_DIRECTIONS),
    "`asc` or `desc`; `desc` unless `sort_by` has an order, which it must not contradict.",
    None,
)
PAGE = Parameter(
    "page",
    WholeNumber(1, MAX_DEPTH),
    f"Which page, from 1, as far as the first {MAX_DEPTH:,} executions; beyond them use `cursor`.",
    1,
)
PAGE_SIZE = Parameter(
    "page_size", WholeNumber(1, MAX_PAGE_SIZE), "How many executions a page has.", DEFAULT_PAGE_SIZE, aliases=("limit",)
)
CURSOR: Parameter[str | None] = Parameter(
    "cursor",
    Text(),
    "`pagination.next_cursor` of the previous page, with the same filters and order; any depth is equally fast.",
    None,
)

LIVE_PARAMETERS = (STATUS, WORKFLOW_TEMPLATE_ID)
FILTER_PARAMETERS = (*LIVE_PARAMETERS, START_DATE, END_DATE)
PARAMETERS = (*FILTER_PARAMETERS, SORT_BY, ORDER, PAGE, PAGE_SIZE, CURSOR)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for one page of executions; `page_number` is None after a cursor."""

    where: Filter
    order: Order
    page: PageRequest
    page_number: int | None


def read_list_request(query: QueryParams) -> ListRequest:
    """Read a list request; raises `BadUserInput` for a parameter that is not valid or not known."""
    refuse_unknown(query, PARAMETERS)
    where, order = read_filter(query), read_order(query)
    number, size, cursor = PAGE.read(query), PAGE_SIZE.read(query), CURSOR.read(query)
    if cursor is not None:
        if number != 1:
            raise BadUserInput("cursor says where the page begins; leave page out.")
        return ListRequest(where, order, PageRequest(size, after=cursor), None)
    if number * size > MAX_DEPTH:
        raise BadUserInput(
            f"Pages reach {MAX_DEPTH:,} executions deep; go on from there with pagination.next_cursor as cursor."
        )
    return ListRequest(where, order, PageRequest(size, skipped=(number - 1) * size), number)


def read_live_filter(query: QueryParams) -> Filter:
    """Read a filter from `LIVE_PARAMETERS`; raises `BadUserInput` for one that is not valid, and for any other."""
    refuse_unknown(query, LIVE_PARAMETERS)
    return _read_named(query)


def _read_named(query: QueryParams) -> Filter:
    conditions: list[Filter] = []
    statuses, template = STATUS.read(query), WORKFLOW_TEMPLATE_ID.read(query)
    if statuses:
        conditions.append(OneOf("status", stored_statuses(statuses)))
    if template is not None:
        conditions.append(equals("workflow_template_id", template))
    return all_of(*conditions)


def read_filter(query: QueryParams) -> Filter:
    """Read the filter of `FILTER_PARAMETERS`; raises `BadUserInput` for one that is not valid."""
    start, end = START_DATE.read(query), END_DATE.read(query)
    named = _read_named(query)
    return named if start is None and end is None else all_of(named, within("created", gte=start, lte=end))


def read_order(query: QueryParams) -> Order:
    """Read the order of `SORT_BY` and `ORDER`; raises `BadUserInput` for one that is not valid."""
    field, _, direction = SORT_BY.read(query).partition(":")
    order = ORDER.read(query)
    if direction and order and direction != order:
        raise BadUserInput(f"sort_by says {direction} and order says {order}; give one of them.")
    return Order((SortKey(_SORT_FIELDS[field], (direction or order) != "asc"),))
