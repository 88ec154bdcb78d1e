"""The writer: stores the facts of one owner, so that reports in any order, repeated, from anywhere come to the same.

Executions are claimed first, since steps and log lines need one; then these are written, and at last what changes of
executions that were known before: who sees the end of one sees its steps. After a write that was broken off, the same
one again completes it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.claims import Claims, claim, find_executions
from execution_monitor.ingest.writer.commands import insert, update
from execution_monitor.ingest.writer.facts import Facts, LogLine, Register
from execution_monitor.ingest.writer.known_steps import KnownSteps
from execution_monitor.ingest.writer.new_documents import new_execution, new_line, new_step, registers_of
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.pipelines import EXECUTION, STEP, statement
from execution_monitor.ingest.writer.runs import Runs
from execution_monitor.ingest.writer.slices import in_slices
from execution_monitor.ingest.writer.step_limit import MAX_STEPS, StepKey, steps_beyond_limit
from execution_monitor.ingest.writer.totals import Totals, add_up, read_totals
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.rows import BsonDocument

_NOTHING: Mapping[str, Register] = {}


@dataclass(frozen=True, slots=True)
class Written:
    """What became of facts.

    Attributes:
        changed: ids of the executions of which something changed.
        refused: ids of the executions that are not the owner's.
        uncounted: steps beyond the limit of their execution.
    """

    changed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    uncounted: frozenset[StepKey] = field(default_factory=frozenset[StepKey])


class Writer:
    """Writes to one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs = Runs(database)
        self._known_steps = KnownSteps()

    async def write(self, owner: Owner, facts: Facts) -> Written:
        """Store `facts` durably.

        Raises:
            RefusedWrite: something of it can never be stored; the rest may have been.
            DatabaseUnavailable: nothing, or a part, was stored.
        """
        await _date_executions(facts)
        unknown = [key for key in facts.steps if not self._known_steps.has(owner, key)]
        new_steps = {key: row async for key, row in in_slices(_new_steps(owner, facts, unknown))}
        claims = await claim(
            self._database, owner, facts.execution_ids, lambda ids: _new_executions(owner, facts, new_steps, ids)
        )
        uncounted = await steps_beyond_limit(self._database, owner, facts, claims.steps)
        steps = [key for key in facts.steps if key[0] in claims and key not in uncounted]
        lines = [line for key, line in facts.log_lines.items() if key[0] in claims]
        changed = set(claims.created)
        # Both to their end: what one of them has begun is not left behind when the other fails.
        for each in await asyncio.gather(
            self._write_steps(owner, facts, steps, new_steps), self._write_lines(owner, lines), return_exceptions=True
        ):
            if isinstance(each, BaseException):
                raise each
            changed |= each
        counted = {key[0] for key in steps} | {each for each in facts.recounted if each in claims}
        changed |= await self._write_executions(owner, facts, claims, counted)
        refused = frozenset(each for each in facts.execution_ids if each not in claims)
        return Written(frozenset(changed), refused, uncounted)

    async def _write_steps(
        self, owner: Owner, facts: Facts, keys: Sequence[StepKey], new_steps: Mapping[StepKey, BsonDocument]
    ) -> set[str]:
        """Returns the executions that have new steps; changed ones change their execution's totals."""
        known = [key for key in keys if key not in new_steps]
        updated = await update(self._database, Step, _step_statements(owner, facts, known))
        inserted = await self._insert_steps(owner, facts, [key for key in keys if key in new_steps], new_steps)
        if updated.matched < len(known):
            # Those that found nothing have nothing new, or have been deleted since they were known.
            inserted |= await self._insert_steps(owner, facts, known, {})
        self._known_steps.add(owner, keys)
        return {key[0] for key in inserted}

    async def _insert_steps(
        self, owner: Owner, facts: Facts, keys: Sequence[StepKey], new_steps: Mapping[StepKey, BsonDocument]
    ) -> set[StepKey]:
        """Insert those that are not stored, and join the others; returns the inserted ones."""
        rows = (new_steps[key] for key in keys) if new_steps else (row for _, row in _new_steps(owner, facts, keys))
        outcome = await insert(self._database, Step, rows)
        stored = [keys[place] for place in sorted(outcome.duplicates)]
        await update(self._database, Step, _step_statements(owner, facts, stored))
        return {key for place, key in enumerate(keys) if place not in outcome.duplicates}

    async def _write_lines(self, owner: Owner, lines: Sequence[LogLine]) -> set[str]:
        """Returns the executions that have new lines."""
        outcome = await insert(self._database, LogEntry, (new_line(owner, line) for line in lines))
        return {line.execution_id for place, line in enumerate(lines) if place not in outcome.duplicates}

    async def _write_executions(
        self, owner: Owner, facts: Facts, claims: Claims, with_steps: Collection[str]
    ) -> set[str]:
        """Join what is new of executions that were stored before, and totals; returns which of them changed."""
        totals = await read_totals(self._database, owner, list(with_steps))
        known = [each for each in facts.executions if each in claims.existing]
        ids = list(dict.fromkeys([*known, *with_steps]))
        outcome = await update(self._database, Execution, _execution_statements(owner, facts, ids, claims, totals))
        linked = await self._runs.link(owner, facts, [each for each in facts.executions if each in claims])
        if outcome.changed == 0 and linked == 0:
            return set()
        if linked == 0 and outcome.changed == len(ids):
            return set(ids)
        # A reply only says how many have changed.
        after = await find_executions(self._database, owner, known)
        return {each for each in known if each in after and after[each].get("version") != claims.existing[each]}


async def _date_executions(facts: Facts) -> None:
    """An execution existed when what is reported of it happened, also where nothing is reported of itself."""
    async for (execution_id, _), step in in_slices(facts.steps.items()):
        execution = facts.execution(execution_id)
        created = step.registers.get("created")
        at = step.since if created is None else created.fields["created"]
        if at is not None:
            execution.see(at)
    async for line in in_slices(facts.log_lines.values()):
        facts.execution(line.execution_id).see(line.fields["timestamp"])


def _new_steps(owner: Owner, facts: Facts, keys: Iterable[StepKey]) -> Iterator[tuple[StepKey, BsonDocument]]:
    now = datetime.now(UTC)
    for key in keys:
        yield key, new_step(owner, *key, facts.steps[key], now)


def _new_executions(
    owner: Owner, facts: Facts, new_steps: Mapping[StepKey, BsonDocument], execution_ids: Iterable[str]
) -> Iterator[BsonDocument]:
    rows: defaultdict[str, list[BsonDocument]] = defaultdict(list)
    for (execution_id, _), row in new_steps.items():
        rows[execution_id].append(row)
    now = datetime.now(UTC)
    for execution_id in execution_ids:
        of_steps = rows[execution_id]
        totals = add_up(of_steps) if len(of_steps) <= MAX_STEPS else None
        yield new_execution(owner, execution_id, facts.executions[execution_id], totals, now)


def _step_statements(owner: Owner, facts: Facts, keys: Iterable[StepKey]) -> Iterator[RawBSONDocument]:
    for key in keys:
        registers = registers_of(facts.steps[key])
        if registers:
            yield statement(STEP, {"_id": owner.step(*key), "tenant_id": owner.tenant_id}, registers)


def _execution_statements(
    owner: Owner, facts: Facts, execution_ids: Iterable[str], claims: Claims, totals: Mapping[str, Totals]
) -> Iterator[RawBSONDocument]:
    for execution_id in execution_ids:
        is_new = execution_id in claims.created
        registers = _NOTHING if is_new else registers_of(facts.executions[execution_id])
        total = totals.get(execution_id)
        if registers or total:
            where = {
                "_id": owner.execution(execution_id),
                "tenant_id": owner.tenant_id,
                "user_id": owner.user_id,
            }
            yield statement(EXECUTION, where, registers, total)
