"""Converts stored records to the models of REST responses, and selects the stored fields that they need."""

from collections.abc import Sequence
from typing import Any

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import Forbidden
from execution_monitor.rest.models import ExecutionDetail, ExecutionError, ExecutionItem, Omission, StepItem
from execution_monitor.storage.documents import Progress, Tag
from execution_monitor.storage.pagination import Page
from execution_monitor.storage.records import ErrorRecord, ExecutionRecord, ProgressRecord, StepRecord

# Fields of the models that are derived from others; the rest have their stored names.
_DERIVED = {
    "id",
    "duration",
    "start_time",
    "end_time",
    "error",
    "steps",
    "steps_truncated",
    "step_results",
    "warnings",
    "recovered_by",
}
_PAYLOAD = {"input_parameters", "final_result"}
_STEP_PAYLOAD = {"input_data", "result"}

# `created` falls back to the time within `_id`.
ITEM_FIELDS = frozenset(ExecutionItem.model_fields.keys() - _DERIVED | {"_id", "error_details"})
_DETAIL_FIELDS = frozenset(ExecutionDetail.model_fields.keys() - _DERIVED | {"_id"})
_STEP_FIELDS = frozenset(StepItem.model_fields.keys() - {"error"})

_PAYLOAD_OMITTED = Omission(
    code=Forbidden.code,
    detail=f"These need the scope {Scope.EXECUTIONS_PAYLOAD.value}, which your token does not carry.",
    fields=["input_parameters", "final_result", "step_results", "steps.input_data", "steps.result"],
)


def detail_fields(caller: Caller) -> frozenset[str]:
    """The stored fields of one execution in detail: those of its payload only if `caller` may see them."""
    return _DETAIL_FIELDS if caller.may(Scope.EXECUTIONS_PAYLOAD) else _DETAIL_FIELDS - _PAYLOAD


def step_fields(caller: Caller) -> frozenset[str]:
    """The stored fields of its steps: those of their payload only if `caller` may see them."""
    return _STEP_FIELDS if caller.may(Scope.EXECUTIONS_PAYLOAD) else _STEP_FIELDS - _STEP_PAYLOAD


def show_item(record: ExecutionRecord) -> ExecutionItem:
    """One execution of a list."""
    return ExecutionItem(**_item_values(record))


def show_detail(caller: Caller, record: ExecutionRecord, steps: Page, recovered_by: str | None) -> ExecutionDetail:
    """One execution with its `steps`, without their payload if `caller` may not see it, and what recovered it."""
    shown = [StepRecord(row) for row in steps.rows]
    allowed = caller.may(Scope.EXECUTIONS_PAYLOAD)
    return ExecutionDetail(
        **_item_values(record),
        execution_name=record.name,
        status_detail=record.status_detail,
        updated=record.updated,
        tenant_id=record.tenant_id,
        session_id=record.session_id,
        attempt=record.attempt,
        parent_execution_id=record.parent_execution_id,
        retry_of_execution_id=record.retry_of_execution_id,
        recovered_by=recovered_by,
        last_heartbeat_at=record.last_heartbeat_at,
        tags=[Tag(key=each.key, value=each.value) for each in record.tags],
        performance_data=record.performance,
        error_details=_show_error(record.error),
        input_parameters=record.input_parameters,
        final_result=record.final_result,
        steps=[_show_step(step) for step in shown],
        steps_truncated=steps.has_next,
        step_results=_results_of(shown) if allowed else None,
        warnings=[] if allowed else [_PAYLOAD_OMITTED],
    )


def _item_values(record: ExecutionRecord) -> dict[str, Any]:
    duration = record.duration_seconds
    return {
        # The one id that every route takes: no route takes MongoDB's `_id`, which changes when data are restored.
        "id": record.execution_id,
        "execution_id": record.execution_id,
        "workflow_name": record.workflow_name,
        "workflow_template_id": record.workflow_template_id,
        "status": record.status,
        "created": record.created,
        "started_at": record.started_at,
        "completed_at": record.completed_at,
        "total_duration": duration,
        "duration": duration,
        "start_time": record.started_at,
        "end_time": record.completed_at,
        "steps_completed": record.steps_completed,
        "steps_failed": record.steps_failed,
        "total_cost": record.total_cost,
        "tokens_used": record.tokens,
        "triggered_by": record.triggered_by,
        "user_id": record.user_id,
        "progress": show_progress(record.progress),
        "error": record.error and record.error.message,
    }


def _show_step(step: StepRecord) -> StepItem:
    return StepItem(
        step_id=step.step_id,
        step_name=step.name,
        step_type=step.kind,
        step_index=step.index,
        status=step.status,
        started_at=step.started_at,
        completed_at=step.completed_at,
        duration=step.duration_seconds,
        attempt=step.attempt,
        depends_on=step.depends_on,
        cost=step.cost,
        tokens_used=step.tokens,
        model=step.model,
        input_tokens=step.input_tokens,
        output_tokens=step.output_tokens,
        cached_tokens=step.cached_tokens,
        input_data=step.input,
        result=step.result,
        error=step.error and step.error.message,
        error_details=_show_error(step.error),
    )


def show_progress(progress: ProgressRecord) -> Progress:
    """The progress of an execution."""
    return Progress(
        current_step=progress.current_step, total_steps=progress.total_steps, percentage=progress.percentage
    )


def _show_error(error: ErrorRecord | None) -> ExecutionError | None:
    return error and ExecutionError(
        message=error.message,
        code=error.code,
        type=error.type,
        step_id=error.step_id,
        stack_trace=error.stack_trace,
        retryable=error.retryable,
    )


def _results_of(steps: Sequence[StepRecord]) -> dict[str, Any]:
    return {step.step_id: step.result for step in steps if step.row.get("result") is not None}
