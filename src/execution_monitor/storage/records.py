"""Records: typed, read-only views of stored rows. Every attribute has its declared type, whatever an engine wrote."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId

from execution_monitor.storage.bson_ordering import to_float
from execution_monitor.storage.coercion import to_int, to_text
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.log_levels import level_of
from execution_monitor.storage.predicates import as_list, as_mapping
from execution_monitor.storage.record_fields import (
    Attribute,
    StoredField,
    StoredForm,
    big_integer,
    choice,
    integer,
    json,
    number,
    optional_big_integer,
    required_text,
    text,
    timestamp,
)
from execution_monitor.storage.rows import Row

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """A stored document, or the part of it that was read."""

    row: Row


def _read_retryable(row: Row) -> bool | None:
    stored = row.get("retryable")
    return stored if isinstance(stored, bool) else None


def _read_message(row: Row) -> str:
    return to_text(row.get("message")) or "Unknown error"


def _read_percentage(row: Row) -> float:
    percentage = to_float(row.get("percentage"))
    if percentage is not None:
        return percentage
    current, total = to_int(row.get("current_step")), to_int(row.get("total_steps"))
    return 100 * current / total if total > 0 else 0.0


class ErrorRecord(Record):
    """Why something failed."""

    message = Attribute(_read_message, StoredField("message", StoredForm.NONEMPTY_TEXT))
    code = text("code")
    type = text("type")
    step_id = text("step_id")
    stack_trace = text("stack_trace")
    retryable = Attribute(_read_retryable)


class ProgressRecord(Record):
    """How far an execution is; the percentage is 0 to 100, and follows from the steps where it is missing."""

    current_step = integer("current_step")
    total_steps = integer("total_steps")
    percentage = Attribute(_read_percentage, StoredField("percentage", StoredForm.NUMBER))


class TagRecord(Record):
    """A label to find executions by."""

    key = required_text("key")
    value = required_text("value")


def _read_error(row: Row) -> ErrorRecord | None:
    stored = row.get("error_details")
    details = as_mapping(stored)
    if details is not None:
        return ErrorRecord(details)
    # Plain text is its message.
    return None if stored is None else ErrorRecord({"message": str(stored)})


def _read_progress(row: Row) -> ProgressRecord:
    return ProgressRecord(as_mapping(row.get("progress")) or {})


def _read_tags(row: Row) -> list[TagRecord]:
    found = [as_mapping(each) for each in as_list(row.get("tags"))]
    return [TagRecord(tag) for tag in found if tag is not None and tag.get("key") is not None]


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


def _read_level(row: Row) -> LogLevel:
    return level_of(row.get("level"))


def _read_step_name(row: Row) -> str:
    return to_text(row.get("step_name")) or to_text(row.get("step_id")) or ""


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

    return Attribute(read, StoredField(field, StoredForm.NUMBER))


# PENDING where the status is missing or unknown.
_STATUS = choice("status", ExecutionStatus.PENDING)
_STARTED_AT, _COMPLETED_AT = timestamp("started_at"), timestamp("completed_at")
_CREATED, _UPDATED, _LOGGED = timestamp("created"), timestamp("updated"), timestamp("timestamp")


class ExecutionRecord(Record):
    """One run of a workflow."""

    execution_id = required_text("execution_id")
    tenant_id = required_text("tenant_id")
    name = text("execution_name")
    workflow_name = required_text("workflow_name")
    workflow_template_id = text("workflow_template_id")
    status = _STATUS
    status_detail = Attribute(_read_status_detail)
    created = Attribute(
        _read_created, StoredField("created", StoredForm.DATETIME)
    )  # where it is missing, the time in the `_id`
    started_at = _STARTED_AT
    completed_at = _COMPLETED_AT
    updated = Attribute(_read_updated, StoredField("updated", StoredForm.DATETIME))
    duration_seconds = _seconds("total_duration")
    progress = Attribute(_read_progress, StoredField("progress", StoredForm.OBJECT))
    steps_completed = integer("steps_completed")
    steps_failed = integer("steps_failed")
    triggered_by = text("triggered_by")
    user_id = required_text("user_id")
    session_id = text("session_id")
    attempt = integer("attempt", 1)
    parent_execution_id = text("parent_execution_id")
    retry_of_execution_id = text("retry_of_execution_id")
    last_heartbeat_at = timestamp("last_heartbeat_at")
    tags = Attribute(_read_tags)  # entries that are not labels are left out
    total_cost = number("total_cost")
    tokens = big_integer("tokens_used")
    tokens_used = integer("tokens_used")  # ends where GraphQL's Int does
    error = Attribute(_read_error, StoredField("error_details", StoredForm.OBJECT, nullable=True))
    performance = json("performance_data")
    input_parameters = json("input_parameters")
    final_result = json("final_result")


class StepRecord(Record):
    """One task of an execution."""

    execution_id = required_text("execution_id")
    tenant_id = required_text("tenant_id")
    step_id = required_text("step_id")
    name = Attribute(_read_step_name, StoredField("step_name", StoredForm.NONEMPTY_TEXT))
    kind = text("step_type")
    index = integer("step_index")
    status = _STATUS
    started_at = _STARTED_AT
    completed_at = _COMPLETED_AT
    duration_seconds = _seconds("duration")
    attempt = integer("attempt", 1)
    depends_on = Attribute(_read_depends_on)
    cost = number("cost")
    tokens = big_integer("tokens_used")
    tokens_used = integer("tokens_used")  # ends where GraphQL's Int does
    model = text("model")
    input_tokens = optional_big_integer("input_tokens")
    output_tokens = optional_big_integer("output_tokens")
    cached_tokens = optional_big_integer("cached_tokens")
    error = Attribute(_read_error, StoredField("error_details", StoredForm.OBJECT, nullable=True))
    input = json("input_data")
    result = json("result")


class LogRecord(Record):
    """One log line of an execution."""

    at = Attribute(_read_logged_at, StoredField("timestamp", StoredForm.DATETIME))
    level = Attribute(_read_level, StoredField("level", StoredForm.CHOICE))  # INFO where it is missing or unknown
    level_name = text("level")
    message = required_text("message")
    step_id = text("step_id")
    attributes = json("attributes")
