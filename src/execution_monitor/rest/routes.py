"""REST: the list and the detail of executions, for the clients that exist."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from execution_monitor.asgi.authentication import Admit
from execution_monitor.asgi.compression import COMPRESSED
from execution_monitor.asgi.operations import Kind, Observers, Operation
from execution_monitor.asgi.origin import origin_of
from execution_monitor.asgi.problems import NO_STORE
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import AnswerTooLarge, BadUserInput, NotFound, QueryTimeout
from execution_monitor.executions.children import ChildrenRequest
from execution_monitor.executions.services import Monitor
from execution_monitor.limits.streams import Sessions
from execution_monitor.live.service import Live
from execution_monitor.rest.list_request import ListRequest, read_list_request
from execution_monitor.rest.live import live_routes
from execution_monitor.rest.mapping import ITEM_FIELDS, detail_fields, show_detail, show_item, step_fields
from execution_monitor.rest.models import ExecutionDetail, ExecutionList, Pagination
from execution_monitor.rest.openapi import DETAIL_PATH, DOCUMENT_PATH, LIST_PATH, describe
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.pagination import DEFAULT_PAGE_SIZE, NEITHER, PageRequest, PageSelection
from execution_monitor.storage.records import ExecutionRecord

# All steps of nearly every workflow, and still an answer of bounded size.
MAX_STEPS = 1_000
# As in GraphQL: the execution, and its steps as if there were as many as on a usual page.
_DETAIL_COST = 2 + DEFAULT_PAGE_SIZE


def rest_routes(  # noqa: PLR0913 - what is asked, by whom, and within what
    monitor: Monitor, live: Live, admit: Admit, sessions: Sessions, observers: Observers, *, max_response_bytes: int
) -> list[BaseRoute]:
    """The routes under `/api/v1`, watched by `observers`. Failures are raised, for `problem_handlers` to answer."""
    document = describe()

    async def list_executions(request: Request) -> Response:
        caller = await admit(request.headers, origin_of(request.scope))
        name, query = "listExecutions", request.query_params
        try:
            asked = read_list_request(query)
        except BadUserInput:
            async with observers.watching(_operation(request, caller, name, query)):
                raise
        operation = _operation(request, caller, name, query, 1 + asked.page.size)
        async with observers.watching(operation) as outcome:
            found = await _list(monitor, caller, asked)
            outcome.answer_with(*[each.execution_id for each in found.executions])
            body = _render(found, max_response_bytes)
            outcome.payloads += 1
        return _respond(body, operation)

    async def get_execution(request: Request) -> Response:
        caller = await admit(request.headers, origin_of(request.scope))
        operation = _operation(request, caller, "getExecution", request.path_params, _DETAIL_COST)
        async with observers.watching(operation) as outcome:
            found = await _find(monitor, caller, request.path_params["execution_id"])
            outcome.answer_with(found.execution_id)
            body = _render(found, max_response_bytes)
            outcome.payloads += 1
        return _respond(body, operation)

    async def get_document(_: Request) -> Response:
        return Response(document, headers=NO_STORE, media_type="application/json")

    return [
        Route(LIST_PATH, list_executions, middleware=COMPRESSED),
        *live_routes(live, admit, sessions, observers),
        # An engine's id may hold a slash.
        Route(DETAIL_PATH.replace("}", ":path}"), get_execution, middleware=COMPRESSED),
        Route(DOCUMENT_PATH, get_document, middleware=COMPRESSED),
    ]


def _operation(request: Request, caller: Caller, name: str, arguments: Mapping[str, Any], cost: int = 1) -> Operation:
    origin = origin_of(request.scope)
    return Operation(caller, origin, Kind.REST, name, cost, arguments=lambda: {name: dict(arguments)})


async def _list(monitor: Monitor, caller: Caller, asked: ListRequest) -> ExecutionList:
    executions = monitor.executions
    wanted = PageSelection(ITEM_FIELDS | frozenset(asked.order.fields), neighbours=NEITHER)
    try:
        page = await executions.list(caller, asked.where, asked.order, asked.page, wanted)
        counted = await executions.count(caller, asked.where)
    except QueryTimeout as error:
        raise QueryTimeout(
            "MongoDB stopped this query at its time limit; a shorter time from start_date to end_date, "
            "or a status or workflow_template_id with the default order, would make it fast."
        ) from error
    pagination = Pagination(
        total=counted.total,
        total_is_exact=counted.is_exact,
        page=asked.page_number,
        page_size=asked.page.size,
        has_more=page.has_next,
        next_cursor=page.cursor_of(page.rows[-1]) if page.has_next else None,
    )
    return ExecutionList(
        **pagination.model_dump(exclude={"next_cursor"}),
        executions=[show_item(ExecutionRecord(row)) for row in page.rows],
        pagination=pagination,
    )


async def _find(monitor: Monitor, caller: Caller, execution_id: str) -> ExecutionDetail:
    row = await monitor.executions.find(caller, execution_id, detail_fields(caller))
    if row is None:
        raise NotFound("There is no such execution, or you may not see it.")
    request = ChildrenRequest(EVERYTHING, PageRequest(MAX_STEPS), step_fields(caller))
    steps = await monitor.steps.list(caller, [execution_id], request)
    return show_detail(caller, ExecutionRecord(row), steps[execution_id])


def _render(answer: BaseModel, max_bytes: int) -> bytes:
    body = answer.model_dump_json().encode()
    if len(body) > max_bytes:
        raise AnswerTooLarge(len(body), max_bytes)
    return body


def _respond(body: bytes, operation: Operation) -> Response:
    return Response(body, headers={**NO_STORE, **operation.allowance.headers}, media_type="application/json")
