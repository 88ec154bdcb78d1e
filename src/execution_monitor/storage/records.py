"""Read views of stored documents: every attribute has its promised type, also where an engine left the field out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from bson import ObjectId

from execution_monitor.storage.bson_order import to_float
from execution_monitor.storage.documents import ExecutionStatus, LogLevel, Progress, Tag
from execution_monitor.storage.filters import as_list, as_mapping
from execution_monitor.storage.pages import Row
from execution_monitor.storage.stored_values import to_datetime, to_int, to_json, to_text

_EPOCH = datetime.fromtimestamp(0, UTC)

Choice = TypeVar("Choice", ExecutionStatus, LogLevel)


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
class Record:
    """A stored document, or the part of it that was read."""

    row: Row

    def text(self, field: str) -> str | None:
        """The text at `field`."""
        return to_text(self.row.get(field))

    def required_text(self, field: str) -> str:
        """The text at `field`, empty where an engine left it out against the format."""
        return self.text(field) or ""

    def moment(self, field: str) -> datetime | None:
        """The date at `field`."""
        return to_datetime(self.row.get(field))

    def integer(self, field: str, default: int = 0) -> int:
        """The integer at `field`."""
        return to_int(self.row.get(field), default)

    def number(self, field: str) -> float:
        """The number at `field`, 0 where there is none."""
        return to_float(self.row.get(field)) or 0.0

    def json(self, field: str) -> Any:
        """The value at `field` as JSON."""
        return to_json(self.row.get(field))

    def choice(self, field: str, default: Choice) -> Choice:
        """The value at `field` when it is one of the known ones."""
        try:
            return type(default)(self.row.get(field))
        except ValueError:
            return default

    @property
    def execution_id(self) -> str:
        """Which execution it is, or belongs to."""
        return self.required_text("execution_id")

    @property
    def tenant_id(self) -> str:
        """Whose it is."""
        return self.required_text("tenant_id")

    @property
    def status(self) -> ExecutionStatus:
        """Its state; PENDING where there is none, or one of the engine's own."""
        return self.choice("status", ExecutionStatus.PENDING)

    @property
    def started_at(self) -> datetime | None:
        """When it began to run."""
        return self.moment("started_at")

    @property
    def completed_at(self) -> datetime | None:
        """When it ended."""
        return self.moment("completed_at")

    @property
    def error(self) -> ErrorRecord | None:
        """Why it failed."""
        return ErrorRecord.of(self.row.get("error_details"))

    def seconds(self, field: str) -> float | None:
        """The duration at `field`; else from start to end, or to now while it runs."""
        stored = to_float(self.row.get(field))
        if stored is not None or self.started_at is None:
            return stored
        end = self.completed_at or (None if self.status.is_terminal else datetime.now(UTC))
        return None if end is None else max(0.0, (end - self.started_at).total_seconds())


class ExecutionRecord(Record):
    """One run of a workflow."""

    @property
    def name(self) -> str | None:
        """What people call this run."""
        return self.text("execution_name")

    @property
    def workflow_name(self) -> str:
        """What it is a run of."""
        return self.required_text("workflow_name")

    @property
    def workflow_template_id(self) -> str | None:
        """The template it was made from."""
        return self.text("workflow_template_id")

    @property
    def steps_completed(self) -> int:
        """How many steps are done."""
        return self.integer("steps_completed")

    @property
    def steps_failed(self) -> int:
        """How many steps failed."""
        return self.integer("steps_failed")

    @property
    def triggered_by(self) -> str | None:
        """The person or trigger that started it."""
        return self.text("triggered_by")

    @property
    def user_id(self) -> str:
        """The owner."""
        return self.required_text("user_id")

    @property
    def session_id(self) -> str | None:
        """The session it belongs to."""
        return self.text("session_id")

    @property
    def attempt(self) -> int:
        """Which try it is, from 1."""
        return self.integer("attempt", 1)

    @property
    def parent_execution_id(self) -> str | None:
        """The execution that started it."""
        return self.text("parent_execution_id")

    @property
    def total_cost(self) -> float:
        """What it cost."""
        return self.number("total_cost")

    @property
    def tokens_used(self) -> int:
        """How many tokens its models used."""
        return self.integer("tokens_used")

    @property
    def status_detail(self) -> str | None:
        """The engine's own name of the state, beside ours."""
        detail, stored = self.text("status_detail"), self.text("status")
        return detail or (stored if stored != self.status.value else None)

    @property
    def created(self) -> datetime:
        """When it was asked for; where that is missing, when its document was made."""
        stored, own_id = self.moment("created"), self.row.get("_id")
        return stored or (own_id.generation_time if isinstance(own_id, ObjectId) else _EPOCH)

    @property
    def updated(self) -> datetime:
        """When it last changed."""
        return self.moment("updated") or self.created

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from start to end; to now while it runs."""
        return self.seconds("total_duration")

    @property
    def progress(self) -> Progress:
        """How far it is."""
        stored = as_mapping(self.row.get("progress")) or {}
        current, total = to_int(stored.get("current_step")), to_int(stored.get("total_steps"))
        percentage = to_float(stored.get("percentage"))
        if percentage is None:
            percentage = 100 * current / total if total > 0 else 0.0
        return Progress(current_step=current, total_steps=total, percentage=percentage)

    @property
    def tags(self) -> list[Tag]:
        """Its labels; what is no label is left out."""
        found = [as_mapping(each) for each in as_list(self.row.get("tags"))]
        return [
            Tag(key=str(tag["key"]), value=to_text(tag.get("value")) or "")
            for tag in found
            if tag is not None and tag.get("key") is not None
        ]


class StepRecord(Record):
    """One task of an execution."""

    @property
    def step_id(self) -> str:
        """Its id within the execution."""
        return self.required_text("step_id")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.text("step_name") or self.step_id

    @property
    def kind(self) -> str | None:
        """What sort of task it is."""
        return self.text("step_type")

    @property
    def index(self) -> int:
        """Its place in the workflow, from 0."""
        return self.integer("step_index")

    @property
    def attempt(self) -> int:
        """Which try it is, from 1."""
        return self.integer("attempt", 1)

    @property
    def cost(self) -> float:
        """What it cost."""
        return self.number("cost")

    @property
    def tokens_used(self) -> int:
        """How many tokens its model used."""
        return self.integer("tokens_used")

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from start to end; to now while it runs."""
        return self.seconds("duration")

    @property
    def depends_on(self) -> list[str]:
        """The `step_id` of each step it waits for."""
        return [str(each) for each in as_list(self.row.get("depends_on"))]


class LogRecord(Record):
    """One log line of an execution."""

    @property
    def message(self) -> str:
        """What it says."""
        return self.required_text("message")

    @property
    def step_id(self) -> str | None:
        """The step that wrote it."""
        return self.text("step_id")

    @property
    def at(self) -> datetime:
        """When it was written."""
        return self.moment("timestamp") or _EPOCH

    @property
    def level(self) -> LogLevel:
        """How severe it is; INFO where the engine did not say."""
        return self.choice("level", LogLevel.INFO)
