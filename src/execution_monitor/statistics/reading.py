"""Reading: the passes over executions that fill the tables of one question, as of one instant.

Up to 30,000 executions take one pass. More are read in slices of time, from the newest on, so that no pass takes much
memory, and so that where the time is over it is known from when on there was enough.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import Any, TypeAlias, TypeVar

from pymongo.errors import ExecutionTimeout, OperationFailure

from execution_monitor.statistics.folding import Folding
from execution_monitor.statistics.pipelines import first_keys, key_in, small_documents
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupKey
from execution_monitor.statistics.sampling import Sample, even_strata
from execution_monitor.statistics.sources import Part, Source, sources_for
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.filters import EVERYTHING, Filter, Range
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.storage.snapshots import Snapshot

T = TypeVar("T")
# The groups that alone are wanted, by field.
Keys: TypeAlias = Mapping[GroupField, Container[GroupKey]]

# Executions of one pass, of which every one is kept until its end.
PASS_LIMIT = 30_000
# After so many executions others get their turn.
_TURN = 5_000
# Groups of odd documents: more are no exception.
_MOST_KNOWN = 1_000
_FIRST_SLICES = 8
_WIDEN, _NARROW = 4.0, 0.25
_SHORTEST = timedelta(milliseconds=1)
_NOTHING = {"_id": {"$in": list[Any]()}}
# Of a sample: which share of time is read first; how many rounds follow each other, each knowing better where the
# executions are; how many times as much a round reads at most, and at least; and the time to read one execution.
_PILOT_SHARE, _ROUNDS, _STEP, _LEAST_GAIN, _SECONDS_EACH = 1 / 2_000, 3, 50.0, 2.0, 50e-6
# A probe begins with so small a part of the range.
_PROBED = 4_096


class _TooManyOdd(Exception):
    """So many executions are odd that all are read together."""


@dataclass(slots=True)
class Reading:
    """One attempt to read the executions that match `where`, which holds the condition of the question."""

    snapshot: Snapshot
    question: Question
    where: Filter
    every_group: bool = field(default=False, init=False)
    read_from: datetime | None = field(default=None, init=False)

    async def read(self) -> tuple[int, StatisticsTables]:
        """How many executions were read, and what they add up to."""
        if self.question.is_empty:
            async for _ in self.snapshot.aggregate(_NOTHING, [], None):
                pass  # it is read for its instant alone
            return 0, StatisticsTables()
        return await self._try_sources(self._read_from)

    async def sample(self, tables: StatisticsTables, random: Random) -> tuple[int, float]:
        """Add an estimate to `tables`; how many executions were read, and the relative error of their number."""

        async def read(source: Source) -> tuple[int, float, StatisticsTables]:
            sampled = StatisticsTables()
            return *await self.read_sample(sampled, source, random), sampled

        found, error, sampled = await self._try_sources(read)
        tables.merge(sampled)
        return found, error

    async def probe(self) -> None:
        """Read from the newest on, for `read_from` alone."""
        await self._try_sources(lambda source: self.read_slices(StatisticsTables(), source.main, {}, _PROBED))

    async def _try_sources(self, read: Callable[[Source], Awaitable[T]]) -> T:
        *indexed, last = sources_for(self.question, self.where)
        for source in indexed:
            try:
                return await read(source)
            except _TooManyOdd:
                continue
            except OperationFailure as error:
                # The index is missing.
                if error.code != BAD_VALUE:
                    raise
        return await read(last)

    async def _read_from(self, source: Source) -> tuple[int, StatisticsTables]:
        """As `read`; raises `_TooManyOdd` where too many executions are odd."""
        folding, tables = Folding(self.question), StatisticsTables()
        if source.odd is not None and await self._has_any(source.odd) and not await self._fold(folding, source.odd):
            raise _TooManyOdd
        odd = folding.found
        if await self._fold(folding, source.main):
            await self._finish(folding, tables, leaves_first=not self.every_group)
            return folding.found, tables
        known = dict[GroupField, Sequence[GroupKey]]()
        if source.odd is not None and odd:
            await self.read_pass(tables, source.odd)
            known = {by: list(groups) for by, groups in tables.by_group.items()}
            if any(len(each) > _MOST_KNOWN for each in known.values()):
                raise _TooManyOdd
        return odd + await self._read_slices(tables, source, known), tables

    async def read_pass(  # noqa: PLR0913 - what one pass is made of
        self,
        tables: StatisticsTables,
        part: Part,
        keys: Keys | None = None,
        *,
        within: Filter = EVERYTHING,
        dated: bool | None = None,
        is_whole: bool = False,
        weight: int = 1,
    ) -> int | None:
        """Add what one pass finds to `tables`, `weight` times; how many executions these are.

        None, and nothing is added, where they are more than one pass takes, unless `is_whole`: it then takes all. Of a
        field in `keys`, only these groups are added.
        """
        folding = Folding(self.question, weight, keys or {})
        if not await self._fold(folding, part, within=within, dated=dated, is_whole=is_whole):
            return None
        await self._finish(folding, tables)
        return folding.found

    async def _fold(
        self,
        folding: Folding,
        part: Part,
        *,
        within: Filter = EVERYTHING,
        dated: bool | None = None,
        is_whole: bool = False,
    ) -> bool:
        """Whether all executions were read: where they are more than one pass takes, that is of no use."""
        before, limit = folding.found, None if is_whole else PASS_LIMIT
        stages = small_documents(self.question, limit=None if limit is None else limit + 1, dated=dated)
        found = self.snapshot.batches(part.query(within), stages, part.hint)
        async with contextlib.aclosing(found):
            async for rows in found:
                folding.add(rows)
                if limit is not None and folding.found - before > limit:
                    return False
        return True

    async def _has_any(self, part: Part) -> bool:
        """Whether a part has executions: takes MongoDB less time than the stages of a pass, which few parts need."""
        rows = self.snapshot.aggregate(part.query(), [{"$limit": 1}, {"$project": {"_id": 1}}], part.hint)
        return bool([row async for row in rows])

    @staticmethod
    async def _finish(folding: Folding, tables: StatisticsTables, *, leaves_first: bool = False) -> None:
        turn = 0
        for done in folding.finish(tables, leaves_first=leaves_first):
            turn += done
            if turn > _TURN:
                turn = 0
                await asyncio.sleep(0)

    async def _read_slices(
        self, tables: StatisticsTables, source: Source, known: Mapping[GroupField, Sequence[GroupKey]]
    ) -> int:
        keys = dict[GroupField, Container[GroupKey]]()
        for by in self.question.grouped:
            if by is not GroupField.STATUS and not self.every_group:
                keys[by] = await self._first_keys(source, by, known.get(by, ()))
        # An array of dates lies in several slices, or in none.
        undated = await self.read_pass(tables, source.undated, keys, dated=False, is_whole=True) or 0
        return undated + await self.read_slices(tables, source.main, keys, _FIRST_SLICES)

    async def read_slices(self, tables: StatisticsTables, part: Part, keys: Keys, divisor: float) -> int:
        """Add what was created on one date, in slices from the newest on; how many executions these are.

        Args:
            tables: Where it is added to.
            part: The executions.
            keys: Of a field in it, only these groups are added.
            divisor: Which part of the range the first slice is.
        """
        time_range, found = self.question.time_range, 0
        bottom, position = time_range.start, time_range.last(self.question.now)
        end, width = time_range.end, (position - bottom) / divisor
        while True:
            start = bottom if position - bottom <= width else position - width
            slice_ = StatisticsTables()
            # Where so many were created within one millisecond, there is nothing to divide.
            is_whole = position - start <= _SHORTEST
            within = Range(CREATED, gte=start, lt=end)
            read = await self.read_pass(slice_, part, keys, within=within, dated=True, is_whole=is_whole)
            if read is None:
                width = max(_SHORTEST, (position - start) * _NARROW)
                continue
            tables.merge(slice_)
            found += read
            position = end = self.read_from = start
            if start <= bottom:
                return found
            if read < PASS_LIMIT * _NARROW:
                width *= _WIDEN

    async def read_sample(self, tables: StatisticsTables, source: Source, random: Random) -> tuple[int, float]:
        """Add an estimate of everything to `tables`; how many executions were read, and the error of their number."""
        others, time_range = 0, self.question.time_range
        last = time_range.last(self.question.now)
        # The few that no slice of time has are read whole.
        beside: list[tuple[Part, Filter, bool | None]] = [(source.undated, EVERYTHING, False)]
        if source.odd is not None:
            beside.append((source.odd, EVERYTHING, None))
        if time_range.end is None:
            beside.append((source.main, Range(CREATED, gte=last), True))
        for part, within, dated in beside:
            others += _counted(await self.read_pass(tables, part, within=within, dated=dated))
        strata, share, found, error = even_strata(time_range.start, last), _PILOT_SHARE, 0, 1.0
        sampled = StatisticsTables()
        for _ in range(_ROUNDS):
            sample, began, drawn = Sample.of(strata, share, random), monotonic(), StatisticsTables()
            try:
                counts = await self._read_cells(drawn, sample, source.main)
            except ExecutionTimeout:
                if not found:
                    raise
                break
            sampled, found, error = drawn, sum(counts), sample.relative_error(counts, others)
            strata = sample.refined(counts)
            # Nearly all of the time of a small round is that of its 100 queries.
            seconds = self.snapshot.left_ms / 2_000 - (monotonic() - began)
            more = min(_STEP, seconds / _SECONDS_EACH / max(1, found), 1 / share)
            if more < _LEAST_GAIN:
                break
            share *= more
        tables.merge(sampled)
        return others + found, error

    async def _read_cells(self, tables: StatisticsTables, sample: Sample, part: Part) -> list[int]:
        counts = list[int]()
        for start, end in sample.spans:
            within = Range(CREATED, gte=start, lt=end)
            read = await self.read_pass(tables, part, within=within, dated=True, weight=sample.weight)
            counts.append(_counted(read))
        return counts

    async def _first_keys(self, source: Source, by: GroupField, known: Sequence[GroupKey]) -> Container[GroupKey]:
        """The first groups of all executions, whatever their number, and those that are `known`."""
        keys, main = set(known), source.main
        for order, first in self.question.first_of(by).items():
            rows = self.snapshot.aggregate(main.query(), first_keys(by, order, first, known), main.hint)
            keys |= {key_in(row) async for row in rows}
        return keys


def _counted(found: int | None) -> int:
    if found is None:
        raise ExecutionTimeout("Too many executions are in one cell of a sample.")
    return found
