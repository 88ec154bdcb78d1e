"""Read views of stored documents: every attribute has its promised type, also where an engine left the field out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from execution_monitor.storage.attributes import Attribute, choice, integer, json, moment, number, required_text, text
from execution_monitor.storage.bson_order import to_float
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.filters import as_list, as_mapping
from execution_monitor.storage.pages import Row
from execution_monitor.storage.stored_values import to_int, to_text

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """Why something failed."""

    message: str
    code: str | None = None
    type: str | None = None
    step_id: str | None = None
    stack_trace: str | None = None
    retryable: bool | None = None

    @classmethod
    def of(cls, value: Any) -> "ErrorRecord | None":
        """The error that `error_details` holds; plain text is its message."""
        details = as_mapping(value)
        if details is None:
            return None if value is None else cls(str(value))
        retryable = details.get("retryable")
        return cls(
            message=to_text(details.get("message")) or "Unknown error",
            code=to_text(details.get("code")),
            type=to_text(details.get("type")),
            step_id=to_text(details.get("step_id")),
            stack_trace=to_text(details.get("stack_trace")),
            retryable=retryable if isinstance(retryable, bool) else None,
        )


@dataclass(frozen=True, slots=True)
class ProgressRecord:
    """How far an execution is; `percentage` is 0 to 100."""

    current_step: int
    total_steps: int
    percentage: float


@dataclass(frozen=True, slots=True)
class TagRecord:
    """A label to find executions by."""

    key: str
    value: str


def _read_error(row: Row) -> ErrorRecord | None:
    return ErrorRecord.of(row.get("error_details"))


def _read_status_detail(row: Row) -> str | None:
    detail, stored = to_text(row.get("status_detail")), to_text(row.get("status"))
    return detail or (stored if stored != _STATUS.read(row).value else None)


def _read_created(row: Row) -> datetime:
    stored, own_id = _CREATED.read(row), row.get("_id")
    return stored or (own_id.generation_time if isinstance(own_id, ObjectId) else _EPOCH)


def _read_updated(row: Row) -> datetime:
    return _UPDATED.read(row) or _read_created(row)


def _read_logged_at(row: Row) -> datetime:
    return _LOGGED.read(row) or _EPOCH


def _read_step_name(row: Row) -> str:
    return to_text(row.get("step_name")) or to_text(row.get("step_id")) or ""


def _read_progress(row: Row) -> ProgressRecord:
    stored = as_mapping(row.get("progress")) or {}
    current, total = to_int(stored.get("current_step")), to_int(stored.get("total_steps"))
    percentage = to_float(stored.get("percentage"))
    if percentage is None:
        percentage = 100 * current / total if total > 0 else 0.0
    return ProgressRecord(current, total, percentage)


def _read_tags(row: Row) -> list[TagRecord]:
    found = [as_mapping(each) for each in as_list(row.get("tags"))]
    return [
        TagRecord(str(tag["key"]), to_text(tag.get("value")) or "")
        for tag in found
        if tag is not None and tag.get("key") is not None
    ]


def _read_depends_on(row: Row) -> list[str]:
    return [str(each) for each in as_list(row.get("depends_on"))]


def _seconds(field: str) -> Attribute[float | None]:
    """The duration at `field`; else from start to end, or to now while it runs."""

    def read(row: Row) -> float | None:
        stored = to_float(row.get(field))
        started_at = _STARTED_AT.read(row)
        if stored is not None or started_at is None:
            return stored
        end = _COMPLETED_AT.read(row) or (None if _STATUS.read(row).is_terminal else datetime.now(UTC))
        return None if end is None else max(0.0, (end - started_at).total_seconds())

    return Attribute(read)


# PENDING where there is none, or one of the engine's own.
_STATUS = choice("status", ExecutionStatus.PENDING)
_STARTED_AT, _COMPLETED_AT = moment("started_at"), moment("completed_at")
_CREATED, _UPDATED, _LOGGED = moment("created"), moment("updated"), moment("timestamp")


@dataclass(frozen=True, slots=True)
class Record:
    """A stored document, or the part of it that was read."""

    row: Row


class ExecutionRecord(Record):
    """One run of a workflow."""

    execution_id = required_text("execution_id")
    tenant_id = required_text("tenant_id")
    name = text("execution_name")
    workflow_name = required_text("workflow_name")
    workflow_template_id = text("workflow_template_id")
    status = _STATUS
    status_detail = Attribute(_read_status_detail)
    created = Attribute(_read_created)  # where it is missing, when the document was made
    started_at = _STARTED_AT
    completed_at = _COMPLETED_AT
    updated = Attribute(_read_updated)
    duration_seconds = _seconds("total_duration")
    progress = Attribute(_read_progress)
    steps_completed = integer("steps_completed")
    steps_failed = integer("steps_failed")
    triggered_by = text("triggered_by")
    user_id = required_text("user_id")
    session_id = text("session_id")
    attempt = integer("attempt", 1)
    parent_execution_id = text("parent_execution_id")
    tags = Attribute(_read_tags)  # what is no label is left out
    total_cost = number("total_cost")
    tokens_used = integer("tokens_used")
    error = Attribute(_read_error)
    performance = json("performance_data")
    input_parameters = json("input_parameters")
    final_result = json("final_result")


class StepRecord(Record):
    """One task of an execution."""

    execution_id = required_text("execution_id")
    tenant_id = required_text("tenant_id")
    step_id = required_text("step_id")
    name = Attribute(_read_step_name)
    kind = text("step_type")
    index = integer("step_index")
    status = _STATUS
    started_at = _STARTED_AT
    completed_at = _COMPLETED_AT
    duration_seconds = _seconds("duration")
    attempt = integer("attempt", 1)
    depends_on = Attribute(_read_depends_on)
    cost = number("cost")
    tokens_used = integer("tokens_used")
    error = Attribute(_read_error)
    input = json("input_data")
    result = json("result")


class LogRecord(Record):
    """One log line of an execution."""

    at = Attribute(_read_logged_at)
    level = choice("level", LogLevel.INFO)  # INFO where the engine did not say
    message = required_text("message")
    step_id = text("step_id")
    attributes = json("attributes")
