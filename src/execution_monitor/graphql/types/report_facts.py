"""What the reports of mutations mean: inputs of GraphQL to facts for the writer.

Each report is checked whole before anything of it is added, so that a wrong one among many leaves nothing behind. What
it means follows from itself alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.types.report_inputs import (
    ExecutionErrorInput,
    LogEntryInput,
    ProgressInput,
    ReportExecutionInput,
    ReportStepInput,
    TagInput,
)
from execution_monitor.ingest.writer.facts import HEARSAY, MAX_ATTEMPT, OWN_WORD, DocumentFacts, Facts, check_id
from execution_monitor.storage.coercion import FIRST_TIME
from execution_monitor.storage.documents import ExecutionStatus, LogLevel

# A time of the sender decides which report wins; one that is far off would win for years.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_AHEAD = timedelta(days=1)
# Whoever does not state the status of an execution reports that it runs, where nobody has stated one.
_NO_ATTEMPT = 0


def add_execution(facts: Facts, report: ReportExecutionInput) -> None:
    """Add the `report` of an execution to `facts`.

    Raises:
        BadUserInput: a value of it is wrong.
    """
    at, attempt, error = _checked_report(report)
    created_at, started_at = _time(report.created_at), _time(report.started_at)
    known = {
        "execution_name": present(report.name),
        "workflow_name": present(report.workflow_name) or None,
        "workflow_template_id": present(report.workflow_template_id),
        "triggered_by": present(report.triggered_by),
        "session_id": present(report.session_id),
        "parent_execution_id": _id_of_another(report, report.parent_execution_id, "parentExecutionId"),
        "retry_of_execution_id": _id_of_another(report, report.retry_of_execution_id, "retryOfExecutionId"),
        "tags": _tags(present(report.tags)),
        "progress": _progress(present(report.progress)),
        "total_cost": _not_negative(report.total_cost, "totalCost"),
        "tokens_used": _not_negative(report.tokens, "tokens"),
        "input_parameters": present(report.input_parameters),
        "final_result": present(report.final_result),
        "performance_data": present(report.performance),
        "last_heartbeat_at": at if present(report.status) is None else None,
    }
    execution = facts.execution(report.execution_id)
    execution.set_known(known, at=at)
    if created_at is not None:
        execution.created(created_at)
    if started_at is not None:
        execution.started(started_at, attempt=attempt)
    if present(report.status) is None:
        _set_running(execution, at)
        if all(value is None for name, value in known.items() if name != "last_heartbeat_at"):
            # Nothing but a sign of life: a program that sends such sends them regularly.
            execution.beat(at)
    else:
        _set_outcome(execution, report, at, attempt, error=error, detail=present(report.status_detail))


def add_step(facts: Facts, execution_id: str, report: ReportStepInput) -> datetime:
    """Add the `report` of a step to `facts`; returns when it was made.

    Raises:
        BadUserInput: a value of it is wrong.
    """
    at, attempt, error = _checked_report(report)
    started_at = _time(report.started_at)
    depends_on = present(report.depends_on)
    for each in depends_on or ():
        check_id(each, "dependsOn")
    counted = [_not_negative(report.input_tokens, "inputTokens"), _not_negative(report.output_tokens, "outputTokens")]
    known = {
        "step_type": present(report.kind),
        "step_index": _not_negative(report.index, "index"),
        "depends_on": depends_on,
        "cost": _not_negative(report.cost, "cost"),
        "model": present(report.model),
        "input_tokens": counted[0],
        "output_tokens": counted[1],
        "cached_tokens": _not_negative(report.cached_tokens, "cachedTokens"),
        "input_data": present(report.input),
        "result": present(report.result),
        "step_name": present(report.name) or None,
    }
    step = facts.step(execution_id, report.step_id)
    step.set_known(known, at=at)
    parts = [each for each in counted if each is not None]
    if parts:
        # A report of one of the two is the total until a report has both.
        rank = OWN_WORD if len(parts) == len(counted) else HEARSAY
        step.set("tokens_used", {"tokens_used": sum(parts)}, at=at, rank=rank)
    if started_at is not None:
        step.started(started_at, attempt=attempt)
    if present(report.status) is None:
        step.outcome(ExecutionStatus.PENDING, at=at, attempt=_NO_ATTEMPT)
    else:
        _set_outcome(step, report, at, attempt, error=error)
    return at


def add_log_line(facts: Facts, execution_id: str, entry: LogEntryInput) -> datetime:
    """Add a log line to `facts`; returns when it was written.

    Raises:
        BadUserInput: a value of it is wrong.
    """
    at = _now_or_past(entry.at, "at")
    facts.log(
        execution_id,
        entry.id,
        at=at,
        message=entry.message,
        level=present(entry.level) or LogLevel.INFO,
        step_id=_id(entry.step_id, "stepId"),
        attributes=present(entry.attributes),
    )
    return at


def add_running(facts: Facts, execution_id: str, first: datetime, last: datetime) -> None:
    """Add what steps or log lines from `first` to `last` say of their execution: that it exists, and runs."""
    execution = facts.execution(execution_id)
    for at in (first, last):
        _set_running(execution, at)


def _checked_report(
    report: ReportExecutionInput | ReportStepInput,
) -> tuple[datetime, int, Mapping[str, Any] | None]:
    """When a report was made, its attempt, and its error."""
    at = _now_or_past(report.reported_at, "reportedAt")
    attempt = 1 if present(report.attempt) is None else report.attempt
    if attempt is None or not 1 <= attempt <= MAX_ATTEMPT:
        raise BadUserInput(f"attempt is {attempt:,}; it must be 1 to {MAX_ATTEMPT:,}.")
    status, completed_at, started_at = present(report.status), _time(report.completed_at), _time(report.started_at)
    if completed_at is not None and (status is None or not status.is_terminal):
        raise BadUserInput("completedAt needs a status that is final, such as COMPLETED or FAILED.")
    if status is None and present(report.error) is not None:
        raise BadUserInput("error needs a status, such as FAILED.")
    if status is None and isinstance(report, ReportExecutionInput) and present(report.status_detail) is not None:
        raise BadUserInput("statusDetail needs a status.")
    end = (completed_at or at) if status is not None and status.is_terminal else None
    if started_at is not None and end is not None and end < started_at:
        raise BadUserInput("The end, completedAt or else reportedAt, is before startedAt.")
    return at, attempt, _error(present(report.error))


def _set_running(execution: DocumentFacts, at: datetime) -> None:
    execution.outcome(ExecutionStatus.RUNNING, at=at, attempt=_NO_ATTEMPT)


def _set_outcome(  # noqa: PLR0913 - what belongs together
    document: DocumentFacts,
    report: ReportExecutionInput | ReportStepInput,
    at: datetime,
    attempt: int,
    *,
    error: Mapping[str, Any] | None,
    detail: str | None = None,
) -> None:
    status = report.status
    if status is None:
        return
    completed_at = (_time(report.completed_at) or at) if status.is_terminal else None
    document.outcome(status, at=at, attempt=attempt, completed_at=completed_at, error=error, detail=detail)


def _now_or_past(value: datetime, name: str) -> datetime:
    if not _EARLIEST <= value <= datetime.now(UTC) + _MAX_AHEAD:
        raise BadUserInput(f"{name} is before 1970, or more than a day ahead; set the clock of the sender.")
    return value


def _time(value: datetime | None) -> datetime | None:
    """A time; the year 1, which Go and .NET write for "not yet", is none."""
    found = present(value)
    return None if found is None or found < FIRST_TIME else found


def _id(value: str | None, name: str) -> str | None:
    found = present(value)
    return None if found is None else check_id(found, name)


def _id_of_another(report: ReportExecutionInput, value: str | None, name: str) -> str | None:
    found = _id(value, name)
    if found == report.execution_id:
        raise BadUserInput(f"{name} is the execution's own id; leave it out, or name another execution.")
    return found


def _not_negative(value: Any, name: str) -> Any:
    found = present(value)
    if found is not None and found < 0:
        raise BadUserInput(f"{name} is {found:,}; it must not be less than 0.")
    return found


def _progress(given: ProgressInput | None) -> Mapping[str, Any] | None:
    if given is None:
        return None
    current = _not_negative(given.current_step, "progress.currentStep")
    total = _not_negative(given.total_steps, "progress.totalSteps")
    percentage = 100.0 * min(current / total, 1.0) if total else 0.0
    return {"current_step": current, "total_steps": total, "percentage": percentage}


def _tags(given: list[TagInput] | None) -> list[Mapping[str, str]] | None:
    return None if given is None else [{"key": each.key, "value": each.value} for each in given]


def _error(given: ExecutionErrorInput | None) -> Mapping[str, Any] | None:
    if given is None:
        return None
    values = {
        "message": given.message,
        "code": present(given.code),
        "type": present(given.type),
        "step_id": _id(given.step_id, "error.stepId"),
        "stack_trace": present(given.stack_trace),
        "retryable": present(given.retryable),
    }
    return {name: value for name, value in values.items() if value is not None}
