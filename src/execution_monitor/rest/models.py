"""The models of REST responses, which also describe them in the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from execution_monitor.storage.documents import ExecutionStatus, Progress, Tag


def show_time(timestamp: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond. With Z, since a plus sent back in a URL would mean a space."""
    return f"{timestamp.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


Timestamp = Annotated[
    datetime, PlainSerializer(show_time, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExecutionError(_Model):
    """Why an execution or a step failed, as the engine reported it."""

    message: str
    code: str | None
    type: str | None
    step_id: str | None
    stack_trace: str | None
    retryable: bool | None


class ExecutionItem(_Model):
    """An execution in a list."""

    id: str = Field(description="The same as `execution_id`.")
    execution_id: str = Field(description="Its id in the engine; unique within the tenant.")
    workflow_name: str
    workflow_template_id: str | None
    status: ExecutionStatus
    created: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None
    total_duration: float | None = Field(description="Seconds from start to end; to now while it runs.")
    duration: float | None = Field(description="The same as `total_duration`.")
    start_time: Timestamp | None = Field(description="The same as `started_at`.")
    end_time: Timestamp | None = Field(description="The same as `completed_at`.")
    steps_completed: int
    steps_failed: int
    total_cost: float
    tokens_used: int = Field(description="Tokens of language models; exact up to 2^53.")
    triggered_by: str | None = Field(description="The person or trigger that started it.")
    user_id: str = Field(description="The owner; visibility follows it.")
    progress: Progress
    error: str | None = Field(description="Why it failed, in a sentence.")


class _PageInfo(_Model):
    total: int = Field(description="How many match, counted up to a limit (10,000 by default).")
    total_is_exact: bool = Field(description="False when there are more than `total`.")
    page: int | None = Field(description="The page's number, from 1; null after a cursor.")
    page_size: int = Field(description="How many executions the page may have.")
    has_more: bool = Field(description="Whether there are more after this page, or may be where time ended the search.")
    search_complete: bool = Field(
        description=(
            "False when the search for this page was cut by time: it has fewer executions, or none, and "
            "`pagination.next_cursor` goes on from there."
        )
    )


class Pagination(_PageInfo):
    """The position of a page in its list."""

    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class ExecutionList(_PageInfo):
    """A page of executions."""

    executions: list[ExecutionItem]
    pagination: Pagination


class StepItem(_Model):
    """A step of an execution. `input_data` and `result` are null without the scope `executions:payload`."""

    step_id: str
    step_name: str
    step_type: str | None = Field(description="The kind of task, in the engine's words.")
    step_index: int = Field(description="Its position in the workflow, from 0.")
    status: ExecutionStatus
    started_at: Timestamp | None
    completed_at: Timestamp | None
    duration: float | None = Field(description="Seconds from start to end; to now while it runs.")
    attempt: int = Field(description="Which try this is, from 1.")
    depends_on: list[str] = Field(description="The `step_id` of each step it waits for.")
    cost: float
    tokens_used: int = Field(description="Tokens of language models; exact up to 2^53.")
    model: str | None = Field(description="The language model that it called.")
    input_tokens: int | None = Field(description="Tokens that the model was given; null if unknown.")
    output_tokens: int | None = Field(description="Tokens that the model returned; null if unknown.")
    cached_tokens: int | None = Field(description="Tokens of the input that came from a cache; null if unknown.")
    input_data: Any
    result: Any
    error: str | None = Field(description="Why it failed, in a sentence.")
    error_details: ExecutionError | None


class Omission(_Model):
    """Fields that are null because the caller may not see them."""

    code: str
    detail: str
    fields: list[str]


class ExecutionDetail(ExecutionItem):
    """An execution with its steps. What needs the scope `executions:payload` is null without it; `warnings` says so."""

    execution_name: str | None = Field(description="A name that people gave this run.")
    status_detail: str | None = Field(description="The engine's own name for the status.")
    updated: Timestamp
    tenant_id: str
    session_id: str | None
    attempt: int = Field(description="Which try this is, from 1.")
    parent_execution_id: str | None
    retry_of_execution_id: str | None = Field(description="The execution that this one repeats.")
    recovered_by: str | None = Field(
        description="Of one that failed, timed out or was cancelled: the later attempt that completed."
    )
    last_heartbeat_at: Timestamp | None = Field(description="When its engine last said that it is alive.")
    tags: list[Tag]
    performance_data: Any = Field(description="What the engine measured.")
    error_details: ExecutionError | None
    input_parameters: Any = Field(description="Its input. Needs the scope `executions:payload`.")
    final_result: Any = Field(description="Its result. Needs the scope `executions:payload`.")
    steps: list[StepItem] = Field(description="Its first 1,000 steps, in the order of the workflow.")
    steps_truncated: bool = Field(description="Whether there are more steps than these.")
    step_results: dict[str, Any] | None = Field(
        description="The result of each of these steps, by `step_id`. Needs the scope `executions:payload`."
    )
    warnings: list[Omission]
