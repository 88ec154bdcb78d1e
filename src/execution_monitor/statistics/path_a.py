"""Path A: add up the executions of any question by reading each of them, in MongoDB, as of one instant.

Plain documents are read from the index of facts, where it has all that is needed, and the odd ones beside them; the
rest by the index that is narrowest. Up to 30,000 executions take one pass. More are read in slices of time, from the
newest on, so that no pass takes much memory, and so that the time limit leaves a range that could be read.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson import Timestamp
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
from execution_monitor.statistics.sources import Part, Source, sources_for
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.distinct_values import resolve_texts
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, Range, all_of
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.storage.reader import Reader, snapshot_time_of, translated_errors
from execution_monitor.storage.snapshots import Snapshot

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
# What MongoDB replies where a pass needs more than 100 MB, or one of its documents has more than 16 MB.
_TOO_LARGE = frozenset({146, 292, 10334, 17419, 4031700})


@dataclass(frozen=True, slots=True)
class Filled:
    """What was read: at which cluster time, and how many executions."""

    read_at: Timestamp
    found: int


class TooMuchToRead(Exception):
    """There was no time for all executions of a question.

    Attributes:
        read_from: those created since then were read before the time was over; None where none were.
    """

    def __init__(self, read_from: datetime | None) -> None:
        super().__init__("There is too much to read.")
        self.read_from = read_from


class _TooManyOdd(Exception):
    """So many executions are odd that all are read together."""


@dataclass(frozen=True, slots=True)
class PathA:
    """Fills the tables of questions from the executions themselves."""

    reader: Reader

    async def fill(  # noqa: PLR0913 - each is a choice of its own
        self,
        question: Question,
        tables: StatisticsTables,
        *,
        at: Timestamp | None = None,
        also: Filter = EVERYTHING,
        every_group: bool = False,
        share: float = 1.0,
    ) -> Filled:
        """Add to `tables` the executions that `question` is about, exactly as `Question.add` would for each of them.

        Nothing is added where it fails. A caller that adds up several parts - as the head and the tail of a range of
        rollups - reads all at one cluster time with `every_group`, since what is first in one part need not be first
        in all.

        Args:
            question: What is to be added up.
            tables: Where it is added to, beside what is there.
            at: The cluster time to read at, of the last minutes; None for the present one, which is returned.
            also: A further condition on the executions, bound to an instant as `Question.where` is.
            every_group: Whether all groups are wanted, and not only the first ones of each request.
            share: How much of the time limit of a query it may take.

        Raises:
            TooMuchToRead: The time is over.
            DatabaseUnavailable: MongoDB does not reply.
        """
        where = all_of(question.where, also)
        with translated_errors(Execution, where):
            async with self._opened(where, at, share) as (snapshot, resolved):
                reading = Reading(snapshot, question, resolved, every_group=every_group)
                try:
                    found, filled = await reading.read()
                except (ExecutionTimeout, OperationFailure) as error:
                    if isinstance(error, ExecutionTimeout) or error.code in _TOO_LARGE:
                        raise TooMuchToRead(reading.read_from) from error
                    raise
                tables.merge(filled)
                return Filled(snapshot.read_at, found)

    @contextlib.asynccontextmanager
    async def _opened(
        self, where: Filter, at: Timestamp | None, share: float
    ) -> AsyncGenerator[tuple[Snapshot, Filter]]:
        """A snapshot, and `where` with its searches for texts resolved at the same instant."""
        database, began = self.reader.database, time.monotonic()
        timeout_ms = self.reader.timeout_ms * share
        resolved = where
        if at is None:
            async with database.client.start_session(snapshot=True) as session:
                resolved = await resolve_texts(
                    database, Execution, where, session=session, timeout_ms=max(1, int(timeout_ms))
                )
                at = snapshot_time_of(session)
        left = timeout_ms - (time.monotonic() - began) * 1_000
        async with Snapshot.opened(database.rows(Execution), left, at) as snapshot:
            yield snapshot, resolved


@dataclass(slots=True)
class Reading:
    """One attempt to read the executions that match `where`, which holds the condition of the question."""

    snapshot: Snapshot
    question: Question
    where: Filter
    every_group: bool = field(kw_only=True)
    read_from: datetime | None = field(default=None, init=False)

    async def read(self) -> tuple[int, StatisticsTables]:
        """How many executions were read, and what they add up to."""
        if self.question.is_empty:
            async for _ in self.snapshot.aggregate(_NOTHING, [], None):
                pass  # it is read for its instant alone
            return 0, StatisticsTables()
        *indexed, last = sources_for(self.question, self.where)
        for source in indexed:
            try:
                return await self._read_from(source)
            except _TooManyOdd:
                continue
            except OperationFailure as error:
                # The index is missing.
                if error.code != BAD_VALUE:
                    raise
        return await self._read_from(last)

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
        tables.merge(rest)
        return odd + found, tables

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
    ) -> int | None:
        """Add what one pass finds to `tables`; how many executions these are.

        None where they are more than one pass takes, unless `is_whole`: it then takes all.
        """
        stages: list[Mapping[str, Any]] = small_documents(self.question, branches, dated=dated)
        if not is_whole:
            stages.append({"$limit": PASS_LIMIT + 1})
        folding, turn = Folding(self.question, tables, branches), 0
        async for row in self.snapshot.aggregate(part.query(within), [*stages, *grouped(branches)], part.hint):
            turn += folding.add(row)
            if turn > _TURN:
                turn = 0
                await asyncio.sleep(0)
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
        found = await self.read_pass(tables, source.undated, branches, dated=False, is_whole=True) or 0
        time_range = self.question.time_range
        bottom, position = time_range.start, time_range.last(self.question.now)
        end, width = time_range.end, (position - bottom) / _FIRST_SLICES
        while True:
            start = bottom if position - bottom <= width else position - width
            slice_ = StatisticsTables()
            # Where so many were created within one millisecond, there is nothing to divide.
            is_whole = position - start <= _SHORTEST
            within = Range(CREATED, gte=start, lt=end)
            read = await self.read_pass(slice_, source.main, branches, within=within, dated=True, is_whole=is_whole)
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

    async def _first_keys(self, source: Source, by: GroupField, known: Sequence[GroupKey]) -> list[GroupKey]:
        """The first groups of all executions, whatever their number, and those that are `known`."""
        keys = list(known)
        for order, first in self.question.first_of(by).items():
            branch = Branch(by, self.question.grouped[by], first=first, order=order, without=known)
            stages = [*small_documents(self.question, [branch]), *keys_alone(branch)]
            rows = [row async for row in self.snapshot.aggregate(source.main.query(), stages, source.main.hint)]
            keys += keys_of_rows(rows)
        return list(dict.fromkeys(keys))
