"""Log lines of generated executions, made from their plan."""

from random import Random
from typing import NamedTuple

from execution_monitor.development.synthetic.planning import Attempt, Plan, PlannedStep
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.rows import BsonDocument

# What a step logs while it works, by its kind.
_MESSAGES: dict[str, tuple[tuple[LogLevel, str], ...]] = {
    "query": ((LogLevel.DEBUG, "SELECT took {n} ms"), (LogLevel.INFO, "{n} rows so far")),
    "check": ((LogLevel.DEBUG, "{n} rules loaded"), (LogLevel.WARNING, "{n} values are empty")),
    "compute": ((LogLevel.INFO, "Chunk {n} done"), (LogLevel.DEBUG, "Garbage collection took {n} ms")),
    "write": ((LogLevel.INFO, "{n} rows written"), (LogLevel.DEBUG, "Flushed {n} KiB")),
    "llm": ((LogLevel.DEBUG, "First token after {n} ms"), (LogLevel.INFO, "The model stopped: end_turn ({n})")),
    "tool": ((LogLevel.INFO, "Tool answered in {n} ms"), (LogLevel.DEBUG, 'Arguments: {"limit": {n}} 🔧')),
    "embedding": ((LogLevel.INFO, "{n} chunks embedded"), (LogLevel.WARNING, "Slowed down: {n} requests waiting")),
    "gpu": ((LogLevel.INFO, "Epoch {n}: validation loss falls"), (LogLevel.DEBUG, "GPU memory at {n} MiB")),
    "test": ((LogLevel.INFO, "collected {n} items"), (LogLevel.WARNING, "{n} tests are slow")),
    "approval": ((LogLevel.INFO, "Reminder {n} sent"),),
    "fetch": ((LogLevel.DEBUG, "GET / answered in {n} ms"),),
    "deploy": ((LogLevel.INFO, "{n} of 250 pods are ready"),),
}
_OTHER_MESSAGES: tuple[tuple[LogLevel, str], ...] = ((LogLevel.DEBUG, "Working ({n})"),)
_CRITICAL_CODES = frozenset({"GPU_OOM", "OOM"})


class LogLine(NamedTuple):
    """A log line, `at` milliseconds after its execution was created."""

    at: int
    level: LogLevel
    message: str
    step_id: str | None = None
    attributes: BsonDocument | None = None


def log_lines(plan: Plan, random: Random) -> list[LogLine]:
    """All lines of an execution, the oldest first; the same `random` state gives the same lines."""
    lines: list[LogLine] = []
    if plan.started is not None:
        lines.append(LogLine(plan.started, LogLevel.INFO, f"Execution of {plan.workflow.name} started"))
    for step in plan.steps:
        for position, attempt in enumerate(step.attempts):
            _add_attempt(lines, step, position, attempt, random)
    lines.append(_last_line(plan))
    lines.sort(key=_at)
    return lines


def _at(line: LogLine) -> int:
    return line.at


def _add_attempt(lines: list[LogLine], step: PlannedStep, position: int, attempt: Attempt, random: Random) -> None:
    shape = step.shape
    step_id = shape.step_id
    is_last = position == len(step.attempts) - 1
    lines.append(LogLine(attempt.start, LogLevel.INFO, f"{shape.name}: started", step_id, {"attempt": position + 1}))
    if random.random() < 0.6:  # noqa: PLR2004 - a little more often than not
        level, message = random.choice(_MESSAGES.get(shape.kind, _OTHER_MESSAGES))
        at = attempt.start + int((attempt.end - attempt.start) * random.random())
        lines.append(LogLine(at, level, message.replace("{n}", str(random.randrange(1, 250))), step_id))
    if is_last and step.status is ExecutionStatus.COMPLETED:
        seconds = (attempt.end - attempt.start) / 1000
        lines.append(LogLine(attempt.end, LogLevel.INFO, f"{shape.name}: done in {seconds:.1f} s", step_id))
    elif is_last and step.status is ExecutionStatus.TIMED_OUT:
        lines.append(LogLine(attempt.end, LogLevel.CRITICAL, f"{shape.name}: no sign of life, stopped", step_id))
    elif is_last and step.status is ExecutionStatus.CANCELLED:
        lines.append(LogLine(attempt.end, LogLevel.WARNING, f"{shape.name}: cancelled", step_id))
    elif step.failure is not None:
        lines.append(_failure_line(step, attempt, position, is_last=is_last))


def _failure_line(step: PlannedStep, attempt: Attempt, position: int, *, is_last: bool) -> LogLine:
    error = step.failure.describe(step.number, step.shape.step_id) if step.failure else {}
    level = LogLevel.ERROR if is_last else LogLevel.WARNING
    if error.get("code") in _CRITICAL_CODES:
        level = LogLevel.CRITICAL
    attributes: BsonDocument = {"attempt": position + 1, "will_retry": not is_last, "error": error}
    return LogLine(attempt.end, level, f"{step.shape.name}: {error.get('message')}", step.shape.step_id, attributes)


def _last_line(plan: Plan) -> LogLine:
    level = LogLevel.INFO if plan.status is ExecutionStatus.COMPLETED else LogLevel.ERROR
    if plan.status is ExecutionStatus.CANCELLED:
        level = LogLevel.WARNING
    return LogLine(plan.ends, level, f"Execution {plan.status.value}", None, {"steps": len(plan.steps)})
