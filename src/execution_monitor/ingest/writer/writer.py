"""The writer: stores the facts of one owner, and says what was refused.

Executions come first, since whoever stores an execution owns it; then log lines and steps, then the totals over the
steps. What a crash leaves undone in between, the sender's own retry completes: all of it may be written again.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pymongo import InsertOne, UpdateOne

from execution_monitor.ingest.writer.bulk_writes import Written, write_all
from execution_monitor.ingest.writer.facts import DocumentFacts, Facts
from execution_monitor.ingest.writer.ownership import NOT_YOURS, Owner, Ownership
from execution_monitor.ingest.writer.pipelines import (
    CLOCK,
    EXECUTION,
    STAMPS,
    STEP,
    Kind,
    document_of,
    object_id,
    pipeline_of,
)
from execution_monitor.ingest.writer.runs import Runs
from execution_monitor.ingest.writer.totals import add_up, read_totals
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.rows import BsonDocument

Item = TypeVar("Item")

# Of one execution; what it reports beyond is counted, and not stored.
MAX_STEPS = 10_000
_REMEMBERED_STEPS = 200_000
_REMEMBERED_COUNTS = 100_000
# Making so many documents or updates takes a few milliseconds, in which nothing else runs.
_AT_ONCE = 200
_BY_ID = {"_id": 1}


@dataclass(slots=True)
class Outcome:
    """What became of facts; the attributes are those of `service.Stored`."""

    changed: set[str] = field(default_factory=set[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    uncounted_steps: Counter[str] = field(default_factory=Counter[str])


class Writer:
    """Writes facts into one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ownership = Ownership(database)
        self._runs = Runs(database)
        self._steps = LruCache[bool](_REMEMBERED_STEPS)
        self._step_counts = LruCache[int](_REMEMBERED_COUNTS)

    async def write(self, owner: Owner, facts: Facts) -> Outcome:
        """Store `facts` as those of `owner`; raises `PyMongoError`, after which all may be written again."""
        outcome = Outcome()
        _date_executions(facts)
        inserted = await self._claim(owner, facts, outcome)
        await self._write_lines(owner, facts, outcome)
        await self._write_steps(owner, facts, outcome)
        await self._update_executions(owner, facts, inserted, outcome)
        await self._runs.resolve(owner.tenant, facts, outcome.refused)
        return outcome

    async def _claim(self, owner: Owner, facts: Facts, outcome: Outcome) -> Mapping[str, BsonDocument]:
        """Insert the executions that are not there, refuse those of others, and return the inserted ones."""
        unknown = self._ownership.unknown(owner, facts.executions)
        if not unknown:
            return {}
        theirs, others = await self._ownership.look_up(owner, unknown)
        absent = [each for each in unknown if each not in theirs and each not in others]
        steps = _by_execution(facts)
        documents: list[BsonDocument] = []
        for execution_id in absent:
            of_steps = [document_of(STEP, _step(owner, *key), facts.steps[key], None) for key in steps[execution_id]]
            totals = add_up(of_steps) if 0 < len(of_steps) <= MAX_STEPS else None
            identity = _execution(owner, execution_id)
            documents.append(document_of(EXECUTION, identity, facts.executions[execution_id], totals))
            await _pause_after(len(of_steps), len(documents))
        written = await write_all(self._database.collection(Execution), [InsertOne(each) for each in documents])
        inserted = dict(zip(absent, documents, strict=True))
        lost = [absent[place] for place in written.duplicates]
        for execution_id in lost:
            del inserted[execution_id]
        # Another process stored them meanwhile, perhaps for the same owner.
        _, others_since = await self._ownership.look_up(owner, lost)
        outcome.refused.update(dict.fromkeys(others | others_since, NOT_YOURS))
        self._ownership.remember(owner, inserted)
        outcome.changed.update(inserted)
        return inserted

    async def _write_lines(self, owner: Owner, facts: Facts, outcome: Outcome) -> None:
        lines = [each for each in facts.log_lines.values() if each.execution_id not in outcome.refused]
        inserts: list[InsertOne[BsonDocument]] = []
        for line in lines:
            key = object_id(owner.tenant, line.execution_id, line.line_id)
            names = {"_id": key, "tenant_id": owner.tenant, "execution_id": line.execution_id}
            inserts.append(InsertOne({**names, **line.fields}))
        written = await write_all(self._database.collection(LogEntry), inserts)
        stored = set(written.duplicates)
        outcome.changed.update(line.execution_id for place, line in enumerate(lines) if place not in stored)

    async def _write_steps(self, owner: Owner, facts: Facts, outcome: Outcome) -> None:
        keys = [key for key in facts.steps if key[0] not in outcome.refused]
        new = [key for key in keys if self._steps.get(object_id(owner.tenant, *key)) is None]
        full = self._find_full(owner, new)
        inserted = await self._insert_steps(owner, facts, [key for key in new if key[0] not in full])
        outcome.changed.update(execution_id for execution_id, _ in inserted)
        updating = [key for key in keys if key not in inserted]
        for part in _in_parts(updating):
            updates = [
                _update(STEP, _step(owner, *key), facts.steps[key], None, inserts=key[0] not in full) for key in part
            ]
            if (await self._update(Step, updates)).changed:
                # Which of them is not known of a bulk write, and of little concern to those who report.
                outcome.changed.update(execution_id for execution_id, _ in part)
        for key in keys:
            if key[0] not in full:
                self._steps.put(object_id(owner.tenant, *key), True)  # noqa: FBT003 - what is remembered
        await self._count_left_out(owner, [key for key in new if key[0] in full], outcome)

    async def _insert_steps(self, owner: Owner, facts: Facts, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Insert the steps that are not there, and return them."""
        inserted = set(keys)
        for part in _in_parts(keys):
            inserts = [InsertOne(document_of(STEP, _step(owner, *key), facts.steps[key], None)) for key in part]
            written = await write_all(self._database.collection(Step), inserts)
            inserted.difference_update(part[place] for place in written.duplicates)
        return inserted

    def _find_full(self, owner: Owner, new: Sequence[tuple[str, str]]) -> Collection[str]:
        """The executions that have no room for as many steps as may be `new`."""
        adding = Counter(execution_id for execution_id, _ in new)
        counts = {each: self._step_counts.get((owner.tenant, each)) or 0 for each in adding}
        return {each for each, count in adding.items() if counts[each] + count > MAX_STEPS}

    async def _count_left_out(self, owner: Owner, keys: Sequence[tuple[str, str]], outcome: Outcome) -> None:
        """Count those of `keys` that are not stored."""
        for part in _in_parts(keys):
            ids = {object_id(owner.tenant, *key): key[0] for key in part}
            where = {"tenant_id": owner.tenant, "_id": {"$in": list(ids)}}
            stored = {row["_id"] async for row in self._database.collection(Step).find(where, {"_id": 1})}
            outcome.uncounted_steps.update(execution_id for key, execution_id in ids.items() if key not in stored)

    async def _update_executions(
        self, owner: Owner, facts: Facts, inserted: Mapping[str, BsonDocument], outcome: Outcome
    ) -> None:
        counted = {key[0] for key in facts.steps} | facts.recounted
        totals = await read_totals(self._database, owner.tenant, counted - outcome.refused.keys())
        for execution_id, each in totals.items():
            self._step_counts.put((owner.tenant, execution_id), each["progress"]["total_steps"])
        nothing = DocumentFacts(facts.clean)
        updates: dict[str, UpdateOne] = {}
        for execution_id, reported in facts.executions.items():
            document, of_steps = inserted.get(execution_id), totals.get(execution_id)
            if execution_id in outcome.refused:
                continue
            if document is not None and (of_steps is None or document[STAMPS].get(CLOCK) == of_steps[CLOCK]):
                continue
            identity = _execution(owner, execution_id)
            updates[execution_id] = _update(EXECUTION, identity, nothing if document else reported, of_steps)
        for part in _in_parts(list(updates)):
            written = await self._update(Execution, [updates[each] for each in part])
            lost = [part[place] for place in written.duplicates]
            # Given to another owner since, or deleted and stored again by one.
            self._ownership.forget(owner, lost)
            outcome.refused.update(dict.fromkeys(lost, NOT_YOURS))
            if written.changed:
                outcome.changed.update(each for each in part if each not in lost)

    async def _update(self, document: type[Execution] | type[Step], updates: Sequence[UpdateOne]) -> Written:
        """Run `updates`, once more where two processes inserted the same document at the same time."""
        collection = self._database.collection(document)
        written = await write_all(collection, updates)
        if not written.duplicates:
            return written
        again = await write_all(collection, [updates[place] for place in written.duplicates])
        return Written([written.duplicates[place] for place in again.duplicates], written.changed + again.changed)


def _date_executions(facts: Facts) -> None:
    """An execution existed when what is reported of it happened, also where nothing else is reported of itself."""
    for (execution_id, _), step in facts.steps.items():
        created = step.registers.get("created")
        execution = facts.execution(execution_id)
        if created is not None:
            execution.created(created.fields["created"])
    for line in facts.log_lines.values():
        facts.execution(line.execution_id).created(line.fields["timestamp"])


def _by_execution(facts: Facts) -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {execution_id: [] for execution_id in facts.executions}
    for key in facts.steps:
        found[key[0]].append(key)
    return found


def _execution(owner: Owner, execution_id: str) -> BsonDocument:
    return {
        "_id": object_id(owner.tenant, execution_id),
        "tenant_id": owner.tenant,
        "execution_id": execution_id,
        "user_id": owner.user,
    }


def _step(owner: Owner, execution_id: str, step_id: str) -> BsonDocument:
    return {
        "_id": object_id(owner.tenant, execution_id, step_id),
        "tenant_id": owner.tenant,
        "execution_id": execution_id,
        "step_id": step_id,
    }


def _update(
    kind: Kind, identity: BsonDocument, facts: DocumentFacts, totals: BsonDocument | None, *, inserts: bool = True
) -> UpdateOne:
    """The update of the document with this identity, all of which is in its filter: an insert takes it from there."""
    return UpdateOne(identity, pipeline_of(kind, facts, totals), upsert=inserts, hint=_BY_ID)


def _in_parts(every: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE))


async def _pause_after(*counts: int) -> None:
    """Let others run after so many documents."""
    if any(count and count % _AT_ONCE == 0 for count in counts):
        await asyncio.sleep(0)
