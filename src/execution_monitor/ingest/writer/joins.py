"""Joins: update stored documents with what is newer of reports.

What was read of a document says what is newer, and a plain update writes that if nobody has changed the document since,
for less than half of what a pipeline takes. Where somebody has, the pipeline decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beanie import Document
from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.bson_encoding import encode
from execution_monitor.ingest.writer.commands import Outcome, update
from execution_monitor.ingest.writer.new_documents import seconds_between
from execution_monitor.ingest.writer.pipelines import REFERENCES, TOTALLED, DocumentKind, statement
from execution_monitor.ingest.writer.registers import Register
from execution_monitor.ingest.writer.slices import in_slices
from execution_monitor.ingest.writer.totals import Totals
from execution_monitor.storage.database import Database
from execution_monitor.storage.rows import BsonDocument, Row

# What is read of a document that is joined with reports.
READ_FOR_JOIN = {"version": 1, "ingest": 1, "started_at": 1, "completed_at": 1}
_DURATION_OF = frozenset({"started_at", "completed_at"})


@dataclass(frozen=True, slots=True)
class Join:
    """A stored document, and what is newer than what was read of it.

    Attributes:
        where: finds the document.
        stored: what was read of it.
    """

    where: Mapping[str, Any]
    stored: Row
    registers: Mapping[str, Register]
    totals: Totals | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is newer: stamps and clocks only grow, so that nothing will be."""
        return not self.registers and self.totals is None


def join_of(
    where: Mapping[str, Any], stored: Row, registers: Mapping[str, Register], totals: Totals | None = None
) -> Join:
    """The join with those of `registers` and `totals` that may win."""
    stamps = stored["ingest"]
    newer = {name: each for name, each in registers.items() if name not in stamps or stamps[name] < each.stamp}
    is_newer = totals is not None and stamps.get("totals", -1) < totals.clock
    return Join(where, stored, newer, totals if is_newer else None)


async def join_all(database: Database, document: type[Document], kind: DocumentKind, joins: Iterable[Join]) -> Outcome:
    """Update the documents; raises as `update` does."""
    needed = [join async for join in in_slices(joins) if not join.is_empty]
    if not needed:
        return Outcome()
    outcome = await update(database, document, (_statement_of(kind, join) for join in needed))
    if outcome.matched < len(needed):
        # Which of them found nothing is not said. Those that were written have nothing to change any more.
        again = await update(database, document, _pipelines(kind, needed))
        outcome.changed += again.changed
    return outcome


def _pipelines(kind: DocumentKind, joins: Sequence[Join]) -> Iterator[RawBSONDocument]:
    return (statement(kind, join.where, join.registers, join.totals) for join in joins)


def _statement_of(kind: DocumentKind, join: Join) -> RawBSONDocument:
    values, removed = _changes(kind, join.stored, join.registers, join.totals)
    change: BsonDocument = {"$set": values, "$inc": {"version": 1}}
    if removed:
        change["$unset"] = dict.fromkeys(removed, "")
    if kind.has_updated:
        change["$currentDate"] = {"updated": True}
    return RawBSONDocument(encode({"q": {**join.where, "version": join.stored.get("version")}, "u": change}))


def _changes(
    kind: DocumentKind, stored: Row, registers: Mapping[str, Register], totals: Totals | None
) -> tuple[BsonDocument, set[str]]:
    """The fields that get values, by their paths, and those that lose theirs."""
    stamps = stored["ingest"]
    values: BsonDocument = {}
    removed: set[str] = set()
    for name, register in registers.items():
        values[f"ingest.{name}"] = register.stamp
        for field, value in register.fields.items():
            if value is None:
                removed.add(field)
            else:
                values[field] = value
            reference = REFERENCES.get(field)
            has_own_word = reference in registers or reference in stamps
            # Without one it is that of the run, to be found again where the run is another.
            if reference is not None and not has_own_word and stamps.get(field.removeprefix("ingest.")) != value:
                removed.add(reference)
    if totals is not None:
        explicit = {name for name in TOTALLED if name in registers or name in stamps}
        values |= {name: value for name, value in totals.fields().items() if name not in explicit}
        values |= {"ingest.totals": totals.clock, "ingest.steps": totals.steps}
    if _DURATION_OF & (values.keys() | removed):
        now = {**{each: stored.get(each) for each in _DURATION_OF}, **values, **dict.fromkeys(removed)}
        seconds = seconds_between(now["started_at"], now["completed_at"])
        if seconds is None:
            removed.add(kind.duration)
        else:
            values[kind.duration] = seconds
    return values, removed
