"""Steps: the type, its connection, and the function that resolves it."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.auth.caller import Scope
from execution_monitor.executions.children import MAX_STEPS, ChildrenRequest
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.graphql.inputs.operators import ExecutionStatusFilter, StringFilter
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.connection import (
    EDGES,
    NODES,
    PAGE_INFO,
    PageInfo,
    fields_to_read,
    needs_cursors,
    page_request,
    reading,
    stored,
)
from execution_monitor.graphql.types.node import Node, encode_id
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, NoneOf, OneOf, all_of
from execution_monitor.storage.pagination import Page
from execution_monitor.storage.records import StepRecord
from execution_monitor.storage.rows import Row

TOKENS_USED_DEPRECATED = "Select `tokens`, which is exact beyond 2147483647."
PAYLOAD_SCOPE = f"Needs the scope {Scope.EXECUTIONS_PAYLOAD.value}."


@strawberry.type(description="Why an execution or a step failed.")
class ExecutionError:
    """An error, as the engine stored it."""

    message: str = strawberry.field(description="What went wrong, in words.")
    code: str | None = strawberry.field(description="The engine's code of the error, such as `MODEL_TIMEOUT`.")
    type: str | None = strawberry.field(description="The class of the error, such as the name of an exception.")
    step_id: str | None = strawberry.field(description="The `stepId` of the step that failed.")
    stack_trace: str | None = strawberry.field(description="The stack trace, as the engine wrote it.")
    retryable: bool | None = strawberry.field(description="Whether another attempt may succeed.")


def _global_id(row: Row) -> strawberry.ID:
    record = StepRecord(row)
    return encode_id("ExecutionStep", record.tenant_id, record.execution_id, row["_id"])


@strawberry.type(description="One task of an execution.")
class ExecutionStep(Node):
    """A step, from its stored row; those who may see its execution may see it."""

    record: strawberry.Private[StepRecord]

    step_id: str = stored("step_id", description="The id that the engine gave it; several attempts may share it.")
    name: str = stored("name", "step_name", "step_id", description="Its display name.")
    kind: str | None = stored("kind", "step_type", description="The type of the task, as the engine names it.")
    index: int = stored("index", "step_index", description="Its position in the workflow, from 0.")
    status: ExecutionStatus = stored("status", description="The state it is in.")
    started_at: datetime | None = stored("started_at", description="When this attempt began.")
    completed_at: datetime | None = stored(
        "completed_at", description="When it reached a final state; null until then."
    )
    duration_seconds: float | None = stored(
        "duration_seconds",
        "duration",
        "started_at",
        "completed_at",
        "status",
        description="Seconds from start to end, or until now while it runs.",
    )
    attempt: int = stored("attempt", description="The number of this attempt, from 1.")
    depends_on: list[str] = stored("depends_on", description="The `stepId` of each step it waits for.")
    cost: float = stored("cost", description="What it has cost, in the engine's currency.")
    tokens: BigInt = stored("tokens", "tokens_used", description="Tokens of language models that it used.")
    tokens_used: int = stored(
        "tokens_used", description="As `tokens`, but ends at 2147483647.", deprecated=TOKENS_USED_DEPRECATED
    )
    model: str | None = stored("model", description="The language model that it called, as its provider names it.")
    input_tokens: BigInt | None = stored(
        "input_tokens", description="Tokens that the model was given; null if unknown."
    )
    output_tokens: BigInt | None = stored(
        "output_tokens", description="Tokens that the model returned; null if unknown."
    )
    cached_tokens: BigInt | None = stored(
        "cached_tokens", description="Tokens of the input that came from the provider's cache; null if unknown."
    )
    error: ExecutionError | None = stored("error", "error_details", description="Why it failed; null if it did not.")

    input: JSON | None = stored(
        "input", "input_data", description=f"What it was given. {PAYLOAD_SCOPE}", scope=Scope.EXECUTIONS_PAYLOAD
    )
    result: JSON | None = stored(
        "result", description=f"What it returned. {PAYLOAD_SCOPE}", scope=Scope.EXECUTIONS_PAYLOAD
    )

    @strawberry.field(
        description="A global id for `node` and caches; opaque.",
        metadata=reading("tenant_id", "execution_id", "_id", returns=_global_id),
    )
    def id(self) -> strawberry.ID:
        return _global_id(self.record.row)

    @classmethod
    def of(cls, row: Row) -> "ExecutionStep":
        """The step that `row` stores."""
        return cls(record=StepRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


@strawberry.type(description="A step with its cursor.")
class ExecutionStepEdge:
    """A step with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: ExecutionStep = strawberry.field(description="The step.")

    @strawberry.field(description="The position of the step in the list; pass it as `after`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


@strawberry.type(description="A page of steps, in the order of the workflow.")
class ExecutionStepConnection:
    """A page of steps."""

    page: strawberry.Private[Page]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[ExecutionStepEdge]:
        return [ExecutionStepEdge(page=self.page, node=ExecutionStep.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[ExecutionStep]:
        return [ExecutionStep.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)


@strawberry.input(description="Which steps to return. All given fields must match; an absent field matches everything.")
class ExecutionStepFilter:
    """The filter of the steps of an execution."""

    status: ExecutionStatusFilter | None = strawberry.field(default=UNSET, description="The state it is in.")
    name: StringFilter | None = strawberry.field(default=UNSET, description="Its display name.")

    def to_filter(self) -> Filter:
        """Translate it to the filter language of `storage`."""
        status, name = present(self.status), present(self.name)
        parts = [] if status is None else [*status.conditions("status")]
        if name is not None:
            # Where a step has no name, its id is shown as its name.
            nameless = OneOf("step_name", _NAMELESS)
            named = all_of(NoneOf("step_name", _NAMELESS), *name.conditions("step_name"))
            parts.append(AnyOf((named, all_of(nameless, *name.conditions("step_id")))))
        return all_of(*parts)


StepsFilter = Annotated[
    ExecutionStepFilter | None, strawberry.argument(description="Which of its steps; all when absent.")
]
FirstSteps = Annotated[
    int | None,
    strawberry.argument(description=f"Return this many from the start of the list: 20 by default, 1 to {MAX_STEPS:,}."),
]
_NAMELESS = (None, "")


def steps_request(
    fields: frozenset[str],
    *,
    cursors: bool,
    filter: ExecutionStepFilter | None = None,  # noqa: A002 - the API's name
    first: int | None = None,
    after: str | None = None,
) -> ChildrenRequest:
    """The page of steps that the arguments of `steps` select, with the stored `fields`, and what `cursors` need.

    Raises:
        BadUserInput: an argument is wrong.
    """
    page = page_request(first=first, after=after, largest=MAX_STEPS)
    return ChildrenRequest(filter.to_filter() if filter else EVERYTHING, page, fields, cursors)


async def resolve_steps(info: ContextInfo, execution_id: str, **arguments: Any) -> ExecutionStepConnection:
    """The steps of one execution, read with one query for all executions of its page.

    `arguments` are those of `steps_request`.
    """
    selected = {**selected_by(info, "edges", "node"), **selected_by(info, "nodes")}
    cursors = needs_cursors(selected_by(info, "edges"), selected_by(info, "pageInfo"))
    request = steps_request(fields_to_read(ExecutionStep, selected), cursors=cursors, **arguments)
    return ExecutionStepConnection(page=await info.context.steps.load((execution_id, request)))
