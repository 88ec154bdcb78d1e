"""Update pipelines: join what is reported of documents with what is stored, and change nothing where that is newer.

A pipeline depends only on which registers are reported, so that one statement can join many documents: it finds what
is reported of each by its `_id`, in constants of the statement, which MongoDB never takes for expressions.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution_monitor.ingest.writer.bson_encoding import encode
from execution_monitor.ingest.writer.facts import PARENT_RUN, RETRY_OF_RUN
from execution_monitor.ingest.writer.registers import Register
from execution_monitor.ingest.writer.totals import Totals
from execution_monitor.storage.rows import BsonDocument

# Distinct shapes of reports; a protocol has some dozens.
_MAX_SHAPES = 2_000
# An own word about these fields of an execution is worth more than a total over its steps.
TOTALLED = ("progress", "total_cost", "tokens_used")
_ALWAYS_TOTALLED = ("steps_completed", "steps_failed")
# By the hidden field that names a run: the field that holds its execution once that is known.
REFERENCES = {PARENT_RUN: "parent_execution_id", RETRY_OF_RUN: "retry_of_execution_id"}

# Holds what is reported of a document while it is joined.
_REPORTED = "_reported"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a pipeline depends on: the names of registers and their fields, each with whether it has a value."""

    registers: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]
    has_totals: bool

    @classmethod
    def of(cls, registers: Mapping[str, Register], totals: Totals | None) -> "Shape":
        """The shape of a report of `registers` and `totals`."""
        names = (
            (name, tuple((field, value is not None) for field, value in registers[name].fields.items()))
            for name in sorted(registers)
        )
        return cls(tuple(names), totals is not None)


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What differs between documents: the field of the duration, and whether the time of the last change is kept."""

    duration: str
    has_updated: bool


EXECUTION = DocumentKind("total_duration", has_updated=True)
STEP = DocumentKind("duration", has_updated=False)


def constants_of(registers: Mapping[str, Register], totals: Totals | None) -> BsonDocument:
    """What the pipeline reads of the report of one document: stamps and values by the places of their registers."""
    constants: BsonDocument = {}
    for place, name in enumerate(sorted(registers)):
        register = registers[name]
        constants[f"s{place}"] = register.stamp
        for number, value in enumerate(register.fields.values()):
            if value is not None:
                constants[f"v{place}_{number}"] = value
    if totals is not None:
        constants |= {"totals": totals.fields(), "clock": totals.clock, "steps": totals.steps}
    return constants


@functools.lru_cache(_MAX_SHAPES)
def encoded_pipeline(kind: DocumentKind, shape: Shape) -> bytes:
    """The element `u` of a statement whose constants are `ids`, and `reported` of the document with each of these."""
    return encode({"u": _pipeline(kind, shape)})[4:-1]


def _pipeline(kind: DocumentKind, shape: Shape) -> Sequence[BsonDocument]:
    names = {name for name, _ in shape.registers}
    changes: BsonDocument = {}
    all_wins: list[BsonDocument] = []
    for place, (name, fields) in enumerate(shape.registers):
        wins = _is_behind(name, f"s{place}")
        all_wins.append(wins)
        for number, (field, has_value) in enumerate(fields):
            new = _reported(f"v{place}_{number}") if has_value else "$$REMOVE"
            changes[field] = _either(wins, new, field)
            if field in REFERENCES and REFERENCES[field] not in names:
                changes[REFERENCES[field]] = _forget_other(wins, field, new, REFERENCES[field])
        changes[f"ingest.{name}"] = _greater(name, f"s{place}")
    if shape.has_totals:
        wins = _is_behind("totals", "clock")
        all_wins.append(wins)
        changes |= _totalled(names, wins)
    is_changed = {"$or": all_wins}
    changes["version"] = _either(is_changed, {"$add": [{"$ifNull": ["$version", 0]}, 1]}, "version")
    if kind.has_updated:
        changes["updated"] = _either(is_changed, "$$NOW", "updated")
    stages: list[BsonDocument] = [{"$set": {_REPORTED: _OF_DOCUMENT}}, {"$set": changes}]
    if changes.keys() & {"started_at", "completed_at"}:
        stages.append({"$set": {kind.duration: _DURATION}})
    stages.append({"$unset": _REPORTED})
    return stages


def _reported(name: str) -> str:
    return f"${_REPORTED}.{name}"


def _is_behind(register: str, stamp: str) -> BsonDocument:
    return {"$lt": [f"$ingest.{register}", _reported(stamp)]}


def _greater(register: str, stamp: str) -> BsonDocument:
    return {"$max": [f"$ingest.{register}", _reported(stamp)]}


def _either(wins: Any, new: Any, path: str) -> BsonDocument:
    return {"$cond": [wins, new, f"${path}"]}


def _forget_other(wins: Any, path: str, run: Any, reference: str) -> Any:
    """Without an own word about it, the reference is that of the run, to be found again where the run is another."""
    is_other = {"$and": [wins, {"$ne": [f"${path}", run]}, {"$lte": [f"$ingest.{reference}", None]}]}
    return {"$cond": [is_other, "$$REMOVE", f"${reference}"]}


def _totalled(names: set[str], wins: Any) -> BsonDocument:
    changes = {name: _either(wins, _reported(f"totals.{name}"), name) for name in _ALWAYS_TOTALLED}
    for name in TOTALLED:
        if name not in names:
            has_no_own_word = {"$lte": [f"$ingest.{name}", None]}
            changes[name] = _either({"$and": [wins, has_no_own_word]}, _reported(f"totals.{name}"), name)
    changes["ingest.totals"] = _greater("totals", "clock")
    changes["ingest.steps"] = _either(wins, _reported("steps"), "ingest.steps")
    return changes


_OF_DOCUMENT: BsonDocument = {"$arrayElemAt": ["$$reported", {"$indexOfArray": ["$$ids", "$_id"]}]}
_DURATION: BsonDocument = {
    "$cond": [
        {"$and": ["$started_at", "$completed_at"]},
        {"$max": [0.0, {"$divide": [{"$subtract": ["$completed_at", "$started_at"]}, 1_000]}]},
        "$$REMOVE",
    ]
}
