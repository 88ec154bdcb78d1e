"""The writer: stores the facts of one owner, so that reports in any order, repeated, from anywhere come to the same.

Executions are claimed first, since steps and log lines need one; then these are written, and at last what changes of
executions that were known before: who sees the end of one sees its steps. After a write that was broken off, the same
one again completes it.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.claims import Claims, claim, find_executions
from execution_monitor.ingest.writer.commands import insert
from execution_monitor.ingest.writer.facts import Facts, LogLine
from execution_monitor.ingest.writer.joins import Join, join_all, join_of
from execution_monitor.ingest.writer.known_steps import KnownSteps, read_steps
from execution_monitor.ingest.writer.new_documents import new_execution, new_line, new_step, registers_of
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.parts import parts_of
from execution_monitor.ingest.writer.pipelines import EXECUTION, STEP
from execution_monitor.ingest.writer.runs import Runs
from execution_monitor.ingest.writer.slices import in_slices
from execution_monitor.ingest.writer.step_limit import StepKey, steps_beyond_limit
from execution_monitor.ingest.writer.totals import Totals, read_totals
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.rows import BsonDocument

First = TypeVar("First")
Second = TypeVar("Second")


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

    def __or__(self, other: "Written") -> "Written":
        return Written(self.changed | other.changed, self.refused | other.refused, self.uncounted | other.uncounted)


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
        written = Written()
        async for part in parts_of(facts):
            written |= await self._write_part(owner, part)
        return written

    async def _write_part(self, owner: Owner, facts: Facts) -> Written:
        await _date_executions(facts)
        unknown = [key for key in facts.steps if not self._known_steps.has(owner, key)]
        new_steps = {key: row async for key, row in in_slices(_new_steps(owner, facts, unknown))}
        claims = await claim(self._database, owner, facts.execution_ids, partial(_new_executions, owner, facts))
        uncounted = await steps_beyond_limit(self._database, owner, facts, claims.steps)
        steps = [key for key in facts.steps if key[0] in claims and key not in uncounted]
        lines = [line for key, line in facts.log_lines.items() if key[0] in claims]
        changed = set(claims.created)
        with_new_steps, with_new_lines = await _both(
            self._write_steps(owner, facts, steps, new_steps), self._write_lines(owner, lines)
        )
        changed |= with_new_steps | with_new_lines
        counted = {key[0] for key in steps} | {each for each in facts.recounted if each in claims}
        changed |= await self._write_executions(owner, facts, claims, counted)
        refused = frozenset(each for each in facts.execution_ids if each not in claims)
        return Written(frozenset(changed), refused, uncounted)

    async def _write_steps(
        self, owner: Owner, facts: Facts, keys: Sequence[StepKey], new_steps: Mapping[StepKey, RawBSONDocument]
    ) -> set[str]:
        """Returns the executions that have new steps; changed ones change their execution's totals."""
        known = [key for key in keys if key not in new_steps]
        deleted, inserted = await _both(
            self._join_steps(owner, facts, known),
            self._insert_steps(owner, facts, {key: new_steps[key] for key in keys if key in new_steps}),
        )
        if deleted:
            inserted |= await self._insert_steps(owner, facts, dict(_new_steps(owner, facts, deleted)))
        self._known_steps.add(owner, keys)
        return {key[0] for key in inserted}

    async def _insert_steps(
        self, owner: Owner, facts: Facts, new_steps: Mapping[StepKey, RawBSONDocument]
    ) -> set[StepKey]:
        """Insert those that are not stored, and join the others; returns the inserted ones."""
        keys = list(new_steps)
        outcome = await insert(self._database, Step, new_steps.values())
        await self._join_steps(owner, facts, [keys[place] for place in sorted(outcome.duplicates)])
        return {key for place, key in enumerate(keys) if place not in outcome.duplicates}

    async def _join_steps(self, owner: Owner, facts: Facts, keys: Sequence[StepKey]) -> list[StepKey]:
        """Join those that are stored; returns the others."""
        stored = await read_steps(self._database, owner, keys)
        joins = (join_of(stored[key], registers_of(facts.steps[key])) for key in keys if key in stored)
        await join_all(self._database, Step, STEP, {"tenant_id": owner.tenant_id}, joins)
        return [key for key in keys if key not in stored]

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
        joins = {each: join async for each, join in in_slices(_execution_joins(facts, ids, claims, totals))}
        newer = {each: join for each, join in joins.items() if not join.is_empty}
        where = {"tenant_id": owner.tenant_id, "user_id": owner.user_id}
        outcome = await join_all(self._database, Execution, EXECUTION, where, newer.values())
        linked = await self._runs.link(owner, facts, [each for each in facts.executions if each in claims])
        if linked == 0 and outcome.changed in {0, len(newer)}:
            return set(newer) if outcome.changed else set()
        # A reply only says how many have changed.
        after = await find_executions(self._database, owner, ids)
        before = {**claims.existing, **claims.created}
        return {each for each in ids if each in after and after[each].get("version") != before[each].get("version")}


async def _both(first: Awaitable[First], second: Awaitable[Second]) -> tuple[First, Second]:
    """Await both to their end: what one of them has begun is not left behind when the other fails."""
    found = await asyncio.gather(first, second, return_exceptions=True)
    one, other = found
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    return one, other


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


def _new_steps(owner: Owner, facts: Facts, keys: Iterable[StepKey]) -> Iterator[tuple[StepKey, RawBSONDocument]]:
    now = datetime.now(UTC)
    for key in keys:
        yield key, new_step(owner, *key, facts.steps[key], now)


def _new_executions(owner: Owner, facts: Facts, execution_ids: Iterable[str]) -> Iterator[BsonDocument]:
    now = datetime.now(UTC)
    for execution_id in execution_ids:
        yield new_execution(owner, execution_id, facts.executions[execution_id], now)


def _execution_joins(
    facts: Facts, execution_ids: Iterable[str], claims: Claims, totals: Mapping[str, Totals]
) -> Iterator[tuple[str, Join]]:
    for execution_id in execution_ids:
        stored = claims.existing.get(execution_id) or claims.created[execution_id]
        registers = registers_of(facts.executions[execution_id])
        yield execution_id, join_of(stored, registers, totals.get(execution_id))
