"""Reading: the passes over executions that fill the tables of one question, as of one instant.

Up to 30,000 executions take one pass. More are read in slices of time, from the newest on, so that no pass takes much
memory, and so that where the time is over it is known from when on there was enough.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import Any, TypeVar

from pymongo.errors import ExecutionTimeout, OperationFailure

from execution_monitor.statistics.pipelines import (
    Branch,
    Folding,
    grouped,
    keys_alone,
    keys_of_rows,
    overview,
    small_documents,
)
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupKey
from execution_monitor.statistics.sampling import Sample, even_strata
from execution_monitor.statistics.sources import Part, Source, sources_for
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.filters import EVERYTHING, Filter, Range
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.storage.snapshots import Snapshot

T = TypeVar("T")

# Executions of one pass. Their bins make lists that are decoded in a few milliseconds.
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
        branches = self.branches({}, every_group=True)
        await self._try_sources(lambda source: self.read_slices(StatisticsTables(), source.main, branches, _PROBED))

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
        tables, known, odd = StatisticsTables(), dict[GroupField, Sequence[GroupKey]](), 0
        if source.odd is not None:
            found = await self.read_pass(tables, source.odd, self.branches({}, every_group=True))
            if found is None or any(len(each) > _MOST_KNOWN for each in tables.by_group.values()):
                raise _TooManyOdd
            odd, known = found, {by: list(each) for by, each in tables.by_group.items()}
        rest = StatisticsTables()
        found = await self.read_pass(rest, source.main, self.branches(known, every_group=self.every_group))
        if found is None:
            rest = StatisticsTables()
            found = await self._read_slices(rest, source, known)
        rest.merge(tables)
        return odd + found, rest

    def branches(self, known: Mapping[GroupField, Sequence[GroupKey]], *, every_group: bool) -> list[Branch]:
        """The branches of one pass; groups that are `known` from elsewhere are all wanted, beside the first others."""
        found = [overview(self.question)]
        for by, measures in self.question.grouped.items():
            if by is GroupField.STATUS:
                continue
            if every_group:
                found.append(Branch(by, measures))
                continue
            found += (
                Branch(by, measures, first=first, order=order, without=known.get(by, ()))
                for order, first in self.question.first_of(by).items()
            )
            if known.get(by):
                found.append(Branch(by, measures, keys=known[by]))
        return found

    async def read_pass(  # noqa: PLR0913 - what one pass is made of
        self,
        tables: StatisticsTables,
        part: Part,
        branches: Sequence[Branch],
        *,
        within: Filter = EVERYTHING,
        dated: bool | None = None,
        is_whole: bool = False,
        weight: int = 1,
    ) -> int | None:
        """Add what one pass finds to `tables`, `weight` times; how many executions these are.

        None where they are more than one pass takes, unless `is_whole`: it then takes all.
        """
        stages: list[Mapping[str, Any]] = small_documents(self.question, branches, dated=dated)
        if not is_whole:
            stages.append({"$limit": PASS_LIMIT + 1})
        folding, turn = Folding(self.question, tables, branches, weight), 0
        found = self.snapshot.aggregate(part.query(within), [*stages, *grouped(branches)], part.hint)
        async with contextlib.aclosing(found) as rows:
            async for row in rows:
                turn += folding.add(row)
                if turn > _TURN:
                    turn = 0
                    await asyncio.sleep(0)
        folding.finish()
        return folding.found if is_whole or folding.found <= PASS_LIMIT else None

    async def _read_slices(
        self, tables: StatisticsTables, source: Source, known: Mapping[GroupField, Sequence[GroupKey]]
    ) -> int:
        branches = [overview(self.question)]
        for by, measures in self.question.grouped.items():
            if by is not GroupField.STATUS:
                keys = None if self.every_group else await self._first_keys(source, by, known.get(by, ()))
                branches.append(Branch(by, measures, keys=keys))
        # An array of dates lies in several slices, or in none.
        undated = await self.read_pass(tables, source.undated, branches, dated=False, is_whole=True) or 0
        return undated + await self.read_slices(tables, source.main, branches, _FIRST_SLICES)

    async def read_slices(
        self, tables: StatisticsTables, part: Part, branches: Sequence[Branch], divisor: float
    ) -> int:
        """Add what was created on one date, in slices from the newest on; how many executions these are.

        Args:
            tables: Where it is added to.
            part: The executions.
            branches: What is read of them.
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
            read = await self.read_pass(slice_, part, branches, within=within, dated=True, is_whole=is_whole)
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
        branches, others = self.branches({}, every_group=True), 0
        time_range = self.question.time_range
        last = time_range.last(self.question.now)
        # The few that no slice of time has are read whole.
        beside: list[tuple[Part, Filter, bool | None]] = [(source.undated, EVERYTHING, False)]
        if source.odd is not None:
            beside.append((source.odd, EVERYTHING, None))
        if time_range.end is None:
            beside.append((source.main, Range(CREATED, gte=last), True))
        for part, within, dated in beside:
            others += _counted(await self.read_pass(tables, part, branches, within=within, dated=dated))
        strata, share, found, error = even_strata(time_range.start, last), _PILOT_SHARE, 0, 1.0
        sampled = StatisticsTables()
        for _ in range(_ROUNDS):
            sample, began, drawn = Sample.of(strata, share, random), monotonic(), StatisticsTables()
            try:
                counts = await self._read_cells(drawn, sample, source.main, branches)
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

    async def _read_cells(
        self, tables: StatisticsTables, sample: Sample, part: Part, branches: Sequence[Branch]
    ) -> list[int]:
        counts = list[int]()
        for start, end in sample.spans:
            within = Range(CREATED, gte=start, lt=end)
            read = await self.read_pass(tables, part, branches, within=within, dated=True, weight=sample.weight)
            counts.append(_counted(read))
        return counts

    async def _first_keys(self, source: Source, by: GroupField, known: Sequence[GroupKey]) -> list[GroupKey]:
        """The first groups of all executions, whatever their number, and those that are `known`."""
        keys = list(known)
        for order, first in self.question.first_of(by).items():
            branch = Branch(by, self.question.grouped[by], first=first, order=order, without=known)
            stages = [*small_documents(self.question, [branch]), *keys_alone(branch)]
            rows = [row async for row in self.snapshot.aggregate(source.main.query(), stages, source.main.hint)]
            keys += keys_of_rows(rows)
        return list(dict.fromkeys(keys))


def _counted(found: int | None) -> int:
    if found is None:
        raise ExecutionTimeout("Too many executions are in one cell of a sample.")
    return found
