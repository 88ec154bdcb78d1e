"""Edges: the ends of a range that are no whole quarters of an hour, of which executions themselves are read.

Those of a day that no longer changes are kept as sums of rows are. Marks say nothing of executions with odd values,
which are in no row: what is kept of an edge was read while it had none, and those that come later are added beside it.
"""

from collections.abc import Hashable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from bson import Timestamp

from execution_monitor.statistics.path_a import PathA
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.rollups.families import milliseconds_of, quarter_of
from execution_monitor.statistics.rollups.marks import Marks, day_of
from execution_monitor.statistics.rollups.plans import Plan, without_created
from execution_monitor.statistics.rollups.settled_sums import SettledSums, SettledSumsCache, SumsKey, key_of
from execution_monitor.statistics.time_range import TimeRange
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.filters import Range, all_of
from execution_monitor.storage.predicates import Predicate
from execution_monitor.storage.reader import Reader


@dataclass(slots=True)
class Edge:
    """One end of the range of a question.

    Attributes:
        question: about the edge alone.
        key: of what is kept of it.
        day: the day that it lies in.
        is_in_rows: whether all its executions are, so that marks tell of their changes.
        holds: whether an execution lies on it.
        tables: what its executions add up to.
        has_odd: whether it has executions that are in no row.
        is_kept: whether the sums were kept, and were not read.
    """

    question: Question
    key: SumsKey
    day: int
    is_in_rows: bool
    holds: Predicate
    tables: StatisticsTables = field(default_factory=StatisticsTables, init=False)
    has_odd: bool = field(default=False, init=False)
    is_kept: bool = field(default=False, init=False)

    @classmethod
    def of(cls, question: Question, plan: Plan, part: Range, generation: int, built_from: int) -> "Edge":
        """The edge that is a `part` of the range of a question, where executions since `built_from` are in rows."""
        first, behind = milliseconds_of(part.gte), milliseconds_of(part.lt)
        if first is None or behind is None:
            raise ValueError("An edge has two ends.")
        key = key_of(plan, generation, "edge", first, behind, aims_of(question))
        return cls(_within(question, part), key, day_of(quarter_of(first)), built_from <= first, part.predicate())

    def find(self, settled: SettledSumsCache, marks: Marks) -> None:
        """Take what is kept, if it is still right."""
        kept = settled.find(self.key, marks)
        if kept is not None:
            self.tables.include(kept.tables)
            self.is_kept = True

    def keep(self, settled: SettledSumsCache, marks: Marks, days: AbstractSet[int]) -> None:
        """Keep what was read, if it can be, and the day has no rows or is one of the settled `days`."""
        is_settled = self.day not in marks or self.day in days
        if is_settled and not self.is_kept and self.can_be_kept:
            tables = StatisticsTables()
            tables.include(self.tables)
            settled.keep(self.key, SettledSums({self.day: marks.get(self.day, ())}, tables))

    @property
    def can_be_kept(self) -> bool:
        """Whether marks tell of each change of the sums."""
        return self.is_in_rows and not self.has_odd

    async def read(self, reader: Reader, at: Timestamp, share: float) -> int:
        """Read the executions as of `at`, unless their sums were kept; how many these are."""
        if self.is_kept:
            return 0
        filled = await PathA(reader).fill(self.question, self.tables, at=at, every_group=True, share=share)
        return filled.found


def aims_of(question: Question) -> Hashable:
    """What is added up for a question, whatever its conditions, as a part of keys."""
    request = question.request
    buckets = tuple(each.start for each in question.buckets)
    return request.totals, request.series, tuple(question.grouped.items()), buckets


def _within(question: Question, part: Range) -> Question:
    """The same question about a part of its range alone."""
    start, end = to_datetime(part.gte), to_datetime(part.lt)
    if start is None or end is None:
        raise ValueError("An edge has two ends.")
    time_range = TimeRange(start, end, moves=False)
    return replace(question, where=all_of(without_created(question.where), time_range.condition), time_range=time_range)
