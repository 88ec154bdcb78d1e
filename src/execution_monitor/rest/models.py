"""What REST answers with. The same models make the answers and the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from execution_monitor.storage.documents import ExecutionStatus, Progress, Tag


def _spell(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond. With Z, since a plus sent back in a URL would mean a space."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


Moment = Annotated[
    datetime, PlainSerializer(_spell, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExecutionError(_Answer):
    """Why an execution or a step failed, as the engine reported it."""

    message: str
    code: str | None
    type: str | None
    step_id: str | None
    stack_trace: str | None
    retryable: bool | None


class ExecutionItem(_Answer):
    """An execution in a list."""

    id: str = Field(description="The same as `execution_id`.")
    execution_id: str = Field(description="Its id in the engine; unique within the tenant.")
    workflow_name: str
    workflow_template_id: str | None
    status: ExecutionStatus
    created: Moment
    started_at: Moment | None
    completed_at: Moment | None
    total_duration: float | None = Field(description="Seconds from start to end; to now while it runs.")
    duration: float | None = Field(description="The same as `total_duration`.")
    start_time: Moment | None = Field(description="The same as `started_at`.")
    end_time: Moment | None = Field(description="The same as `completed_at`.")
    steps_completed: int
    steps_failed: int
    total_cost: float
    tokens_used: int
    triggered_by: str | None = Field(description="The person or trigger that started it.")
    user_id: str = Field(description="The owner; visibility follows it.")
    progress: Progress
    error: str | None = Field(description="Why it failed, in a sentence.")


class _PageFacts(_Answer):
    total: int = Field(description="How many match, counted up to a limit (10,000 by default).")
    total_is_exact: bool = Field(description="False when there are more than `total`.")
    page: int | None = Field(description="The page's number, from 1; null behind a cursor.")
    page_size: int = Field(description="How many executions the page may have.")
    has_more: bool = Field(description="Whether more follow.")


class Pagination(_PageFacts):
    """Where a page lies in its list."""

    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class ExecutionList(_PageFacts):
    """A page of executions."""

    executions: list[ExecutionItem]
    pagination: Pagination


class StepItem(_Answer):
    """A step of an execution. `input_data` and `result` are null without the scope `executions:payload`."""

    step_id: str
    step_name: str
    step_type: str | None = Field(description="What sort of task it is, in the engine's words.")
    step_index: int = Field(description="Its place in the workflow, from 0.")
    status: ExecutionStatus
    started_at: Moment | None
    completed_at: Moment | None
    duration: float | None = Field(description="Seconds from start to end; to now while it runs.")
    attempt: int = Field(description="Which try this is, from 1.")
    depends_on: list[str] = Field(description="The `step_id` of each step it waits for.")
    cost: float
    tokens_used: int
    input_data: Any
    result: Any
    error: str | None = Field(description="Why it failed, in a sentence.")
    error_details: ExecutionError | None


class Omission(_Answer):
    """Fields that are null because the caller may not see them."""

    code: str
    detail: str
    fields: list[str]


class ExecutionDetail(ExecutionItem):
    """An execution with its steps. What needs the scope `executions:payload` is null without it; `warnings` says so."""

    execution_name: str | None = Field(description="What people call this run.")
    status_detail: str | None = Field(description="The engine's own name of the state, beside ours.")
    updated: Moment
    tenant_id: str
    session_id: str | None
    attempt: int = Field(description="Which try this is, from 1.")
    parent_execution_id: str | None
    tags: list[Tag]
    performance_data: Any = Field(description="What the engine measured.")
    error_details: ExecutionError | None
    input_parameters: Any = Field(description="What it was given. Needs the scope `executions:payload`.")
    final_result: Any = Field(description="What it gave. Needs the scope `executions:payload`.")
    steps: list[StepItem] = Field(description="Its first 1,000 steps, in the order of the workflow.")
    steps_truncated: bool = Field(description="Whether there are more steps than these.")
    step_results: dict[str, Any] | None = Field(
        description="What each of these steps gave, by `step_id`. Needs the scope `executions:payload`."
    )
    warnings: list[Omission]
