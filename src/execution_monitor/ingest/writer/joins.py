"""Joins: update stored documents with what is newer of reports.

What was read of a document says what may be newer, and the update decides: somebody may have changed it since. Planning
an update takes MongoDB longer than changing a document, so one statement changes all those of which the same registers
are reported.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beanie import Document
from bson import ObjectId
from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.bson_encoding import encode
from execution_monitor.ingest.writer.commands import Outcome, update
from execution_monitor.ingest.writer.pipelines import DocumentKind, Shape, constants_of, encoded_pipeline
from execution_monitor.ingest.writer.registers import Register
from execution_monitor.ingest.writer.slices import in_slices
from execution_monitor.ingest.writer.totals import Totals
from execution_monitor.storage.database import Database
from execution_monitor.storage.rows import Row

# What is read of a document that is joined with reports.
READ_FOR_JOIN = {"version": 1, "ingest": 1}

# Of one statement. More documents make it hardly cheaper for each, and take longer to encode at once.
_MAX_DOCUMENTS = 100
_MAX_BYTES = 1024 * 1024
_LENGTH = struct.Struct("<i")


@dataclass(frozen=True, slots=True)
class Join:
    """A stored document, by its `_id`, and what is newer than what was read of it."""

    key: ObjectId
    registers: Mapping[str, Register]
    totals: Totals | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is newer: stamps and clocks only grow, so that nothing will be."""
        return not self.registers and self.totals is None


def join_of(stored: Row, registers: Mapping[str, Register], totals: Totals | None = None) -> Join:
    """The join with those of `registers` and `totals` that may win."""
    stamps = stored["ingest"]
    newer = {name: each for name, each in registers.items() if name not in stamps or stamps[name] < each.stamp}
    is_newer = totals is not None and stamps.get("totals", -1) < totals.clock
    return Join(stored["_id"], newer, totals if is_newer else None)


async def join_all(
    database: Database, document: type[Document], kind: DocumentKind, where: Mapping[str, Any], joins: Iterable[Join]
) -> Outcome:
    """Update those of the documents that meet `where`; raises as `update` does."""
    by_shape = defaultdict[Shape, list[Join]](list)
    async for join in in_slices(joins):
        if not join.is_empty:
            by_shape[Shape.of(join.registers, join.totals)].append(join)
    statements = (each for shape, of in by_shape.items() for each in _statements(kind, shape, where, of))
    return await update(database, document, statements)


def _statements(
    kind: DocumentKind, shape: Shape, where: Mapping[str, Any], joins: Sequence[Join]
) -> Iterator[RawBSONDocument]:
    """Statements of an `update` command."""
    pipeline = encoded_pipeline(kind, shape)
    ids: list[ObjectId] = []
    reported: list[RawBSONDocument] = []
    size = 0
    for join in joins:
        constants = encode(constants_of(join.registers, join.totals))
        if ids and (len(ids) == _MAX_DOCUMENTS or size + len(constants) > _MAX_BYTES):
            yield _statement(where, ids, reported, pipeline)
            ids, reported, size = [], [], 0
        ids.append(join.key)
        reported.append(RawBSONDocument(constants))
        size += len(constants)
    yield _statement(where, ids, reported, pipeline)


def _statement(
    where: Mapping[str, Any], ids: Sequence[ObjectId], reported: Sequence[RawBSONDocument], pipeline: bytes
) -> RawBSONDocument:
    head = encode(
        {
            "q": {"_id": {"$in": ids}, **where},
            "c": {"ids": ids, "reported": reported},
            "multi": True,
            "hint": {"_id": 1},
        }
    )
    # Elements of a document may stand in any order; those that are always the same are encoded once.
    return RawBSONDocument(_LENGTH.pack(len(head) + len(pipeline)) + head[4:-1] + pipeline + b"\0")
