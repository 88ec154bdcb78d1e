"""The documents of executions, steps and log lines that are reported for the first time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.bson_encoding import document_of, elements_of
from execution_monitor.ingest.writer.facts import HEARSAY, PARENT_RUN, RETRY_OF_RUN, DocumentFacts, LogLine
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.registers import Register
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

# Fields that nobody but the server reads, beside the stamps.
_HIDDEN = frozenset({PARENT_RUN, RETRY_OF_RUN})
_BESIDE_STAMPS = "ingest."
# What a step has without a word about it, beside its name and its time.
_STEP: BsonDocument = {
    "step_index": 0,
    "status": ExecutionStatus.PENDING.value,
    "attempt": 1,
    "cost": 0.0,
    "tokens_used": 0,
    "version": 1,
}


def registers_of(facts: DocumentFacts) -> Mapping[str, Register]:
    """The registers, `created` among them: without a word about it, it is the earliest time that is reported."""
    since = facts.since
    if "created" in facts.registers or since is None:
        return facts.registers
    return {**facts.registers, "created": Register.of_time("created", since, rank=HEARSAY, earliest=True)}


def new_execution(owner: Owner, execution_id: str, facts: DocumentFacts, now: datetime) -> BsonDocument:
    """An execution as it is first stored. Totals are read once its steps are stored: others may store the same ones."""
    document: BsonDocument = {
        "_id": owner.execution(execution_id),
        "execution_id": execution_id,
        "tenant_id": owner.tenant_id,
        "user_id": owner.user_id,
        "workflow_name": execution_id,
        "status": ExecutionStatus.PENDING.value,
        "created": now,
        "updated": now,
        "attempt": 1,
        "progress": {"current_step": 0, "total_steps": 0, "percentage": 0.0},
        "steps_completed": 0,
        "steps_failed": 0,
        "total_cost": 0.0,
        "tokens_used": 0,
        "version": 1,
    }
    registers = registers_of(facts)
    for register in registers.values():
        document |= register.fields
    document = {field: value for field, value in document.items() if value is not None}
    ingest: BsonDocument = {name: register.stamp for name, register in registers.items()}
    for field in _HIDDEN & document.keys():
        ingest[field.removeprefix(_BESIDE_STAMPS)] = document.pop(field)
    seconds = seconds_between(document.get("started_at"), document.get("completed_at"))
    if seconds is not None:
        document["total_duration"] = seconds
    document["ingest"] = ingest
    return document


def new_step(owner: Owner, execution_id: str, step_id: str, facts: DocumentFacts, now: datetime) -> RawBSONDocument:
    """A step as it is first stored; what was encoded of its registers, to make their stamps, is not encoded again."""
    registers = registers_of(facts)
    reported: BsonDocument = {}
    count = 0
    for register in registers.values():
        reported |= register.fields
        count += len(register.fields)
    document: BsonDocument = {
        "_id": owner.step(execution_id, step_id),
        "execution_id": execution_id,
        "tenant_id": owner.tenant_id,
        "step_id": step_id,
    }
    defaults = {"step_name": step_id, "created": now, **_STEP}
    document |= {field: value for field, value in defaults.items() if field not in reported}
    seconds = seconds_between(reported.get("started_at"), reported.get("completed_at"))
    if seconds is not None:
        document["duration"] = seconds
    document["ingest"] = {name: register.stamp for name, register in registers.items()}
    if len(reported) < count:
        # Reports over several protocols of one step have some fields in common.
        document |= {field: value for field, value in reported.items() if value is not None}
        return document_of(elements_of(document))
    return document_of(elements_of(document), *(register.elements for register in registers.values()))


def new_line(owner: Owner, line: LogLine) -> BsonDocument:
    """A log line as it is stored."""
    return {
        "_id": owner.line(line.execution_id, line.line_id),
        "execution_id": line.execution_id,
        "tenant_id": owner.tenant_id,
        **line.fields,
    }


def seconds_between(start: Any, end: Any) -> float | None:
    """How long something took, in seconds, not below 0; None unless both are dates."""
    if not (isinstance(start, datetime) and isinstance(end, datetime)):
        return None
    # MongoDB keeps whole milliseconds, and updates compute this from what it keeps.
    return max(0.0, (milliseconds_of(end) - milliseconds_of(start)) / 1_000)
