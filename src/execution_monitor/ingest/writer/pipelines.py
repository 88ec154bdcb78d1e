"""Update pipelines: join what is reported of a document with what is stored, and change nothing where that is newer.

A pipeline depends only on which registers are reported; values reach it as constants of the statement, which MongoDB
never takes for expressions. A statement finds no document where none of its registers wins.
"""

import functools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.bson_encoding import encode
from execution_monitor.ingest.writer.facts import PARENT_RUN, RETRY_OF_RUN
from execution_monitor.ingest.writer.registers import Register
from execution_monitor.ingest.writer.totals import Totals
from execution_monitor.storage.rows import BsonDocument

# Distinct shapes of reports; a protocol has some dozens.
_MAX_SHAPES = 2_000
_LENGTH = struct.Struct("<i")
# An own word about these fields of an execution is worth more than a total over its steps.
TOTALLED = ("progress", "total_cost", "tokens_used")
_ALWAYS_TOTALLED = ("steps_completed", "steps_failed")
# By the hidden field that names a run: the field that holds its execution once that is known.
REFERENCES = {PARENT_RUN: "parent_execution_id", RETRY_OF_RUN: "retry_of_execution_id"}

# The names of registers and their fields, each with whether it has a value.
_Shape = tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What differs between documents: the field of the duration, and whether the time of the last change is kept."""

    duration: str
    has_updated: bool


EXECUTION = DocumentKind("total_duration", has_updated=True)
STEP = DocumentKind("duration", has_updated=False)


def statement(
    kind: DocumentKind, where: Mapping[str, Any], registers: Mapping[str, Register], totals: Totals | None = None
) -> RawBSONDocument:
    """The statement of an `update` command that joins `registers`, and `totals`, with the document at `where`."""
    names = sorted(registers)
    shape: list[tuple[str, tuple[tuple[str, bool], ...]]] = []
    constants: BsonDocument = {}
    wins: list[BsonDocument] = []
    for place, name in enumerate(names):
        register = registers[name]
        fields: list[tuple[str, bool]] = []
        for number, (field, value) in enumerate(register.fields.items()):
            fields.append((field, value is not None))
            if value is not None:
                constants[f"v{place}_{number}"] = value
        shape.append((name, tuple(fields)))
        constants[f"s{place}"] = register.stamp
        wins.append(_is_behind(f"ingest.{name}", register.stamp))
    if totals is not None:
        constants["totals"] = totals.fields()
        constants["clock"] = totals.clock
        constants["steps"] = totals.steps
        wins.append(_is_behind("ingest.totals", totals.clock))
    condition = wins[0] if len(wins) == 1 else {"$or": wins}
    head = encode({"q": {**where, **condition}, "c": constants})
    pipeline = _encoded_pipeline(kind, tuple(shape), totals is not None)
    # Elements of a document may stand in any order; those that are always the same are encoded once.
    return RawBSONDocument(_LENGTH.pack(len(head) + len(pipeline)) + head[4:-1] + pipeline + b"\0")


def _is_behind(path: str, value: bytes | int) -> BsonDocument:
    return {path: {"$not": {"$gte": value}}}


@functools.lru_cache(_MAX_SHAPES)
def _encoded_pipeline(kind: DocumentKind, shape: _Shape, has_totals: bool) -> bytes:  # noqa: FBT001 - a key of the cache
    """The element `u` of a statement."""
    return encode({"u": _pipeline(kind, shape, has_totals=has_totals)})[4:-1]


def _pipeline(kind: DocumentKind, shape: _Shape, *, has_totals: bool) -> Sequence[BsonDocument]:
    names = {name for name, _ in shape}
    # The filter has made sure that a single register wins.
    is_only = len(shape) + has_totals == 1
    changes: BsonDocument = {}
    for place, (name, fields) in enumerate(shape):
        wins: Any = True if is_only else {"$lt": [f"$ingest.{name}", f"$$s{place}"]}
        for number, (field, has_value) in enumerate(fields):
            new = f"$$v{place}_{number}" if has_value else "$$REMOVE"
            changes[field] = _either(wins, new, field)
            if field in REFERENCES and REFERENCES[field] not in names:
                changes[REFERENCES[field]] = _forget_other(wins, field, new, REFERENCES[field])
        changes[f"ingest.{name}"] = {"$max": [f"$ingest.{name}", f"$$s{place}"]}
    if has_totals:
        changes |= _totalled(names, is_only=is_only)
    changes["version"] = {"$add": [{"$ifNull": ["$version", 0]}, 1]}
    if kind.has_updated:
        changes["updated"] = "$$NOW"
    stages: list[BsonDocument] = [{"$set": changes}]
    if changes.keys() & {"started_at", "completed_at"}:
        stages.append({"$set": {kind.duration: _DURATION}})
    return stages


def _either(wins: Any, new: Any, path: str) -> Any:
    return new if wins is True else {"$cond": [wins, new, f"${path}"]}


def _forget_other(wins: Any, path: str, run: Any, reference: str) -> Any:
    """Without an own word about it, the reference is that of the run, to be found again where the run is another."""
    is_other = {"$and": [wins, {"$ne": [f"${path}", run]}, {"$lte": [f"$ingest.{reference}", None]}]}
    return {"$cond": [is_other, "$$REMOVE", f"${reference}"]}


def _totalled(names: set[str], *, is_only: bool) -> BsonDocument:
    wins: Any = True if is_only else {"$lt": ["$ingest.totals", "$$clock"]}
    changes = {name: _either(wins, f"$$totals.{name}", name) for name in _ALWAYS_TOTALLED}
    for name in TOTALLED:
        if name not in names:
            changes[name] = _either({"$and": [wins, {"$lte": [f"$ingest.{name}", None]}]}, f"$$totals.{name}", name)
    changes["ingest.totals"] = {"$max": ["$ingest.totals", "$$clock"]}
    changes["ingest.steps"] = _either(wins, "$$steps", "ingest.steps")
    return changes


_DURATION: BsonDocument = {
    "$cond": [
        {"$and": ["$started_at", "$completed_at"]},
        {"$max": [0.0, {"$divide": [{"$subtract": ["$completed_at", "$started_at"]}, 1_000]}]},
        "$$REMOVE",
    ]
}
