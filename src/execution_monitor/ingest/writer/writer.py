"""The writer: stores the facts of one owner, so that reports in any order, repeated, from anywhere come to the same.

Executions are claimed first, since steps and log lines need one; then these are written, and at last what changes of
executions that were known before: who sees the end of one sees its steps. After a write that was broken off, the same
one again completes it.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.claims import Claims, claim, read_versions
from execution_monitor.ingest.writer.commands import insert, update
from execution_monitor.ingest.writer.facts import Facts, LogLine, Register
from execution_monitor.ingest.writer.new_documents import new_line, new_step, registers_of
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.pipelines import EXECUTION, STEP, statement
from execution_monitor.ingest.writer.runs import Runs
from execution_monitor.ingest.writer.step_limit import StepKey, steps_beyond_limit
from execution_monitor.ingest.writer.totals import Totals, read_totals
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step

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

    async def write(self, owner: Owner, facts: Facts) -> Written:
        """Store `facts` durably.

        Raises:
            RefusedWrite: something of it can never be stored; the rest may have been.
            DatabaseUnavailable: nothing, or a part, was stored.
        """
        claims = await claim(self._database, owner, facts)
        uncounted = await steps_beyond_limit(self._database, owner, facts, claims.steps)
        steps = [key for key in facts.steps if key[0] in claims and key not in uncounted]
        lines = [line for key, line in facts.log_lines.items() if key[0] in claims]
        changed = set(claims.created)
        # Both to their end: what one of them has begun is not left behind when the other fails.
        for each in await asyncio.gather(
            self._write_steps(owner, facts, steps), self._write_lines(owner, lines), return_exceptions=True
        ):
            if isinstance(each, BaseException):
                raise each
            changed |= each
        changed |= await self._write_executions(owner, facts, claims, {key[0] for key in steps})
        refused = frozenset(each for each in facts.execution_ids if each not in claims)
        return Written(frozenset(changed), refused, uncounted)

    async def _write_steps(self, owner: Owner, facts: Facts, keys: list[StepKey]) -> set[str]:
        """Returns the executions that have new steps; changed ones change their execution's totals."""
        now = datetime.now(UTC)
        outcome = await insert(self._database, Step, (new_step(owner, *key, facts.steps[key], now) for key in keys))
        known = [keys[place] for place in sorted(outcome.duplicates)]
        await update(self._database, Step, _step_statements(owner, facts, known))
        return {key[0] for place, key in enumerate(keys) if place not in outcome.duplicates}

    async def _write_lines(self, owner: Owner, lines: list[LogLine]) -> set[str]:
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
        before = claims.existing
        if linked == 0 and outcome.changed == len(ids):
            return set(ids)
        # A reply only says how many have changed.
        after = await read_versions(self._database, owner, ids)
        return {each for each in ids if after.get(each) != before.get(each)}


def _step_statements(owner: Owner, facts: Facts, keys: Iterable[StepKey]) -> Iterator[RawBSONDocument]:
    for key in keys:
        registers = registers_of(facts.steps[key])
        if registers:
            yield statement(STEP, {"_id": owner.step(*key), "tenant_id": owner.tenant_id}, registers)


def _execution_statements(
    owner: Owner, facts: Facts, execution_ids: Iterable[str], claims: Claims, totals: Mapping[str, Totals]
) -> Iterator[RawBSONDocument]:
    for execution_id in execution_ids:
        reported = facts.executions.get(execution_id)
        is_new = execution_id in claims.created or reported is None
        registers = _NOTHING if is_new or reported is None else registers_of(reported)
        total = totals.get(execution_id)
        if registers or total:
            where = {
                "_id": owner.execution(execution_id),
                "tenant_id": owner.tenant_id,
                "user_id": owner.user_id,
            }
            yield statement(EXECUTION, where, registers, total)
