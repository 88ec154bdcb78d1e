"""Log lines: the type, its connection, and the function that resolves it."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from execution_monitor.executions.children import ChildrenRequest, log_filter
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.connection import (
    EDGES,
    NODES,
    PAGE_INFO,
    PageInfo,
    fields_to_read,
    needs_cursors,
    page_request,
    stored,
)
from execution_monitor.storage.documents import LogLevel
from execution_monitor.storage.pagination import Page
from execution_monitor.storage.records import LogRecord
from execution_monitor.storage.rows import Row


@strawberry.type(description="One log line of an execution.")
class ExecutionLogEntry:
    """A log line, from its stored row; those who may see its execution may see it."""

    record: strawberry.Private[LogRecord]

    at: datetime = stored("at", "timestamp", description="When the line was written.")
    level: LogLevel = stored(
        "level", description="Its severity, whatever its spelling; INFO where the engine gave none, or an unknown one."
    )
    level_name: str | None = stored(
        "level_name", "level", description="The level as it was written, such as WARN or 3."
    )
    message: str = stored("message", description="The text of the line.")
    step_id: str | None = stored("step_id", description="The `stepId` of the step that wrote it.")

    attributes: JSON | None = stored("attributes", description="Structured data that the engine added to the line.")

    @classmethod
    def of(cls, row: Row) -> "ExecutionLogEntry":
        """The line that `row` stores."""
        return cls(record=LogRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="A log line with its cursor.")
class ExecutionLogEdge:
    """A log line with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: ExecutionLogEntry = strawberry.field(description="The log line.")

    @strawberry.field(description="The position of the line in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of log lines, oldest first.")
class ExecutionLogConnection:
    """A page of log lines."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[ExecutionLogEdge]:
        return [ExecutionLogEdge(page=self.page, node=ExecutionLogEntry.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[ExecutionLogEntry]:
        return [ExecutionLogEntry.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


def logs_request(  # noqa: PLR0913 - the arguments of the field
    fields: frozenset[str],
    *,
    cursors: bool,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    min_level: LogLevel | None = None,
    search: str | None = None,
    step_id: str | None = None,
) -> ChildrenRequest:
    """The page of log lines that the arguments of `logs` select, with the stored `fields`, and what `cursors` need.

    Raises:
        BadUserInput: an argument is wrong.
    """
    page = page_request(first=first, after=after, last=last, before=before)
    return ChildrenRequest(log_filter(present(min_level), present(search), present(step_id)), page, fields, cursors)


async def resolve_logs(info: ContextInfo, execution_id: str, **arguments: Any) -> ExecutionLogConnection:
    """The log lines of one execution, read with one query for all executions of its page.

    `arguments` are those of `logs_request`.
    """
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    cursors = needs_cursors(selected_by(info, "edges"), selected_by(info, "pageInfo"))
    request = logs_request(fields_to_read(ExecutionLogEntry, selected), cursors=cursors, **arguments)
    return ExecutionLogConnection(page=await info.context.logs.load((execution_id, request)))
