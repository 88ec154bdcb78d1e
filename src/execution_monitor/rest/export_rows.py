"""The rows of an export: what is shown of an execution, and how it becomes a line of CSV or of JSON."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from execution_monitor.rest.export_request import ExportFormat
from execution_monitor.rest.models import Timestamp
from execution_monitor.storage.documents import ExecutionStatus, Tag
from execution_monitor.storage.records import ExecutionRecord

# Spreadsheets take a text that begins with one of these for a formula, which may send the sheet to a stranger.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportedExecution(BaseModel):
    """An execution in an export: what lists show, and nothing of its input and result."""

    model_config = ConfigDict(frozen=True)

    execution_id: str = Field(description="Its id in the engine; unique within the tenant.")
    execution_name: str | None = Field(description="A name that people gave this run.")
    workflow_name: str
    workflow_template_id: str | None
    status: ExecutionStatus
    status_detail: str | None = Field(description="The engine's own name for the status.")
    created: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None
    total_duration: float | None = Field(description="Seconds from start to end; to now while it runs.")
    attempt: int = Field(description="Which try this is, from 1.")
    retry_of_execution_id: str | None = Field(description="The execution that this one repeats.")
    parent_execution_id: str | None
    total_steps: int
    steps_completed: int
    steps_failed: int
    total_cost: float
    tokens_used: int = Field(description="Tokens of language models; exact up to 2^53.")
    triggered_by: str | None = Field(description="The person or trigger that started it.")
    user_id: str = Field(description="The owner; visibility follows it.")
    session_id: str | None
    error_code: str | None
    error: str | None = Field(description="Why it failed, in a sentence.")
    tags: list[Tag] = Field(description="Its labels; in CSV `key=value` with semicolons between.")


COLUMNS = tuple(ExportedExecution.model_fields)
_DERIVED = {"error", "error_code", "total_steps"}
# `created` falls back to the time within `_id`.
EXPORTED_FIELDS = frozenset(set(COLUMNS) - _DERIVED | {"_id", "error_details", "progress"})


def show_exported(record: ExecutionRecord) -> ExportedExecution:
    """What an export shows of the execution `record`."""
    error = record.error
    return ExportedExecution(
        execution_id=record.execution_id,
        execution_name=record.name,
        workflow_name=record.workflow_name,
        workflow_template_id=record.workflow_template_id,
        status=record.status,
        status_detail=record.status_detail,
        created=record.created,
        started_at=record.started_at,
        completed_at=record.completed_at,
        total_duration=record.duration_seconds,
        attempt=record.attempt,
        retry_of_execution_id=record.retry_of_execution_id,
        parent_execution_id=record.parent_execution_id,
        total_steps=record.progress.total_steps,
        steps_completed=record.steps_completed,
        steps_failed=record.steps_failed,
        total_cost=record.total_cost,
        tokens_used=record.tokens,
        triggered_by=record.triggered_by,
        user_id=record.user_id,
        session_id=record.session_id,
        error_code=error and error.code,
        error=error and error.message,
        tags=[Tag(key=each.key, value=each.value) for each in record.tags],
    )


class ExportFile(Protocol):
    """How executions become a file."""

    media_type: str
    extension: str

    def begin(self) -> bytes:
        """What comes before all executions."""
        ...

    def render(self, executions: Iterable[ExportedExecution]) -> bytes:
        """The lines of `executions`."""
        ...

    def end_incomplete(self, reason: str) -> bytes:
        """The last line of a file without all executions that match, with the `reason`."""
        ...


class CsvFile(ExportFile):
    """CSV as of RFC 4180, in UTF-8; texts are quoted, with an apostrophe where a spreadsheet would run them."""

    media_type = "text/csv; charset=utf-8; header=present"
    extension = "csv"

    @override
    def begin(self) -> bytes:
        return _to_csv([COLUMNS])

    @override
    def render(self, executions: Iterable[ExportedExecution]) -> bytes:
        return _to_csv(list(map(_to_cell, _values_of(each))) for each in executions)

    @override
    def end_incomplete(self, reason: str) -> bytes:
        return _to_csv([[f"# Incomplete: {reason}"]])


class JsonLinesFile(ExportFile):
    """JSON Lines: an object in each line, in UTF-8."""

    media_type = "application/jsonl"
    extension = "jsonl"

    @override
    def begin(self) -> bytes:
        return b""

    @override
    def render(self, executions: Iterable[ExportedExecution]) -> bytes:
        return b"".join(each.model_dump_json().encode() + b"\n" for each in executions)

    @override
    def end_incomplete(self, reason: str) -> bytes:
        return orjson.dumps({"incomplete": reason}) + b"\n"


FILES: Mapping[ExportFormat, ExportFile] = {ExportFormat.CSV: CsvFile(), ExportFormat.JSONL: JsonLinesFile()}


def _values_of(execution: ExportedExecution) -> Iterator[Any]:
    tags = "; ".join(f"{tag.key}={tag.value}" for tag in execution.tags)
    return iter({**execution.model_dump(mode="json"), "tags": tags}.values())


def _to_cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_FORMULA) else value


def _to_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    # With every text quoted, none can begin a cell where semicolons separate cells.
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return text.getvalue().encode()
