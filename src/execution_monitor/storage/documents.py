"""The collections as Beanie documents, each with its indexes: the format that engines write.

An engine may leave out every field that has a default here. Stored names are the workflow system's own.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from beanie import Document
from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING, IndexModel


class ExecutionStatus(StrEnum):
    """The states of an execution or a step, as stored."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more happens after it."""
        return self in TERMINAL_STATUSES


TERMINAL_STATUSES = frozenset(
    {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.TIMED_OUT}
)


class LogLevel(StrEnum):
    """Severities of a log line, as stored, mildest first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Progress(BaseModel):
    """How far an execution is; `percentage` is 0 to 100."""

    current_step: int = 0
    total_steps: int = 0
    percentage: float = 0.0


class Tag(BaseModel):
    """A label to find executions by."""

    key: str
    value: str


class ErrorDetails(BaseModel):
    """Why an execution or a step failed. An engine may add fields of its own."""

    model_config = ConfigDict(extra="allow")

    message: str
    code: str | None = None
    type: str | None = None
    step_id: str | None = None
    stack_trace: str | None = None
    retryable: bool | None = None


def _index(*fields: str, unique: bool = False) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name="_".join(fields), unique=unique)


UNSORTABLE_INDEX = "unsortable"
# An index has an entry for each element of an array, and a sort takes the least or the greatest of them; nothing of
# Python's tells an undefined value from null; and between the ends of the order lie all bounds that there are.
_UNSORTABLE_TYPES = ("array", "undefined", "minKey", "maxKey")


def are_unsortable(fields: Iterable[str]) -> dict[str, Any]:
    """The condition that one of `fields` holds something that has no place in an order of its values."""
    return {"$or": _each_unsortable(fields)}


def are_sortable(fields: Iterable[str]) -> dict[str, Any]:
    """The condition that each of `fields` holds something that has a place in an order, or nothing."""
    return {"$nor": _each_unsortable(fields)}


def _each_unsortable(fields: Iterable[str]) -> list[dict[str, Any]]:
    return [{field: {"$type": list(_UNSORTABLE_TYPES)}} for field in fields]


def _unsortable_index(*fields: str, of: Iterable[str]) -> IndexModel:
    """The index of those rows alone that cannot be sorted by one of the fields `of`: nearly always it is empty."""
    keys = [(field, ASCENDING) for field in fields]
    return IndexModel(keys, name=UNSORTABLE_INDEX, partialFilterExpression=are_unsortable(of))


# One for every field that lists can be sorted by; pages seek on it, so `_id` breaks the ties within the index.
SORTED_FIELDS = (
    "created",
    "started_at",
    "completed_at",
    "total_duration",
    "total_cost",
    "tokens_used",
    "workflow_name",
    "status",
)


class Execution(Document):
    """One run of a workflow (`workflow_executions`)."""

    execution_id: str
    execution_name: str | None = None
    workflow_name: str
    workflow_template_id: str | None = None
    status: ExecutionStatus = ExecutionStatus.PENDING
    status_detail: str | None = None
    created: datetime
    updated: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    total_duration: float | None = None  # seconds
    progress: Progress = Field(default_factory=Progress)
    steps_completed: int = 0
    steps_failed: int = 0
    user_id: str
    tenant_id: str
    triggered_by: str | None = None
    session_id: str | None = None
    input_parameters: Any = None
    final_result: Any = None
    error_details: ErrorDetails | None = None
    tags: list[Tag] = Field(default_factory=list[Tag])
    total_cost: float = 0.0
    tokens_used: int = 0
    performance_data: Any = None
    attempt: int = 1
    parent_execution_id: str | None = None
    version: int = 1  # one more with every change

    class Settings:
        """Where it is kept."""

        name = "workflow_executions"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            _index("tenant_id", "execution_id", unique=True),
            *(_index("tenant_id", "user_id", field, "_id") for field in SORTED_FIELDS),
            *(_index("tenant_id", field, "_id") for field in SORTED_FIELDS),
            _index("tenant_id", "user_id", "status", "created", "_id"),
            _index("tenant_id", "status", "created", "_id"),
            _index("tenant_id", "user_id", "workflow_template_id", "created", "_id"),
            _index("tenant_id", "workflow_template_id", "created", "_id"),
            _unsortable_index("tenant_id", "_id", of=SORTED_FIELDS),
        ]


class Step(Document):
    """One task of an execution (`workflow_step_executions`); visible to whoever may see the execution."""

    execution_id: str
    tenant_id: str
    step_id: str
    step_name: str
    step_type: str | None = None
    step_index: int = 0  # position in the execution, from 0
    status: ExecutionStatus = ExecutionStatus.PENDING
    created: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration: float | None = None  # seconds
    attempt: int = 1
    depends_on: list[str] = Field(default_factory=list[str])  # step_id of each step it waits for
    cost: float = 0.0
    tokens_used: int = 0
    input_data: Any = None
    result: Any = None
    error_details: ErrorDetails | None = None
    version: int = 1

    class Settings:
        """Where it is kept."""

        name = "workflow_step_executions"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            _index("tenant_id", "execution_id", "step_index", "_id"),
            _unsortable_index("tenant_id", "execution_id", "_id", of=["step_index"]),
        ]


class LogEntry(Document):
    """One log line of an execution (`execution_logs`); visible to whoever may see the execution."""

    execution_id: str
    tenant_id: str
    timestamp: datetime
    level: LogLevel = LogLevel.INFO
    message: str
    step_id: str | None = None
    attributes: Any = None

    class Settings:
        """Where it is kept."""

        name = "execution_logs"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            _index("tenant_id", "execution_id", "timestamp", "_id"),
            _unsortable_index("tenant_id", "execution_id", "_id", of=["timestamp"]),
        ]


DOCUMENTS: tuple[type[Document], ...] = (Execution, Step, LogEntry)


def indexes_of(document: type[Document]) -> list[IndexModel]:
    """The indexes that `document` declares; Beanie knows them once the database is connected."""
    return [declared.index for declared in document.get_settings().indexes]


@cache
def indexed_fields(document: type[Document]) -> tuple[tuple[str, ...], ...]:
    """The fields of each index that `document` declares for all of its rows, in their order."""
    return tuple(
        tuple(index.document["key"])
        for index in indexes_of(document)
        if "partialFilterExpression" not in index.document
    )


@cache
def unsortable_key(document: type[Document]) -> Mapping[str, int] | None:
    """The key of the index of those rows that cannot be sorted; None where `document` has none such."""
    found = [index.document for index in indexes_of(document) if index.document["name"] == UNSORTABLE_INDEX]
    return dict.fromkeys(found[0]["key"], ASCENDING) if found else None
