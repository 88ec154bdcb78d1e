"""Beanie documents that engines write: executions, steps and log lines, each with its collection and its indexes.

An engine may leave out every field that has a default here. Stored names are the workflow system's own.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from beanie import Document
from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.storage.facts import facts_indexes
from execution_monitor.storage.indexes import ascending, ascending_where, newest_within, unsortable_index
from execution_monitor.storage.rows import BsonDocument


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
        """Whether it is final."""
        return self in TERMINAL_STATUSES


TERMINAL_STATUSES = frozenset(
    {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.TIMED_OUT}
)
# As they are stored: of executions that have not ended, which are few.
ACTIVE_STATUSES = tuple(status.value for status in ExecutionStatus if not status.is_terminal)


class LogLevel(StrEnum):
    """Severities of a log line, as stored, least severe first."""

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


# What lists can be sorted by.
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


_EXISTS = {"$exists": True}
_WITHOUT_END = {"status": {"$in": list(ACTIVE_STATUSES)}, "ingest": _EXISTS}
# Of what engines reported, for the sweeper: executions without an end by when they last changed, and those of which an
# end was assumed; steps without an end by their execution. They have few documents.
SILENT_INDEX = {"updated": ASCENDING, "last_heartbeat_at": ASCENDING}
ASSUMED_INDEX = {"updated": ASCENDING}
UNENDED_STEPS_INDEX = {"tenant_id": ASCENDING, "execution_id": ASCENDING}


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
    retry_of_execution_id: str | None = None  # the execution that this one repeats
    last_heartbeat_at: datetime | None = None  # the last sign of life
    version: int = 1  # one more with every change
    ingest: Any = None  # of what was reported over an API: the stamps of the reports; engines leave it out

    class Settings:
        """Collection and indexes."""

        name = "workflow_executions"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "execution_id", unique=True),
            # Lists of a tenant by each sort field; pages seek in them, so `_id` breaks the ties.
            ascending("tenant_id", "created", "_id"),
            ascending("tenant_id", "started_at", "_id"),
            ascending("tenant_id", "completed_at", "_id"),
            ascending("tenant_id", "total_duration", "_id"),
            ascending("tenant_id", "total_cost", "_id"),
            ascending("tenant_id", "tokens_used", "_id"),
            # Those of one name or status, from the newest to the oldest, and all of them one name after another.
            newest_within("tenant_id", "workflow_name"),
            newest_within("tenant_id", "status"),
            # Which have been running for longest. The others are most, and nobody asks this of them.
            ascending_where({"status": {"$in": list(ACTIVE_STATUSES)}}, "tenant_id", "status", "started_at", "_id"),
            # A user's own: some thousands, which are read and sorted for the orders that have no index here.
            ascending("tenant_id", "user_id", "created", "_id"),
            # A user's own of one status, the list that people keep open; and its count.
            ascending("tenant_id", "user_id", "status", "created", "_id"),
            # Those made from one template. Nearly all have one.
            ascending("tenant_id", "workflow_template_id", "created", "_id"),
            # Those that share a rare value; executions without one take no room.
            ascending_where({"parent_execution_id": _EXISTS}, "tenant_id", "parent_execution_id", "created", "_id"),
            ascending_where({"retry_of_execution_id": _EXISTS}, "tenant_id", "retry_of_execution_id", "created", "_id"),
            ascending_where({"session_id": _EXISTS}, "tenant_id", "session_id", "created", "_id"),
            ascending_where({"error_details.code": _EXISTS}, "tenant_id", "error_details.code", "created", "_id"),
            ascending_where({"triggered_by": _EXISTS}, "tenant_id", "triggered_by", "created", "_id"),
            ascending_where({"tags": _EXISTS}, "tenant_id", "tags.key", "tags.value", "created", "_id"),
            # Those that wait for the execution of the run that started or preceded them.
            ascending_where({"ingest.parent_run_id": _EXISTS}, "tenant_id", "user_id", "ingest.parent_run_id"),
            ascending_where({"ingest.retry_of_run_id": _EXISTS}, "tenant_id", "user_id", "ingest.retry_of_run_id"),
            ascending_where(_WITHOUT_END, *SILENT_INDEX),
            ascending_where({"ingest.assumed": _EXISTS}, *ASSUMED_INDEX),
            # Pages end with these.
            unsortable_index("tenant_id", "_id", of=SORTED_FIELDS),
            *facts_indexes(),
        ]


class Step(Document):
    """One task of an execution (`workflow_step_executions`); visible to callers who may see the execution."""

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
    model: str | None = None  # the language model
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None  # of the input
    input_data: Any = None
    result: Any = None
    error_details: ErrorDetails | None = None
    version: int = 1
    ingest: Any = None  # as that of an execution

    class Settings:
        """Collection and indexes."""

        name = "workflow_step_executions"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "execution_id", "step_index", "_id"),
            ascending_where(_WITHOUT_END, *UNENDED_STEPS_INDEX),
            unsortable_index("tenant_id", "execution_id", "_id", of=["step_index"]),
        ]


class LogEntry(Document):
    """One log line of an execution (`execution_logs`); visible to callers who may see the execution."""

    execution_id: str
    tenant_id: str
    timestamp: datetime
    level: LogLevel = LogLevel.INFO
    message: str
    step_id: str | None = None
    attributes: Any = None

    class Settings:
        """Collection and indexes."""

        name = "execution_logs"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "execution_id", "timestamp", "_id"),
            unsortable_index("tenant_id", "execution_id", "_id", of=["timestamp"]),
        ]


DOCUMENTS: tuple[type[Document], ...] = (Execution, Step, LogEntry)


def collection_of(document: type[Document]) -> AsyncCollection[BsonDocument]:
    """The collection of `document`, once Beanie is connected."""
    # Beanie leaves open what its collections hold.
    return cast("AsyncCollection[BsonDocument]", document.get_pymongo_collection())  # pyright: ignore[reportUnknownMemberType]
