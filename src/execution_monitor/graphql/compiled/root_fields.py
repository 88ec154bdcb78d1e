"""The root fields that are compiled: what their arguments mean, and how they are read for a caller."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from execution_monitor.executions.children import PartsRequest
from execution_monitor.executions.counts import Counted
from execution_monitor.graphql.compiled.arguments import Arguments
from execution_monitor.graphql.compiled.fields import Field, NotCompilable
from execution_monitor.graphql.compiled.plans import (
    ChildPages,
    ChildrenPlan,
    ConnectionPlan,
    Read,
    RowPlan,
    plan_connection,
    plan_row,
)
from execution_monitor.graphql.compiled.serialisers import constant, emit_value
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.types.connection import IDENTITY
from execution_monitor.graphql.types.execution import Asked, executions_request
from execution_monitor.graphql.types.log_entry import logs_request
from execution_monitor.graphql.types.step import steps_request
from execution_monitor.graphql.types.viewer import Viewer
from execution_monitor.storage.pagination import Page, Row, Wanted

Ask = Callable[[Context], Awaitable[Any]]
PartsRequests = Mapping[ChildrenPlan, PartsRequest]


class ChildFailed(Exception):
    """Something below a root field failed: how much of the answer that takes is graphql-core's to say."""


class CountFailed(Exception):
    """A count failed at `field`; it may not be null, nor may anything around it."""

    def __init__(self, field: Field, error: Exception) -> None:
        super().__init__(field.name)
        self.field = field
        self.error = error


class Root(Protocol):
    """A root field, compiled."""

    @property
    def field(self) -> Field:
        """What is asked for."""
        ...

    def prepare(self, arguments: Arguments) -> Ask:
        """What reads the field for `arguments`; raises as the resolver does for arguments that it refuses."""
        ...


def plan_root_field(field: Field) -> Root:
    """The root that answers `field`; raises `NotCompilable` where graphql-core must."""
    match field.name:
        case "executions":
            return ExecutionsRoot(field, plan_connection(field))
        case "execution":
            return ExecutionRoot(field, plan_row(field))
        case "viewer" | "__typename":
            return PlainRoot(field)
        case _:
            raise NotCompilable(field.name)


@dataclass(frozen=True, slots=True)
class PlainRoot:
    """A root field that reads nothing."""

    field: Field

    def prepare(self, arguments: Arguments) -> Ask:  # noqa: ARG002 - it has none
        """What shows the caller, or names the type."""
        is_name = self.field.name == "__typename"
        emit = constant(self.field.parent.name) if is_name else emit_value(self.field)

        async def ask(context: Context) -> Any:
            return emit(Viewer.of(context.caller, context.live))

        return ask


@dataclass(frozen=True, slots=True)
class ExecutionRoot:
    """One execution by its id."""

    field: Field
    row: RowPlan

    def prepare(self, arguments: Arguments) -> Ask:
        """What reads the execution."""
        given = arguments.of(self.field)
        return partial(self._ask, given["execution_id"], _requests_of(self.row.parts, arguments))

    async def _ask(self, execution_id: str, requests: PartsRequests, context: Context) -> Any:
        fields = self.row.reads | IDENTITY | {"_id"}
        row = await context.monitor.executions.find(context.caller, execution_id, fields)
        if row is None:
            return None
        context.count_executions([row])
        parts = await _read_parts(context, [row], requests)
        return _show(lambda: self.row.show(row, parts))


@dataclass(frozen=True, slots=True)
class ExecutionsRoot:
    """A page of executions."""

    field: Field
    connection: ConnectionPlan

    def prepare(self, arguments: Arguments) -> Ask:
        """What reads the page."""
        asked = executions_request(**arguments.of(self.field))
        wanted = asked.wanted(
            self.connection.reads,
            self.connection.neighbours,
            rows=self.connection.shows_rows,
            cursors=self.connection.needs_cursors,
            snapshot=self.connection.is_live,
        )
        return partial(self._ask, asked, wanted, _requests_of(self.connection.parts, arguments))

    async def _ask(self, asked: Asked, wanted: Wanted, requests: PartsRequests, context: Context) -> Any:
        page, counted = await self._read(asked, wanted, context)
        if self.connection.shows_rows:
            context.count_executions(page.rows)
        if not requests and counted is None and not wanted.snapshot:
            return _show(lambda: self.connection.show(Read(page)))
        parts = await _read_parts(context, page.rows, requests)
        read_at = page.read_at
        live_cursor = None if read_at is None else context.live.cursor_at(context.caller, read_at)
        return _show(lambda: self.connection.show(Read(page, parts, counted, live_cursor)))

    async def _read(self, asked: Asked, wanted: Wanted, context: Context) -> tuple[Page, Counted | None]:
        executions = context.monitor.executions
        listing = executions.list(context.caller, asked.where, asked.order, asked.page, wanted)
        if self.connection.count is None:
            return await listing, None
        counting = executions.count_recently(context.caller, asked.where)
        page, counted = await asyncio.gather(listing, counting, return_exceptions=True)
        if isinstance(page, BaseException):
            raise page
        if isinstance(counted, Exception):
            raise CountFailed(self.connection.count, counted)
        if isinstance(counted, BaseException):
            raise counted
        return page, counted


def _show(show: Callable[[], Any]) -> Any:
    try:
        return show()
    except Exception as error:
        raise ChildFailed from error


def _requests_of(parts: Sequence[ChildrenPlan], arguments: Arguments) -> PartsRequests:
    # Of which rows a refused argument takes something depends on which rows there are.
    try:
        return {each: _request_of(each, arguments) for each in parts}
    except Exception as error:
        raise NotCompilable from error


def _request_of(part: ChildrenPlan, arguments: Arguments) -> PartsRequest:
    make = steps_request if part.field.name == "steps" else logs_request
    return make(part.connection.reads, **arguments.of(part.field))


async def _read_parts(context: Context, rows: Sequence[Row], requests: PartsRequests) -> ChildPages:
    """The parts of all `rows`, one query for each request that differs."""
    if not requests or not rows:
        return {}
    ids = [row["execution_id"] for row in rows]
    wanted = {(plan.field.name, request): None for plan, request in requests.items()}

    async def read(name: str, request: PartsRequest) -> Mapping[str, Page]:
        parts = context.monitor.steps if name == "steps" else context.monitor.logs
        return await parts.list(context.caller, ids, request)

    try:
        pages = await asyncio.gather(*(read(*each) for each in wanted))
    except Exception as error:
        raise ChildFailed from error
    found = dict(zip(wanted, pages, strict=True))
    return {plan: found[plan.field.name, request] for plan, request in requests.items()}
