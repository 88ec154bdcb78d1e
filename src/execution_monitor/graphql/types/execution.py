"""Executions: the type, and how one is resolved by its id."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.auth.caller import Scope
from execution_monitor.executions.children import MAX_STEPS
from execution_monitor.executions.retries import MAX_RETRIES, READ_FOR_RECOVERY, EndedRun
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.graphql.selection import LARGEST_LIST, LARGEST_PAGE, selected_by
from execution_monitor.graphql.types.connection import (
    IDENTITY,
    After,
    Before,
    First,
    Last,
    fields_to_read,
    reading,
    stored,
)
from execution_monitor.graphql.types.log_entry import ExecutionLogConnection, resolve_logs
from execution_monitor.graphql.types.node import Node, encode_id
from execution_monitor.graphql.types.step import (
    PAYLOAD_SCOPE,
    TOKENS_USED_DEPRECATED,
    ExecutionError,
    ExecutionStepConnection,
    FirstSteps,
    StepsFilter,
    resolve_steps,
)
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.records import ExecutionRecord
from execution_monitor.storage.rows import Row


@strawberry.type(description="How far an execution has got.")
class ExecutionProgress:
    """The progress that the record computes."""

    current_step: int = strawberry.field(description="The step it has reached, from 1; 0 before the first.")
    total_steps: int = strawberry.field(description="How many steps there are; 0 where unknown.")
    percentage: float = strawberry.field(description="The share that is done, 0 to 100.")


@strawberry.type(description="A label that executions can be found by.")
class Tag:
    """A tag, as stored."""

    key: str = strawberry.field(description="The name of the label, such as `team`.")
    value: str = strawberry.field(description="The value of the label, such as `billing`.")


ExecutionId = Annotated[
    str, strawberry.argument(description="The `executionId` that the engine gave it, within the caller's tenant.")
]


def _global_id(row: Row) -> strawberry.ID:
    record = ExecutionRecord(row)
    return encode_id("Execution", record.tenant_id, record.execution_id)


@strawberry.type(description="One run of a workflow.")
class Execution(Node):
    """An execution that the caller may see, from its stored row."""

    record: strawberry.Private[ExecutionRecord]

    execution_id: str = stored("execution_id", description="The id that the engine gave it; unique within the tenant.")
    name: str | None = stored("name", "execution_name", description="A display name of this run.")
    workflow_name: str = stored("workflow_name", description="The name of the workflow that runs.")
    workflow_template_id: str | None = stored(
        "workflow_template_id", description="The template that the workflow was made from."
    )
    status: ExecutionStatus = stored("status", description="The state it is in.")
    status_detail: str | None = stored(
        "status_detail", "status_detail", "status", description="The engine's own name for the state, where it has one."
    )
    created_at: datetime = stored(
        "created", "created", "_id", description="When it was submitted; the default order of lists."
    )
    started_at: datetime | None = stored("started_at", description="When its first step began.")
    completed_at: datetime | None = stored(
        "completed_at", description="When it reached a final state; null until then."
    )
    updated_at: datetime = stored("updated", "updated", "created", "_id", description="When it last changed.")
    duration_seconds: float | None = stored(
        "duration_seconds",
        "total_duration",
        "started_at",
        "completed_at",
        "status",
        description="Seconds from start to end, or until now while it runs.",
    )
    progress: ExecutionProgress = stored("progress", description="How far it has got.")
    steps_completed: int = stored("steps_completed", description="How many steps ended with success.")
    steps_failed: int = stored("steps_failed", description="How many steps ended with an error.")
    triggered_by: str | None = stored("triggered_by", description="The person, schedule or event that started it.")
    user_id: str = stored(
        "user_id", description="The owner, who may see it; others need the scope `executions:read:tenant`."
    )
    tenant_id: str = stored("tenant_id", description="The tenant it belongs to; no one outside may see it.")
    session_id: str | None = stored(
        "session_id", description="Groups the executions of one session of the engine's client."
    )
    attempt: int = stored("attempt", description="The number of this attempt, from 1.")
    parent_execution_id: str | None = stored(
        "parent_execution_id", description="The `executionId` of the execution that started this one."
    )
    retry_of_execution_id: str | None = stored(
        "retry_of_execution_id",
        description="The `executionId` of the execution that this one repeats, where retries are executions too.",
    )
    last_heartbeat_at: datetime | None = stored(
        "last_heartbeat_at", description="When its engine last said that it is alive, where that reports."
    )
    tags: list[Tag] = stored("tags", description="Its labels.")
    total_cost: float = stored("total_cost", description="What it has cost, in the engine's currency.")
    tokens: BigInt = stored("tokens", "tokens_used", description="Tokens of language models used by all steps.")
    tokens_used: int = stored(
        "tokens_used", description="As `tokens`, but ends at 2147483647.", deprecated=TOKENS_USED_DEPRECATED
    )
    error: ExecutionError | None = stored("error", "error_details", description="Why it failed; null if it did not.")

    performance: JSON | None = stored(
        "performance", "performance_data", description="Measurements of the engine, in its own format."
    )
    input_parameters: JSON | None = stored(
        "input_parameters", description=f"What it was started with. {PAYLOAD_SCOPE}", scope=Scope.EXECUTIONS_PAYLOAD
    )
    final_result: JSON | None = stored(
        "final_result", description=f"What it returned. {PAYLOAD_SCOPE}", scope=Scope.EXECUTIONS_PAYLOAD
    )

    @strawberry.field(
        description="A global id for `node` and caches; opaque.",
        metadata=reading("tenant_id", "execution_id", returns=_global_id),
    )
    def id(self) -> strawberry.ID:
        return _global_id(self.record.row)

    @strawberry.field(
        description="The execution that this one repeats; null when it repeats none that the caller may see.",
        metadata={**reading("retry_of_execution_id"), LARGEST_LIST: 1},
    )
    async def retry_of(self, info: ContextInfo) -> "Execution | None":
        repeated = self.record.retry_of_execution_id
        row = None if repeated is None else await info.context.executions.load((repeated, fields_of_execution(info)))
        return None if row is None else shown_executions(info, [row])[0]

    @strawberry.field(
        description=f"The executions that name it in `retryOfExecutionId`, oldest first, {MAX_RETRIES} at most.",
        metadata={**reading("execution_id"), LARGEST_LIST: MAX_RETRIES},
    )
    async def retries(self, info: ContextInfo) -> "list[Execution]":
        return shown_executions(
            info, await info.context.retries.load((self.record.execution_id, fields_of_execution(info)))
        )

    @strawberry.field(
        description=(
            "The `executionId` of the later attempt that completed, where this one failed, timed out or was cancelled: "
            "an execution that names it in `retryOfExecutionId`, or one of the same workflow with a higher `attempt` "
            "whose parent it is, also after further attempts that failed. An event shows what is known when it is "
            "sent; none is sent when a retry completes, since this execution does not change: read it again, or follow "
            "the retry."
        ),
        metadata={**reading(*READ_FOR_RECOVERY), LARGEST_LIST: 1},
    )
    async def recovered_by(self, info: ContextInfo) -> str | None:
        run = EndedRun.of(self.record.row)
        return None if run is None else await info.context.recoveries.load(run)

    @strawberry.field(
        description="Its steps in the order of the workflow; attempts kept as documents of their own are one each.",
        metadata={**reading("execution_id"), LARGEST_PAGE: MAX_STEPS},
    )
    async def steps(
        self,
        info: ContextInfo,
        *,
        filter: StepsFilter = UNSET,  # noqa: A002 - the API's name
        first: FirstSteps = UNSET,
        after: After = UNSET,
    ) -> ExecutionStepConnection:
        return await resolve_steps(info, self.record.execution_id, filter=filter, first=first, after=after)

    @strawberry.field(
        description="Its log lines, oldest first; `last` reads from the end.",
        metadata=reading("execution_id"),
    )
    async def logs(  # noqa: PLR0913 - the arguments of the field
        self,
        info: ContextInfo,
        *,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        min_level: Annotated[
            LogLevel | None, strawberry.argument(description="Only lines of this severity or a higher one.")
        ] = UNSET,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Only lines whose message contains this, in any case; ANSI escape codes do not count."
            ),
        ] = UNSET,
        step_id: Annotated[
            str | None,
            strawberry.argument(description="Only lines of the step, or of its attempts, with this `stepId`."),
        ] = UNSET,
    ) -> ExecutionLogConnection:
        return await resolve_logs(
            info,
            self.record.execution_id,
            first=first,
            after=after,
            last=last,
            before=before,
            min_level=min_level,
            search=search,
            step_id=step_id,
        )

    @classmethod
    def of(cls, row: Row) -> "Execution":
        """The execution that `row` stores."""
        return cls(record=ExecutionRecord(row))  # pyright: ignore[reportCallIssue] - fields with resolvers are not passed


def fields_of_execution(info: ContextInfo) -> frozenset[str]:
    """The stored fields that are selected of an execution."""
    return fields_to_read(Execution, selected_by(info)) | IDENTITY | {"_id"}


def shown_executions(info: ContextInfo, rows: Sequence[Row]) -> list[Execution]:
    """The executions of `rows`, counted in the outcome."""
    info.context.count_executions(rows)
    return [Execution.of(row) for row in rows]


async def resolve_execution(info: ContextInfo, execution_id: str) -> Execution | None:
    """The execution with this id, with the stored fields that are selected; None unless the caller may see it."""
    row = await info.context.monitor.executions.find(info.context.caller, execution_id, fields_of_execution(info))
    return None if row is None else shown_executions(info, [row])[0]
