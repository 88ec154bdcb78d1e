"""Records: every attribute has its promised type, whatever is stored."""

import itertools
import math
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from beanie import Document
from bson import DatetimeMS, ObjectId
from hypothesis import given
from pydantic import TypeAdapter

from execution_monitor.storage.documents import Execution, ExecutionStatus, LogEntry, LogLevel, Step
from execution_monitor.storage.predicates import as_list
from execution_monitor.storage.record_fields import Attribute
from execution_monitor.storage.records import (
    ErrorRecord,
    ExecutionRecord,
    LogRecord,
    Record,
    StepRecord,
)
from execution_monitor.storage.rows import BsonDocument
from tests.storage.bson_codec import stored
from tests.storage.strategies import NEW_YEAR, anything, bounded, objects

RECORDS: dict[type[Record], type[Document]] = {ExecutionRecord: Execution, StepRecord: Step, LogRecord: LogEntry}


def promises(kind: type[Record]) -> Iterator[tuple[str, TypeAdapter[Any]]]:
    """Each attribute of a record that is no JSON of an engine's own, and what its annotation promises."""
    for base in kind.__mro__:
        for name, member in vars(base).items():
            if isinstance(member, Attribute):
                promised = typing.get_type_hints(member.read)["return"]  # pyright: ignore[reportUnknownMemberType] - of any type
                if promised is not Any:
                    yield name, TypeAdapter(promised)


PROMISES = {kind: dict(promises(kind)) for kind in RECORDS}
FIELDS = sorted(
    {"_id", *itertools.chain.from_iterable(document.model_fields for document in RECORDS.values())} - {"id"}
)


def test_there_are_promises_to_keep() -> None:
    assert {"status", "tags", "progress", "error", "created"} <= set(PROMISES[ExecutionRecord])


@bounded(max_examples=400)
@given(row=objects({}, **dict.fromkeys(FIELDS, anything)))
def test_whatever_is_stored_every_attribute_has_its_promised_type(row: BsonDocument) -> None:
    for kind, promised in PROMISES.items():
        record = kind(stored(row))
        for name, annotation in promised.items():
            require(getattr(record, name), annotation)


def require(value: Any, annotation: TypeAdapter[Any]) -> None:
    annotation.validate_python(value, strict=True)
    assert not isinstance(value, int) or abs(value) <= 2**53
    assert not isinstance(value, float) or math.isfinite(value)
    values = as_list(value) or [value]
    for each in values:
        if isinstance(each, Record):
            for name, inner in promises(type(each)):
                require(getattr(each, name), inner)


def plain(value: Any) -> Any:
    """`value` with records as dictionaries of their attributes."""
    if isinstance(value, list):
        return [plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType] - of any type
    return {name: getattr(value, name) for name, _ in promises(type(value))} if isinstance(value, Record) else value


NO_PROGRESS = {"current_step": 0, "total_steps": 0, "percentage": 0.0}
NO_ERROR = {name: None for name, _ in promises(ErrorRecord)}


@pytest.mark.parametrize("kind", RECORDS)
def test_of_nothing_every_attribute_has_its_promised_type(kind: type[Record]) -> None:
    for name, annotation in PROMISES[kind].items():
        annotation.validate_python(getattr(kind({}), name), strict=True)


@pytest.mark.parametrize(
    ("row", "attribute", "expected"),
    [
        pytest.param({}, "status", ExecutionStatus.PENDING, id="no status is pending"),
        pytest.param({"status": "up_for_retry"}, "status", ExecutionStatus.PENDING, id="an engine's own status too"),
        pytest.param({"status": "up_for_retry"}, "status_detail", "up_for_retry", id="whose name is kept"),
        pytest.param({"status": "failed"}, "status_detail", None, id="a known status needs no detail"),
        pytest.param({"status": "failed", "status_detail": "oom"}, "status_detail", "oom", id="but may have one"),
        pytest.param({"status": ["failed"]}, "status", ExecutionStatus.PENDING, id="a status in an array is none"),
        pytest.param(
            {"_id": ObjectId.from_datetime(NEW_YEAR)}, "created", NEW_YEAR, id="created when its document was made"
        ),
        pytest.param({"_id": 1}, "created", datetime.fromtimestamp(0, UTC), id="created who knows when"),
        pytest.param({"created": NEW_YEAR}, "updated", NEW_YEAR, id="updated when it was created"),
        pytest.param({"started_at": datetime(1, 12, 31, tzinfo=UTC)}, "started_at", None, id="the year 1 is no start"),
        pytest.param(
            {"started_at": datetime(2, 1, 1, tzinfo=UTC)},
            "started_at",
            datetime(2, 1, 1, tzinfo=UTC),
            id="the year 2 is",
        ),
        pytest.param({"total_duration": 1.5}, "duration_seconds", 1.5, id="a stored duration"),
        pytest.param({"total_duration": "1.5"}, "duration_seconds", None, id="no duration in text"),
        pytest.param(
            {"started_at": NEW_YEAR, "completed_at": NEW_YEAR + timedelta(seconds=2)},
            "duration_seconds",
            2.0,
            id="a duration from start to end",
        ),
        pytest.param(
            {"started_at": NEW_YEAR, "completed_at": NEW_YEAR - timedelta(seconds=2)},
            "duration_seconds",
            0.0,
            id="clocks that disagree",
        ),
        pytest.param({"started_at": NEW_YEAR, "status": "failed"}, "duration_seconds", None, id="ended who knows when"),
        pytest.param({}, "progress", NO_PROGRESS, id="no progress"),
        pytest.param(
            {"progress": {"current_step": 1, "total_steps": 4}},
            "progress",
            {"current_step": 1, "total_steps": 4, "percentage": 25.0},
            id="a share that follows from the steps",
        ),
        pytest.param(
            {"progress": 50},
            "progress",
            NO_PROGRESS,
            id="progress of another shape",
        ),
        pytest.param(
            {"tags": [{"key": "a", "value": "b"}, {"key": "c"}, {"value": "d"}, "e", {"key": 1, "value": 2}]},
            "tags",
            [{"key": "a", "value": "b"}, {"key": "c", "value": ""}, {"key": "1", "value": "2"}],
            id="tags, and what is none",
        ),
        pytest.param({"tags": {"key": "a", "value": "b"}}, "tags", [], id="a tag alone is no list of tags"),
        pytest.param({"error_details": "boom"}, "error", {**NO_ERROR, "message": "boom"}, id="an error in plain text"),
        pytest.param(
            {"error_details": {}}, "error", {**NO_ERROR, "message": "Unknown error"}, id="an error of few words"
        ),
        pytest.param(
            {"error_details": {"message": "m", "code": 7, "retryable": True, "own": 1}},
            "error",
            {**NO_ERROR, "message": "m", "code": "7", "retryable": True},
            id="an error with a number for a code",
        ),
        pytest.param({"tokens_used": 2**40}, "tokens_used", 2**31 - 1, id="more tokens than GraphQL's Int holds"),
        pytest.param({"tokens_used": 2**40}, "tokens", 2**40, id="which are exact all the same"),
    ],
)
def test_an_execution_that_leaves_out_or_adds(row: BsonDocument, attribute: str, expected: Any) -> None:
    assert plain(getattr(ExecutionRecord(row), attribute)) == expected


@pytest.mark.parametrize("completed", [None, datetime(1, 1, 1, tzinfo=UTC)], ids=["no end", "Go's zero time"])
def test_a_running_execution_has_lasted_until_now(completed: datetime | None) -> None:
    row = {"status": "running", "started_at": datetime.now(UTC) - timedelta(seconds=60), "completed_at": completed}

    seconds = ExecutionRecord(row).duration_seconds

    assert seconds is not None
    assert 60 <= seconds < 120


def test_a_start_after_the_calendar_gives_a_duration_all_the_same() -> None:
    record = ExecutionRecord({"started_at": DatetimeMS(2**62), "completed_at": NEW_YEAR})

    assert record.duration_seconds == 0


def test_a_start_before_the_calendar_is_none() -> None:
    record = ExecutionRecord({"started_at": DatetimeMS(-(2**62)), "completed_at": NEW_YEAR})

    assert (record.started_at, record.duration_seconds) == (None, None)


def test_a_step_without_a_name_is_named_after_its_id() -> None:
    assert StepRecord({"step_id": "s1"}).name == "s1"


def test_a_step_waits_for_what_it_lists() -> None:
    assert StepRecord({"depends_on": ["a", 1]}).depends_on == ["a", "1"]
    assert StepRecord({"depends_on": "a"}).depends_on == []


@pytest.mark.parametrize(
    ("stored", "level"), [("error", LogLevel.ERROR), ("loud", LogLevel.INFO), (None, LogLevel.INFO)]
)
def test_a_line_without_a_known_level_is_info(stored: str | None, level: LogLevel) -> None:
    assert LogRecord({"level": stored}).level is level


def test_payloads_are_json() -> None:
    record = ExecutionRecord({"final_result": {"at": NEW_YEAR, "id": ObjectId("0" * 24)}})

    assert record.final_result == {"at": "2026-01-01T00:00:00.000+00:00", "id": "0" * 24}
    assert record.input_parameters is None
