"""Documents of a generated run at any time: its execution, steps and log lines in the stored format."""

from bisect import bisect_right
from typing import NamedTuple

from execution_monitor.development.synthetic.log_lines import LogLine
from execution_monitor.development.synthetic.planning import Plan, PlannedStep
from execution_monitor.development.synthetic.runs import Run
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

_NULLABLE = (
    "execution_name",
    "status_detail",
    "started_at",
    "completed_at",
    "total_duration",
    "session_id",
    "parent_execution_id",
    "error_details",
)


class StepState(NamedTuple):
    """How far a step is: `attempt` counts from 1, and is 0 while it has not started."""

    status: ExecutionStatus
    attempt: int


def execution_at(run: Run, elapsed: int) -> BsonDocument:
    """The execution's document, `elapsed` milliseconds after its creation, without an `_id`."""
    plan = run.plan
    version = bisect_right(run.change_times, elapsed)
    is_over = elapsed >= plan.ends
    states = [_state(step, plan, elapsed) for step in plan.steps]
    completed = sum(state.status is ExecutionStatus.COMPLETED for state in states)
    failed = sum(state.status is ExecutionStatus.FAILED for state in states)
    done, total = completed + failed, len(states)
    status = _status(plan, states, elapsed)

    document = run.facts | {
        "status": status.value,
        "created": run.created,
        "updated": run.at(run.change_times[version - 1]),
        "version": version,
        "progress": {
            "current_step": sum(state.attempt > 0 for state in states),
            "total_steps": total,
            "percentage": round(100 * done / total, 1),
        },
        "steps_completed": completed,
        "steps_failed": failed,
    }
    if plan.started is not None and elapsed >= plan.started:
        document["started_at"] = run.at(plan.started)
    if is_over:
        document["completed_at"] = run.at(plan.ends)
    if is_over and plan.started is not None and not run.is_plain:
        document["total_duration"] = (plan.ends - plan.started) / 1000
    if run.workflow.writes_costs and not run.is_plain:
        _add_costs(document, plan, elapsed)
    _add_outcome(document, run, states, status)
    if run.workflow.writes_nulls:
        for name in _NULLABLE:
            document.setdefault(name, None)
    return document


def steps_at(run: Run, elapsed: int) -> list[BsonDocument]:
    """The documents of its steps in their order, `elapsed` milliseconds after its creation, without `_id`s."""
    plan = run.plan
    return [_step_at(run, step, index, _state(step, plan, elapsed), elapsed) for index, step in enumerate(plan.steps)]


def log_entries_between(run: Run, after: int, until: int) -> list[BsonDocument]:
    """The documents of the log lines written later than `after` and not later than `until`, without `_id`s."""
    return [_log_entry(run, line) for line in run.lines if after < line.at <= until]


def _state(step: PlannedStep, plan: Plan, elapsed: int) -> StepState:
    attempts = step.attempts
    if not attempts:
        return StepState(step.status if elapsed >= plan.ends else ExecutionStatus.PENDING, 0)
    if elapsed >= attempts[-1].end:
        return StepState(step.status, len(attempts))
    for number, attempt in enumerate(attempts, start=1):
        if elapsed < attempt.start:
            return StepState(ExecutionStatus.PENDING, 0 if number == 1 else number)
        if elapsed < attempt.end:
            working = ExecutionStatus.PAUSED if step.shape.awaits_person else ExecutionStatus.RUNNING
            return StepState(working, number)
    raise AssertionError("The last attempt ends after `elapsed`.")


def _status(plan: Plan, states: list[StepState], elapsed: int) -> ExecutionStatus:
    if elapsed >= plan.ends:
        return plan.status
    if plan.started is None or elapsed < plan.started:
        return ExecutionStatus.PENDING
    if any(state.status is ExecutionStatus.PAUSED for state in states):
        return ExecutionStatus.PAUSED
    return ExecutionStatus.RUNNING


def _add_costs(document: BsonDocument, plan: Plan, elapsed: int) -> None:
    cost, tokens = 0.0, 0
    for step in plan.steps:
        if step.tokens and elapsed >= step.attempts[-1].end:
            cost += step.cost
            tokens += step.tokens
    document["total_cost"] = round(cost, 4)
    document["tokens_used"] = tokens


def _add_outcome(document: BsonDocument, run: Run, states: list[StepState], status: ExecutionStatus) -> None:
    if (detail := _detail(run, states, status)) is not None and not run.is_plain:
        document["status_detail"] = detail
    if not status.is_terminal:
        return
    if status is ExecutionStatus.COMPLETED and run.result is not None:
        document["final_result"] = run.result
    if (error := _error(run.plan)) is not None:
        document["error_details"] = error
    if run.workflow.writes_performance and not run.is_plain:
        document["performance_data"] = {
            "queue_ms": run.plan.started,
            "peak_memory_mb": 128 + run.identity.seed % 2_000,
            "workers": 1 + run.identity.seed % 4,
        }


def _detail(run: Run, states: list[StepState], status: ExecutionStatus) -> str | None:
    if status is ExecutionStatus.PAUSED:
        return "waiting_for_approval"
    if status is ExecutionStatus.CANCELLED:
        return f"cancelled by {run.owner.email}"
    if status is ExecutionStatus.COMPLETED and any(state.status is ExecutionStatus.FAILED for state in states):
        return "success_with_failures"
    if any(state.status is ExecutionStatus.PENDING and state.attempt > 1 for state in states):
        return "up_for_retry"
    return None


def _error(plan: Plan) -> BsonDocument | None:
    if plan.status is ExecutionStatus.TIMED_OUT:
        hanging = next(step for step in plan.steps if step.status is ExecutionStatus.TIMED_OUT)
        return _timeout(hanging)
    if plan.status is ExecutionStatus.FAILED:
        for step in plan.steps:
            if step.status is ExecutionStatus.FAILED and not step.shape.is_optional and step.failure is not None:
                return step.failure.describe(step.number, step.shape.step_id)
    return None


def _timeout(step: PlannedStep) -> BsonDocument:
    seconds = (step.attempts[-1].end - step.attempts[0].start) / 1000
    return {
        "message": f"{step.shape.name} gave no sign of life for {seconds:,.0f} s",
        "code": "TIMEOUT",
        "type": "TimeoutError",
        "step_id": step.shape.step_id,
        "retryable": True,
    }


def _step_at(run: Run, step: PlannedStep, index: int, state: StepState, elapsed: int) -> BsonDocument:
    shape, status = step.shape, state.status
    # One version for each time it changes: created, each start, each end, or cancelled before it started.
    changes = {time for attempt in step.attempts for time in attempt if 0 < time <= elapsed}
    document: BsonDocument = {
        "execution_id": run.execution_id,
        "tenant_id": run.owner.tenant_id,
        "step_id": shape.step_id,
        "step_name": shape.name,
        "step_type": shape.kind,
        "step_index": index,
        "status": status.value,
        "created": run.created,
        "version": 1 + len(changes) + (not step.attempts and elapsed >= run.plan.ends),
    }
    if shape.after:
        document["depends_on"] = list(shape.after)
    if state.attempt == 0:
        return document
    first, last = step.attempts[0], step.attempts[-1]
    document["attempt"] = state.attempt
    document["started_at"] = run.at(first.start)
    document["input_data"] = {"items": step.number, "attempt": state.attempt}
    if elapsed >= last.end:
        document["completed_at"] = run.at(last.end)
        document["duration"] = (last.end - first.start) / 1000
        if run.workflow.is_ai:
            document["cost"] = step.cost
            document["tokens_used"] = step.tokens
    if status is ExecutionStatus.COMPLETED:
        document["result"] = {"items": step.number, "ok": True}
    elif status is ExecutionStatus.TIMED_OUT:
        document["error_details"] = _timeout(step)
    elif status in {ExecutionStatus.FAILED, ExecutionStatus.PENDING} and step.failure is not None:
        document["error_details"] = step.failure.describe(step.number, shape.step_id)
    return document


def _log_entry(run: Run, line: LogLine) -> BsonDocument:
    document: BsonDocument = {
        "execution_id": run.execution_id,
        "tenant_id": run.owner.tenant_id,
        "timestamp": run.at(line.at),
        "level": line.level.value,
        "message": line.message,
    }
    if line.step_id is not None:
        document["step_id"] = line.step_id
    if line.attributes is not None:
        document["attributes"] = line.attributes
    return document
