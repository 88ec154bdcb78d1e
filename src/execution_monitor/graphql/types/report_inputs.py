"""The inputs of the mutations that report executions, their steps and their log lines."""

from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.storage.documents import ExecutionStatus

_REPORTED_AT = (
    "When the sender knew this, by its own clock. Of two reports the one with the later time wins, whichever comes "
    "first; an end is undone by a later attempt alone."
)
_ATTEMPT = "The number of the attempt, from 1, which is the default. A later attempt undoes the end of the one before."
_COMPLETED_AT = "When the attempt ended; needs a `status` that is final, whose `reportedAt` it is by default."
_ERROR = "Why the attempt failed; needs a `status`."


@strawberry.input(description="How far an execution is.")
class ProgressInput:
    """A share of the steps."""

    current_step: int = strawberry.field(description="The step it has reached, from 1; 0 before the first.")
    total_steps: int = strawberry.field(description="How many steps there are.")


@strawberry.input(description="A label to find executions by.")
class TagInput:
    """A key and its value."""

    key: str = strawberry.field(description="The name of the label, such as `team`.")
    value: str = strawberry.field(description="The value of the label, such as `billing`.")


@strawberry.input(description="Why an execution or a step failed.")
class ExecutionErrorInput:
    """An error."""

    message: str = strawberry.field(description="What went wrong, in words.")
    code: str | None = strawberry.field(default=UNSET, description="A code to find it by, such as `MODEL_TIMEOUT`.")
    type: str | None = strawberry.field(
        default=UNSET, description="The class of the error, such as the name of an exception."
    )
    step_id: str | None = strawberry.field(default=UNSET, description="The `stepId` of the step that failed.")
    stack_trace: str | None = strawberry.field(default=UNSET, description="The stack trace, as text.")
    retryable: bool | None = strawberry.field(default=UNSET, description="Whether another attempt may succeed.")


@strawberry.input(
    description=(
        "What a program knows of an execution. What is left out or null is kept as it is. `status`, `statusDetail`, "
        "`completedAt` and `error` are one statement: a report with a status replaces the four. Without a status they "
        "are kept, and the report is a sign of life: whoever sends one must go on to do so every 30 seconds, or the "
        "execution counts as timed out until the next report."
    )
)
class ReportExecutionInput:
    """The input of `reportExecution`."""

    execution_id: str = strawberry.field(description="Its id, made by the sender; unique within the tenant.")
    reported_at: datetime = strawberry.field(description=_REPORTED_AT)
    workflow_name: str | None = strawberry.field(default=UNSET, description="The name of the workflow that runs.")
    status: ExecutionStatus | None = strawberry.field(default=UNSET, description="The state it is in.")
    status_detail: str | None = strawberry.field(
        default=UNSET, description="The sender's own name for the state; needs a `status`."
    )
    name: str | None = strawberry.field(default=UNSET, description="A display name of this run.")
    workflow_template_id: str | None = strawberry.field(
        default=UNSET, description="The template that the workflow was made from."
    )
    created_at: datetime | None = strawberry.field(
        default=UNSET, description="When it was submitted; by default when it was first reported."
    )
    started_at: datetime | None = strawberry.field(default=UNSET, description="When the attempt began.")
    completed_at: datetime | None = strawberry.field(default=UNSET, description=_COMPLETED_AT)
    progress: ProgressInput | None = strawberry.field(default=UNSET, description="How far it has got.")
    triggered_by: str | None = strawberry.field(
        default=UNSET, description="The person, schedule or event that started it."
    )
    session_id: str | None = strawberry.field(
        default=UNSET, description="Groups the executions of one session of the sender."
    )
    attempt: int | None = strawberry.field(default=UNSET, description=_ATTEMPT)
    parent_execution_id: str | None = strawberry.field(
        default=UNSET, description="The `executionId` of the execution that started this one."
    )
    retry_of_execution_id: str | None = strawberry.field(
        default=UNSET,
        description="The `executionId` of the execution that this one repeats, where retries are executions too.",
    )
    tags: list[TagInput] | None = strawberry.field(default=UNSET, description="Its labels: all of them.")
    total_cost: float | None = strawberry.field(
        default=UNSET, description="What it has cost, in your currency; by default what its steps have cost."
    )
    tokens: BigInt | None = strawberry.field(
        default=UNSET, description="Tokens of language models; by default those of its steps."
    )
    input_parameters: JSON | None = strawberry.field(
        default=UNSET, description="What it was started with; stored where the server keeps payloads."
    )
    final_result: JSON | None = strawberry.field(
        default=UNSET, description="What it returned; stored where the server keeps payloads."
    )
    performance: JSON | None = strawberry.field(
        default=UNSET, description="Measurements in your own format; their texts are stored as payloads are."
    )
    error: ExecutionErrorInput | None = strawberry.field(default=UNSET, description=_ERROR)


@strawberry.input(
    description=(
        "What a program knows of one step. What is left out or null is kept as it is. `status`, `completedAt` and "
        "`error` are one statement: a report with a status replaces the three."
    )
)
class ReportStepInput:
    """One step of `reportSteps`."""

    step_id: str = strawberry.field(description="Its id; unique within the execution, the same for all attempts.")
    reported_at: datetime = strawberry.field(description=_REPORTED_AT)
    name: str | None = strawberry.field(default=UNSET, description="Its display name; its id by default.")
    kind: str | None = strawberry.field(default=UNSET, description="The type of the task, in your words.")
    index: int | None = strawberry.field(default=UNSET, description="Its position in the workflow, from 0.")
    status: ExecutionStatus | None = strawberry.field(
        default=UNSET, description="The state it is in; PENDING where no report says it."
    )
    started_at: datetime | None = strawberry.field(default=UNSET, description="When the attempt began.")
    completed_at: datetime | None = strawberry.field(default=UNSET, description=_COMPLETED_AT)
    attempt: int | None = strawberry.field(default=UNSET, description=_ATTEMPT)
    depends_on: list[str] | None = strawberry.field(
        default=UNSET, description="The `stepId` of each step that it waits for."
    )
    cost: float | None = strawberry.field(default=UNSET, description="What it has cost, in your currency.")
    model: str | None = strawberry.field(
        default=UNSET, description="The language model that it called, as its provider names it."
    )
    input_tokens: BigInt | None = strawberry.field(default=UNSET, description="Tokens that the model was given.")
    output_tokens: BigInt | None = strawberry.field(default=UNSET, description="Tokens that the model returned.")
    cached_tokens: BigInt | None = strawberry.field(
        default=UNSET, description="Tokens of the input that came from the provider's cache."
    )
    input: JSON | None = strawberry.field(
        default=UNSET, description="What it was given; stored where the server keeps payloads."
    )
    result: JSON | None = strawberry.field(
        default=UNSET, description="What it returned; stored where the server keeps payloads."
    )
    error: ExecutionErrorInput | None = strawberry.field(default=UNSET, description=_ERROR)


@strawberry.input(description="Steps of one execution, which need not have been reported before.")
class ReportStepsInput:
    """The input of `reportSteps`."""

    execution_id: str = strawberry.field(description="The execution that they are steps of.")
    steps: list[ReportStepInput] = strawberry.field(description="At most 1,000.")


@strawberry.input(description="A log line.")
class LogEntryInput:
    """One line of `appendLogs`."""

    id: str = strawberry.field(
        description="Its id, made by the sender; unique within the execution. A line that is sent again is stored once."
    )
    at: datetime = strawberry.field(description="When it was written.")
    message: str = strawberry.field(description="The message; ANSI escape codes are kept.")
    level: str | None = strawberry.field(
        default=UNSET, description="The severity in any spelling, such as `WARN`, `fatal` or `30`; INFO by default."
    )
    step_id: str | None = strawberry.field(default=UNSET, description="The step that wrote it.")
    attributes: JSON | None = strawberry.field(
        default=UNSET, description="Further data; texts in it are stored where the server keeps payloads."
    )


@strawberry.input(description="Log lines of one execution, which need not have been reported before.")
class AppendLogsInput:
    """The input of `appendLogs`."""

    execution_id: str = strawberry.field(description="The execution that wrote them.")
    entries: list[LogEntryInput] = strawberry.field(description="At most 1,000.")
