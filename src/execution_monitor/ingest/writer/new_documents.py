"""The documents of executions, steps and log lines that are reported for the first time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from execution_monitor.ingest.writer.facts import HEARSAY, DocumentFacts, LogLine, Register, stamp_of
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

# Stamps lie here, and fields that nobody but the server reads beside them.
_HIDDEN = "ingest."


def registers_of(facts: DocumentFacts) -> Mapping[str, Register]:
    """The registers, `created` among them: without a word about it, it is the earliest time that is reported."""
    since = facts.since
    if "created" in facts.registers or since is None:
        return facts.registers
    fields = {"created": since}
    stamp = stamp_of(fields, rank=HEARSAY, at=since, earliest=True)
    return {**facts.registers, "created": Register(stamp, fields)}


def new_execution(owner: Owner, execution_id: str, facts: DocumentFacts, now: datetime) -> BsonDocument:
    """An execution as it is first stored. Totals are read once its steps are stored: others may store the same ones."""
    defaults: BsonDocument = {
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
    return _complete(defaults, facts, "total_duration")


def new_step(owner: Owner, execution_id: str, step_id: str, facts: DocumentFacts, now: datetime) -> BsonDocument:
    """A step as it is first stored."""
    defaults: BsonDocument = {
        "_id": owner.step(execution_id, step_id),
        "execution_id": execution_id,
        "tenant_id": owner.tenant_id,
        "step_id": step_id,
        "step_name": step_id,
        "step_index": 0,
        "status": ExecutionStatus.PENDING.value,
        "created": now,
        "attempt": 1,
        "cost": 0.0,
        "tokens_used": 0,
        "version": 1,
    }
    return _complete(defaults, facts, "duration")


def new_line(owner: Owner, line: LogLine) -> BsonDocument:
    """A log line as it is stored."""
    return {
        "_id": owner.line(line.execution_id, line.line_id),
        "execution_id": line.execution_id,
        "tenant_id": owner.tenant_id,
        **line.fields,
    }


def _complete(document: BsonDocument, facts: DocumentFacts, duration: str) -> BsonDocument:
    ingest: BsonDocument = {}
    for name, register in registers_of(facts).items():
        ingest[name] = register.stamp
        for field, value in register.fields.items():
            is_hidden = field.startswith(_HIDDEN)
            target, key = (ingest, field.removeprefix(_HIDDEN)) if is_hidden else (document, field)
            if value is None:
                target.pop(key, None)
            else:
                target[key] = value
    seconds = seconds_between(document.get("started_at"), document.get("completed_at"))
    if seconds is not None:
        document[duration] = seconds
    document["ingest"] = ingest
    return document


def seconds_between(start: Any, end: Any) -> float | None:
    """How long something took, in seconds, not below 0; None unless both are dates."""
    if not (isinstance(start, datetime) and isinstance(end, datetime)):
        return None
    # MongoDB keeps whole milliseconds, and updates compute this from what it keeps.
    return max(0.0, (milliseconds_of(end) - milliseconds_of(start)) / 1_000)
