"""REST routes: pages of executions, one with its steps, statistics, live updates, and the OpenAPI document."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from execution_monitor.asgi.compression import COMPRESSED
from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.asgi.operations import Outcome
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, NotFound, QueryTimeout
from execution_monitor.executions.children import MAX_STEPS, ChildrenRequest
from execution_monitor.executions.retries import EndedRun
from execution_monitor.executions.services import Monitor
from execution_monitor.rest.export import export_route
from execution_monitor.rest.export_request import ReadArgumentFilter
from execution_monitor.rest.list_request import ListRequest, read_list_request
from execution_monitor.rest.live import live_routes
from execution_monitor.rest.mapping import ITEM_FIELDS, detail_fields, show_detail, show_item, step_fields
from execution_monitor.rest.models import ExecutionDetail, ExecutionList, Pagination
from execution_monitor.rest.openapi import DETAIL_PATH, DOCUMENT_PATH, describe
from execution_monitor.rest.parameters import refuse_unknown
from execution_monitor.rest.paths import LIST_PATH
from execution_monitor.rest.responses import operation_of, render, respond
from execution_monitor.rest.statistics import statistics_route
from execution_monitor.services import RequestServices
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.pagination import DEFAULT_PAGE_SIZE, NEITHER, PageRequest, PageSelection
from execution_monitor.storage.records import ExecutionRecord

# All steps of nearly every workflow, within a response of bounded size.
# As in GraphQL: the execution and a default page of steps.
_DETAIL_COST = 2 + DEFAULT_PAGE_SIZE


def rest_routes(services: RequestServices, read_argument: ReadArgumentFilter) -> list[BaseRoute]:
    """The routes under `/api/v1`. Handlers raise what fails, and `problem_handlers` turn that into responses.

    `read_argument` reads the JSON of GraphQL's filters.
    """
    return [
        Route(LIST_PATH, partial(list_executions, services), middleware=COMPRESSED),
        *live_routes(services),
        statistics_route(services),
        export_route(services, read_argument),
        # An engine's id may hold a slash.
        Route(DETAIL_PATH.replace("}", ":path}"), partial(get_execution, services), middleware=COMPRESSED),
        Route(DOCUMENT_PATH, partial(get_document, describe()), middleware=COMPRESSED),
    ]


async def list_executions(services: RequestServices, request: Request) -> Response:
    """Respond with a page of executions, as `request`'s query parameters select it."""
    caller = await services.admit(request.headers, origin_of(request.scope))
    name, query = "listExecutions", request.query_params
    try:
        list_request = read_list_request(query)
    except BadUserInput as error:
        await services.observers.refused(operation_of(request, caller, name, query), error)
        raise
    operation = operation_of(request, caller, name, query, 1 + list_request.page.size)
    async with services.observers.observe(operation) as outcome:
        page = await _list(services.monitor, caller, list_request, outcome)
        outcome.answer_with(*[each.execution_id for each in page.executions])
        body = render(page, services.max_response_bytes)
        outcome.payloads += 1
    return respond(body, operation)


async def get_execution(services: RequestServices, request: Request) -> Response:
    """Respond with the execution in the path of `request`, and its steps."""
    caller = await services.admit(request.headers, origin_of(request.scope))
    name, arguments = "getExecution", request.path_params
    try:
        refuse_unknown(request.query_params, ())
    except BadUserInput as error:
        await services.observers.refused(operation_of(request, caller, name, arguments), error)
        raise
    operation = operation_of(request, caller, name, arguments, _DETAIL_COST)
    async with services.observers.observe(operation) as outcome:
        found = await _find(services.monitor, caller, request.path_params["execution_id"])
        outcome.answer_with(found.execution_id)
        body = render(found, services.max_response_bytes)
        outcome.payloads += 1
    return respond(body, operation)


async def get_document(document: bytes, request: Request) -> Response:
    """Respond with the OpenAPI `document`."""
    refuse_unknown(request.query_params, ())
    return Response(document, headers=NO_STORE, media_type="application/json")


async def _list(monitor: Monitor, caller: Caller, list_request: ListRequest, outcome: Outcome) -> ExecutionList:
    executions = monitor.executions
    wanted = PageSelection(ITEM_FIELDS | frozenset(list_request.order.fields), neighbours=NEITHER)
    try:
        listing = executions.list(caller, list_request.where, list_request.order, list_request.page, wanted)
        counting = executions.count(caller, list_request.where)
        # Both end before the response, also where one of them fails.
        page, counted = await asyncio.gather(listing, counting, return_exceptions=True)
        if isinstance(page, BaseException):
            raise page
        if isinstance(counted, BaseException):
            raise counted
    except QueryTimeout as error:
        raise QueryTimeout(
            "MongoDB stopped this query at its time limit; a shorter time from start_date to end_date, "
            "or a status or workflow_template_id with the default order, would make it fast."
        ) from error
    outcome.examined += page.search.examined
    pagination = Pagination(
        total=counted.total,
        total_is_exact=counted.is_exact,
        page=list_request.page_number,
        page_size=list_request.page.size,
        has_more=page.has_next,
        search_complete=page.search.is_complete,
        next_cursor=page.end_cursor if page.has_next else None,
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
    run = EndedRun.of(row)
    steps, recovered = await asyncio.gather(
        monitor.steps.list(caller, [execution_id], request),
        monitor.retries.find_recoveries(caller, [] if run is None else [run]),
    )
    return show_detail(caller, ExecutionRecord(row), steps[execution_id], recovered.get(execution_id))
