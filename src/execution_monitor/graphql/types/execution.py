"""Executions in GraphQL: the type, its connection, and how both are read."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.auth.caller import Scope
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.executions.counts import Counted
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.inputs.sorting import ExecutionSort, to_order
from execution_monitor.graphql.selection import ContextInfo, selected_by
from execution_monitor.graphql.types.connection import (
    IDENTITY,
    PageInfo,
    fields_to_read,
    needed_neighbours,
    needs_cursors,
    page_request,
    reading,
    stored,
)
from execution_monitor.graphql.types.log_entry import ExecutionLogConnection, resolve_logs
from execution_monitor.graphql.types.node import Node, encode_id
from execution_monitor.graphql.types.step import PAYLOAD_SCOPE, ExecutionError, ExecutionStepConnection, resolve_steps
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.pagination import Neighbours, Page, PageRequest, Row, Wanted
from execution_monitor.storage.records import ExecutionRecord
from execution_monitor.storage.sorting import Order


@strawberry.type(description="How far an execution is.")
class ExecutionProgress:
    """Steps done, steps in all, and the share in percent."""

    current_step: int
    total_steps: int
    percentage: float = strawberry.field(description="0 to 100.")


@strawberry.type(description="A label to find executions by.")
class Tag:
    """A key and a value."""

    key: str
    value: str


def _global_id(row: Row) -> strawberry.ID:
    record = ExecutionRecord(row)
    return encode_id("Execution", record.tenant_id, record.execution_id)


@strawberry.type(description="One run of a workflow.")
class Execution(Node):
    """An execution that the caller may see."""

    record: strawberry.Private[ExecutionRecord]

    execution_id: str = stored("execution_id", description="Its id in the engine; unique within the tenant.")
    name: str | None = stored("name", "execution_name")
    workflow_name: str = stored("workflow_name")
    workflow_template_id: str | None = stored("workflow_template_id")
    status: ExecutionStatus = stored("status")
    status_detail: str | None = stored(
        "status_detail", "status_detail", "status", description="The engine's own name of the state, beside ours."
    )
    created_at: datetime = stored("created", "created", "_id")
    started_at: datetime | None = stored("started_at")
    completed_at: datetime | None = stored("completed_at")
    updated_at: datetime = stored("updated", "updated", "created", "_id")
    duration_seconds: float | None = stored(
        "duration_seconds",
        "total_duration",
        "started_at",
        "completed_at",
        "status",
        description="Seconds from start to end; to now while it runs.",
    )
    progress: ExecutionProgress = stored("progress")
    steps_completed: int = stored("steps_completed")
    steps_failed: int = stored("steps_failed")
    triggered_by: str | None = stored("triggered_by", description="The person or trigger that started it.")
    user_id: str = stored("user_id", description="The owner; visibility follows it.")
    tenant_id: str = stored("tenant_id")
    session_id: str | None = stored("session_id")
    attempt: int = stored("attempt", description="Which try this is, from 1.")
    parent_execution_id: str | None = stored("parent_execution_id")
    tags: list[Tag] = stored("tags")
    total_cost: float = stored("total_cost")
    tokens_used: int = stored("tokens_used")
    error: ExecutionError | None = stored("error", "error_details")

    performance: JSON | None = stored("performance", "performance_data", description="What the engine measured.")
    input_parameters: JSON | None = stored(
        "input_parameters", description=PAYLOAD_SCOPE, scope=Scope.EXECUTIONS_PAYLOAD
    )
    final_result: JSON | None = stored("final_result", description=PAYLOAD_SCOPE, scope=Scope.EXECUTIONS_PAYLOAD)

    @strawberry.field(
        description="A global id; opaque.", metadata=reading("tenant_id", "execution_id", shows=_global_id)
    )
    def id(self) -> strawberry.ID:
        """The global id."""
        return _global_id(self.record.row)

    @strawberry.field(
        description="Its steps in the order of the workflow; `first` is 20 by default, at most 100.",
        metadata=reading("execution_id"),
    )
    async def steps(
        self, info: ContextInfo, first: int | None = UNSET, after: str | None = UNSET
    ) -> ExecutionStepConnection:
        """A page of its steps."""
        return await resolve_steps(info, self.record.execution_id, first, after)

    @strawberry.field(
        description="Its log lines, oldest first; `last` reads from the end. 20 by default, at most 100.",
        metadata=reading("execution_id"),
    )
    async def logs(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        *,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        min_level: LogLevel | None = UNSET,
        search: str | None = UNSET,
    ) -> ExecutionLogConnection:
        """A page of its log lines."""
        return await resolve_logs(
            info,
            self.record.execution_id,
            first=first,
            after=after,
            last=last,
            before=before,
            min_level=min_level,
            search=search,
        )

    @classmethod
    def of(cls, row: Row) -> "Execution":
        """The execution that `row` stores."""
        return cls(record=ExecutionRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type
class ExecutionEdge:
    """An execution and its place."""

    page: strawberry.Private[Page]
    node: Execution

    @strawberry.field(description="The place of the execution in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        """The place of the execution."""
        return self.page.cursor_of(self.node.record.row)


class _Once:
    """A count that two fields show and one query answers."""

    def __init__(self, count: Callable[[], Awaitable[Counted]]) -> None:
        self._count = count
        self._asking = asyncio.Lock()
        self._found: Counted | ExecutionMonitorError | None = None

    async def get(self) -> Counted:
        async with self._asking:
            if self._found is None:
                try:
                    self._found = await self._count()
                except ExecutionMonitorError as error:
                    self._found = error
        if isinstance(self._found, ExecutionMonitorError):
            raise self._found
        return self._found


@strawberry.type(description="A page of executions.")
class ExecutionConnection:
    """A page, what lies around it, and how many there are."""

    page: strawberry.Private[Page]
    counted: strawberry.Private[_Once]

    @strawberry.field
    def edges(self) -> list[ExecutionEdge]:
        """Executions with their cursors."""
        return [ExecutionEdge(page=self.page, node=Execution.of(row)) for row in self.page.rows]

    @strawberry.field
    def nodes(self) -> list[Execution]:
        """Executions alone."""
        return [Execution.of(row) for row in self.page.rows]

    @strawberry.field
    def page_info(self) -> PageInfo:
        """Where the page lies."""
        return PageInfo(page=self.page)

    @strawberry.field(description="How many match, counted up to a limit (10,000 by default); it may be a second old.")
    async def total_count(self) -> int:
        """How many match, as far as was counted."""
        return (await self.counted.get()).total

    @strawberry.field(description="False when there are more than `totalCount`.")
    async def total_count_is_exact(self) -> bool:
        """Whether all were counted."""
        return (await self.counted.get()).is_exact

    @strawberry.field(
        description=(
            "The instant this page was read at. Subscribe with it as `after` and no change between page and stream is "
            "lost."
        )
    )
    def live_cursor(self, info: ContextInfo) -> str:
        """The instant this page was read at."""
        if self.page.read_at is None:
            raise ValueError("The page was not read from a snapshot.")
        return info.context.live.cursor_at(info.context.caller, self.page.read_at)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of executions the arguments of the field mean."""

    where: Filter
    order: Order
    page: PageRequest

    def wanted(
        self, fields: frozenset[str], neighbours: Neighbours, *, rows: bool, cursors: bool, snapshot: bool
    ) -> Wanted:
        """What is worth reading when the stored `fields` are shown, and what else of the page is."""
        if rows:
            fields |= IDENTITY
        return Wanted(
            fields=fields | frozenset(self.order.fields) if cursors else fields | {"_id"},
            neighbours=neighbours,
            snapshot=snapshot,
        )


def executions_asked(  # noqa: PLR0913 - the arguments of the field
    *,
    filter: ExecutionFilter | None = UNSET,  # noqa: A002 - the API's name
    sort: list[ExecutionSort] | None = UNSET,
    first: int | None = UNSET,
    after: str | None = UNSET,
    last: int | None = UNSET,
    before: str | None = UNSET,
) -> Asked:
    """What the arguments of `executions` mean; raises `BadUserInput` where they mean nothing."""
    page = page_request(first=first, after=after, last=last, before=before)
    return Asked(to_filter(filter), to_order(sort), page)


async def resolve_executions(info: ContextInfo, asked: Asked) -> ExecutionConnection:
    """One page of the executions that the caller may see, read for what is selected of it."""
    executions, caller = info.context.monitor.executions, info.context.caller
    connection, edges, page_info = selected_by(info), selected_by(info, "edges"), selected_by(info, "pageInfo")
    shows_rows = "edges" in connection or "nodes" in connection
    wanted = asked.wanted(
        fields_to_read(Execution, selected_by(info, "edges", "node"))
        | fields_to_read(Execution, selected_by(info, "nodes")),
        needed_neighbours(page_info),
        rows=shows_rows,
        cursors=needs_cursors(edges, page_info),
        snapshot="liveCursor" in connection,
    )
    page = await executions.list(caller, asked.where, asked.order, asked.page, wanted)
    if shows_rows:
        info.context.answer_with(page.rows)
    return ExecutionConnection(page=page, counted=_Once(lambda: executions.count_recently(caller, asked.where)))


async def resolve_execution(info: ContextInfo, execution_id: str) -> Execution | None:
    """The execution with this id, if the caller may see it, read for what is selected of it."""
    fields = fields_to_read(Execution, selected_by(info)) | IDENTITY | {"_id"}
    row = await info.context.monitor.executions.find(info.context.caller, execution_id, fields)
    if row is None:
        return None
    info.context.answer_with([row])
    return Execution.of(row)
