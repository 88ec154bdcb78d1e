"""Documents and update pipelines made of facts.

A pipeline compares each register's stamp with the stored one and takes the fields of those that are newer, in one
update of one document: reports of several processes need no lock. Where no register wins it changes nothing, so that
MongoDB stores and tells nothing. Values are literals, so that text which looks like an expression stays text.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bson import ObjectId

from execution_monitor.ingest.core.recorded_run import identity_digest
from execution_monitor.ingest.writer.facts import DocumentFacts
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

STAMPS = "ingest"
# The clock of the totals over an execution's steps stands among the stamps; no register has this name.
CLOCK = "clock"
_WINS, _CHANGED = "_wins", "_changed"
_MILLISECONDS = 1_000
# Totals of steps, unless a register of this name reports them for the execution itself.
_REPORTED = ("progress", "total_cost", "tokens_used")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document.

    Attributes:
        name: the field that must have a value, which is an id until one is reported.
        name_is: the field with that id.
        duration: the field that holds the seconds from start to end.
        tracks_updates: whether the time of the last change is stored.
    """

    name: str
    name_is: str
    duration: str
    tracks_updates: bool


EXECUTION = Kind("workflow_name", "execution_id", "total_duration", tracks_updates=True)
STEP = Kind("step_name", "step_id", "duration", tracks_updates=False)


def object_id(*identity: str) -> ObjectId:
    """The `_id` of the document with this identity: its tenant, its execution and what names it there."""
    return ObjectId(identity_digest(*identity))


def document_of(kind: Kind, identity: BsonDocument, facts: DocumentFacts, totals: BsonDocument | None) -> BsonDocument:
    """The document as it is first stored; `totals` are those of its steps, with their clock under `CLOCK`."""
    document: BsonDocument = {
        **identity,
        kind.name: identity[kind.name_is],
        "status": ExecutionStatus.PENDING.value,
        "version": 1,
    }
    stamps: BsonDocument = {}
    for name, value in (totals or {}).items():
        if name == CLOCK:
            stamps[CLOCK] = value
        elif name not in facts.registers:
            document[name] = value
    for name, register in facts.registers.items():
        stamps[name] = register.stamp
        for field, value in register.fields.items():
            _put(document, stamps, field, value)
    now = datetime.now(UTC)
    document.setdefault("created", now)
    if kind.tracks_updates:
        document["updated"] = now
    started, completed = document.get("started_at"), document.get("completed_at")
    if started is not None and completed is not None:
        milliseconds = milliseconds_of(completed) - milliseconds_of(started)
        document[kind.duration] = max(0, milliseconds) / _MILLISECONDS
    document[STAMPS] = stamps
    return document


def _put(document: BsonDocument, stamps: BsonDocument, field: str, value: Any) -> None:
    within, _, name = field.partition(".")
    target, key = (stamps, name) if within == STAMPS and name else (document, field)
    if value is None:
        target.pop(key, None)
    else:
        target[key] = value


def pipeline_of(kind: Kind, facts: DocumentFacts, totals: BsonDocument | None) -> list[Any]:
    """The update that joins `facts` and `totals` with the stored document, or with one that it inserts."""
    registers = facts.registers
    wins, takes = dict[str, Any](), dict[str, Any]()
    for name, register in registers.items():
        stored, newer = f"${STAMPS}.{name}", f"${_WINS}.{name}"
        wins[name] = {"$lt": [{"$ifNull": [stored, b""]}, register.stamp]}
        takes[f"{STAMPS}.{name}"] = {"$cond": [newer, register.stamp, stored]}
        for field, value in register.fields.items():
            new = "$$REMOVE" if value is None else {"$literal": value}
            takes[field] = {"$cond": [newer, new, f"${field}"]}
    changes = [f"${_WINS}.{name}" for name in registers]
    completes: BsonDocument = {}
    if totals is not None:
        changes.append(f"${_WINS}.{CLOCK}")
        stored = f"${STAMPS}.{CLOCK}"
        wins[CLOCK] = {"$lt": [{"$ifNull": [stored, -1]}, totals[CLOCK]]}
        takes[f"{STAMPS}.{CLOCK}"] = {"$cond": [f"${_WINS}.{CLOCK}", totals[CLOCK], stored]}
        for field, value in totals.items():
            if field == CLOCK:
                continue
            newer = f"${_WINS}.{CLOCK}"
            if field in _REPORTED:
                # Those of the execution itself stay.
                newer = {"$and": [newer, {"$eq": [{"$type": f"${STAMPS}.{field}"}, "missing"]}]}
            completes[field] = {"$cond": [newer, value, f"${field}"]}
    return [
        {"$set": {_WINS: wins}},
        # A new document, of an update that inserts, has changed in any case.
        {"$set": {**takes, _CHANGED: {"$or": [*changes, {"$eq": [{"$type": "$version"}, "missing"]}]}}},
        {"$set": {**completes, **_last_stage(kind)}},
        {"$unset": [_WINS, _CHANGED]},
    ]


@lru_cache
def _last_stage(kind: Kind) -> BsonDocument:
    ran = {"$divide": [{"$subtract": ["$completed_at", "$started_at"]}, _MILLISECONDS]}
    both = {"$and": [{"$eq": [{"$type": f"${name}"}, "date"]} for name in ("started_at", "completed_at")]}
    fields: BsonDocument = {
        # Where an update inserts the document, MongoDB has set what its filter says.
        kind.name: {"$ifNull": [f"${kind.name}", f"${kind.name_is}"]},
        "status": {"$ifNull": ["$status", ExecutionStatus.PENDING.value]},
        "created": {"$ifNull": ["$created", "$$NOW"]},
        kind.duration: {"$cond": [both, {"$max": [0.0, ran]}, "$$REMOVE"]},
        "version": {"$cond": [f"${_CHANGED}", {"$add": [{"$ifNull": ["$version", 0]}, 1]}, "$version"]},
    }
    if kind.tracks_updates:
        fields["updated"] = {"$cond": [f"${_CHANGED}", "$$NOW", "$updated"]}
    return fields
