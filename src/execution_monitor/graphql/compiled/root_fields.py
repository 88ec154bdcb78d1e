"""The root fields that have plans: `executions`, `execution`, `viewer` and `__typename`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from execution_monitor.executions.children import ChildrenRequest, fields_of_visibility
from execution_monitor.executions.counts import CountResult
from execution_monitor.executions.retries import EndedRun
from execution_monitor.graphql.compiled.fields import Arguments, Field, NotCompilable
from execution_monitor.graphql.compiled.plans import (
    NOTHING_JOINED,
    ChildrenPlan,
    ConnectionPlan,
    Joined,
    Read,
    RowPlan,
    plan_connection,
    plan_row,
)
from execution_monitor.graphql.compiled.serialisers import constant, emit_value
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.types.connection import IDENTITY
from execution_monitor.graphql.types.execution_connection import ExecutionsRequest, executions_request
from execution_monitor.graphql.types.log_entry import logs_request
from execution_monitor.graphql.types.step import steps_request
from execution_monitor.graphql.types.viewer import Viewer
from execution_monitor.storage.pagination import Page, PageSelection
from execution_monitor.storage.rows import Row

# Resolves a root field for the caller of a context; returns JSON.
RootResolver = Callable[[Context], Awaitable[Any]]
ChildrenRequests = Mapping[ChildrenPlan, ChildrenRequest]


class ChildFailed(Exception):
    """Something below a root field failed; how much of the response becomes null is up to graphql-core."""


class CountFailed(Exception):
    """A count failed at `field`, which is non-null, as all around it is."""

    def __init__(self, field: Field, error: Exception) -> None:
        super().__init__(field.name)
        self.field = field
        self.error = error


class RootField(Protocol):
    """The plan of a root field."""

    @property
    def field(self) -> Field:
        """The selected field."""
        ...

    def bind(self, arguments: Arguments) -> RootResolver:
        """The resolver of the field with `arguments`; raises as the resolver of the schema does for wrong ones."""
        ...


def plan_root_field(field: Field) -> RootField:
    """The plan of the root field `field`.

    Raises:
        NotCompilable: graphql-core has to resolve it.
    """
    match field.name:
        case "executions":
            return ExecutionsField(field, plan_connection(field))
        case "execution":
            return ExecutionField(field, plan_row(field))
        case "viewer" | "__typename":
            return PlainField(field)
        case _:
            raise NotCompilable(field.name)


@dataclass(frozen=True, slots=True)
class PlainField:
    """`viewer` or `__typename`, which read nothing."""

    field: Field

    def bind(self, arguments: Arguments) -> RootResolver:  # noqa: ARG002 - it has none
        """A resolver that returns the caller, or the name of the type."""
        is_name = self.field.name == "__typename"
        emit = constant(self.field.parent.name) if is_name else emit_value(self.field)

        async def resolve(context: Context) -> Any:
            return emit(Viewer.of(context.caller, context.live))

        return resolve


@dataclass(frozen=True, slots=True)
class ExecutionField:
    """`execution`: one execution by its id."""

    field: Field
    row: RowPlan

    def bind(self, arguments: Arguments) -> RootResolver:
        """A resolver that reads the execution."""
        given = arguments.of(self.field)
        return partial(self._resolve, given["execution_id"], _requests_of(self.row.children, arguments))

    async def _resolve(self, execution_id: str, requests: ChildrenRequests, context: Context) -> Any:
        fields = self.row.reads | IDENTITY | {"_id"}
        if requests:
            fields |= fields_of_visibility(context.caller)
        row = await context.monitor.executions.find(context.caller, execution_id, fields)
        if row is None:
            return None
        context.count_executions([row])
        joined = await _join(context, [row], requests, recovers=bool(self.row.recoveries))
        return _complete(lambda: self.row.to_json(row, joined))


@dataclass(frozen=True, slots=True)
class ExecutionsField:
    """`executions`: a page of executions."""

    field: Field
    connection: ConnectionPlan

    def bind(self, arguments: Arguments) -> RootResolver:
        """A resolver that reads the page."""
        request = executions_request(**arguments.of(self.field))
        wanted = request.wanted(
            self.connection.reads,
            self.connection.neighbours,
            rows=self.connection.shows_rows,
            cursors=self.connection.needs_cursors,
            snapshot=self.connection.is_live,
        )
        return partial(self._resolve, request, wanted, _requests_of(self.connection.children, arguments))

    async def _resolve(
        self, request: ExecutionsRequest, wanted: PageSelection, requests: ChildrenRequests, context: Context
    ) -> Any:
        if requests and wanted.fields is not None:
            wanted = replace(wanted, fields=wanted.fields | fields_of_visibility(context.caller))
        page, counted = await self._read(request, wanted, context)
        context.outcome.examined += page.search.examined
        if self.connection.shows_rows:
            context.count_executions(page.rows)
        recovers = self.connection.recovers
        if not requests and not recovers and counted is None and not wanted.snapshot:
            return _complete(lambda: self.connection.to_json(Read(page)))
        joined = await _join(context, page.rows, requests, recovers=recovers)
        read_at = page.read_at
        live_cursor = None if read_at is None else context.live.cursor_at(context.caller, read_at)
        return _complete(lambda: self.connection.to_json(Read(page, joined, counted, live_cursor)))

    async def _read(
        self, request: ExecutionsRequest, wanted: PageSelection, context: Context
    ) -> tuple[Page, CountResult | None]:
        executions = context.monitor.executions
        listing = executions.list(context.caller, request.where, request.order, request.page, wanted)
        if self.connection.count is None:
            return await listing, None
        counting = executions.count_cached(context.caller, request.where, request.page)
        page, counted = await asyncio.gather(listing, counting, return_exceptions=True)
        if isinstance(page, BaseException):
            raise page
        if isinstance(counted, Exception):
            raise CountFailed(self.connection.count, counted)
        if isinstance(counted, BaseException):
            raise counted
        return page, counted


def _complete(to_json: Callable[[], Any]) -> Any:
    """Complete a value that was read (GraphQL, section 6.4.3)."""
    try:
        return to_json()
    except Exception as error:
        raise ChildFailed from error


def _requests_of(children: Sequence[ChildrenPlan], arguments: Arguments) -> ChildrenRequests:
    # Which rows a refused argument makes null depends on which rows there are.
    try:
        return {each: _request_of(each, arguments) for each in children}
    except Exception as error:
        raise NotCompilable from error


def _request_of(child: ChildrenPlan, arguments: Arguments) -> ChildrenRequest:
    make = steps_request if child.field.name == "steps" else logs_request
    return make(child.connection.reads, cursors=child.connection.needs_cursors, **arguments.of(child.field))


async def _join(context: Context, rows: Sequence[Row], requests: ChildrenRequests, *, recovers: bool) -> Joined:
    """The steps and log lines of all `rows`, by one query for each different page, and what recovered them."""
    if not (requests or recovers) or not rows:
        return NOTHING_JOINED
    try:
        children, recoveries = await asyncio.gather(
            _read_children(context, rows, requests), _find_recoveries(context, rows if recovers else ())
        )
    except Exception as error:
        raise ChildFailed from error
    return Joined(children, recoveries)


async def _read_children(
    context: Context, rows: Sequence[Row], requests: ChildrenRequests
) -> Mapping[ChildrenPlan, Mapping[str, Page]]:
    ids = [row["execution_id"] for row in rows] if requests else ()
    wanted = {(plan.field.name, request): None for plan, request in requests.items()}

    async def read(name: str, request: ChildrenRequest) -> Mapping[str, Page]:
        collection = context.monitor.steps if name == "steps" else context.monitor.logs
        return await collection.list(context.caller, ids, request, seen=rows)

    found = dict(zip(wanted, await asyncio.gather(*(read(*each) for each in wanted)), strict=True))
    return {plan: found[plan.field.name, request] for plan, request in requests.items()}


async def _find_recoveries(context: Context, rows: Sequence[Row]) -> Mapping[str, str]:
    runs = [run for row in rows if (run := EndedRun.of(row)) is not None]
    return await context.monitor.retries.find_recoveries(context.caller, runs)
