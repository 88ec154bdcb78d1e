"""Folding: adds the small documents that MongoDB sends of executions to tables, as `Question.add` each of them.

It goes column by column: one document after another would take Python twice as long.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

from execution_monitor.statistics.measures import LARGEST_OF, Breakdown, Measure, Measures, status_of
from execution_monitor.statistics.pipelines import PLACE, STATUS, TIMES, VALUES, name_of, tag_of
from execution_monitor.statistics.questions import Question, StatisticsTables, rank_of
from execution_monitor.statistics.requests import Group, GroupField, GroupKey
from execution_monitor.statistics.sketches import bin_of, micros_of, usable
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

K = TypeVar("K", bound=Hashable)

# More groups than these are not sorted at once.
_MANY = 500
# What a group takes, in documents.
_GROUP = 10


@dataclass(slots=True)
class Folding:
    """Adds up the small documents of one or several passes, `weight` times each.

    Attributes:
        question: what they are added up for.
        weight: how many executions each stands for.
        keys: of a field in it, no other groups are wanted.
        found: how many executions were read so far, each once.
    """

    question: Question
    weight: int = 1
    keys: Mapping[GroupField, Container[GroupKey]] = field(default_factory=dict[GroupField, Container[GroupKey]])
    found: int = 0
    _columns: dict[ExecutionStatus, "_Columns"] = field(default_factory=lambda: defaultdict(_Columns))

    def add(self, rows: Sequence[BsonDocument]) -> None:
        """Read small documents, or counted ones."""
        times = None if self.question.measured else [row[TIMES] for row in rows]
        documents: Sequence[BsonDocument] = rows if times is None else [row["_id"] for row in rows]
        self.found += len(rows) if times is None else sum(times)
        by_status = defaultdict[ExecutionStatus, list[int]](list)
        for index, each in enumerate(documents):
            by_status[status_of(each.get(STATUS))].append(index)
        for status, indexes in by_status.items():
            found = [documents[index] for index in indexes]
            self._columns[status].append(self.question, status, found)
            if times is not None:
                self._columns[status].times += [times[index] for index in indexes]

    def finish(self, tables: StatisticsTables, *, leaves_first: bool = False) -> Iterator[int]:
        """Add everything to `tables`, step by step; each step says how many documents or groups it had.

        Args:
            tables: Where it is added to.
            leaves_first: Whether groups that are none of the first may be left out, where there are many.
        """
        totals, series = self.question.request.totals, self.question.request.series
        for status, columns in self._columns.items():
            adding = _Adding.of(columns, self.weight)
            yield len(columns.times)
            if totals is not None:
                adding.add(tables.totals.of_status(status), totals)
                yield len(columns.times)
            if series is not None:
                for place, indexes in _indexes(enumerate(columns.places)).items():
                    if place is not None:
                        adding.add(tables.of_bucket(place).of_status(status), series, indexes)
                        yield len(indexes)
            for by in self.question.grouped:
                yield from self._add_groups(tables, by, status, adding)
        for by in self.question.grouped:
            if leaves_first:
                yield from self._leave_first(tables, by)

    def _add_groups(
        self, tables: StatisticsTables, by: GroupField, status: ExecutionStatus, adding: "_Adding"
    ) -> Iterator[int]:
        measures, wanted = self.question.grouped[by], self.keys.get(by)
        if by is GroupField.STATUS:
            adding.add(tables.of_group(by, status.value).of_status(status), measures)
            return
        by_key = _indexes(_keys(by, self._columns[status].keys[by]))
        yield len(by_key)
        for key, indexes in by_key.items():
            if wanted is None or key in wanted:
                adding.add(tables.of_group(by, key).of_status(status), measures, indexes)
                yield len(indexes) + _GROUP

    def _leave_first(self, tables: StatisticsTables, by: GroupField) -> Iterator[int]:
        groups = tables.by_group.get(by, {})
        if len(groups) <= _MANY:
            return
        kept = dict[GroupKey, Breakdown]()
        for order, first in self.question.first_of(by).items():
            ranks = list[tuple[Any, GroupKey]]()
            for key, breakdown in groups.items():
                ranks.append((rank_of(order, Group(key, breakdown)), key))
                yield 1
            kept |= {key: groups[key] for _, key in heapq.nsmallest(first, ranks, key=itemgetter(0))}
        tables.by_group[by] = kept


@dataclass(slots=True)
class _Columns:
    """Documents with one status: how many executions each stands for, where it belongs, and its usable values."""

    times: list[int] = field(default_factory=list[int])
    places: list[int | None] = field(default_factory=list[int | None])
    keys: dict[GroupField, list[Any]] = field(default_factory=lambda: defaultdict(list))
    values: dict[Measure, list[float | None]] = field(default_factory=lambda: defaultdict(list))

    def append(self, question: Question, status: ExecutionStatus, documents: Sequence[BsonDocument]) -> None:
        """Append all of some documents but how many executions they stand for, which is 1 where it is not said."""
        if question.buckets:
            self.places += [each.get(PLACE) for each in documents]
        for by in question.grouped:
            if by is not GroupField.STATUS:
                name = name_of(by)
                self.keys[by] += [each.get(name) for each in documents]
        for measure in question.measured:
            if measure is not Measure.DURATION or status in TERMINAL_STATUSES:
                name, largest = VALUES[measure], LARGEST_OF[measure]
                self.values[measure] += [
                    each if type(each) is float and -largest <= each <= largest else usable(each, largest)
                    for each in [document.get(name) for document in documents]
                ]
        if question.measured:
            self.times += [1] * len(documents)


def _keys(by: GroupField, stored: Sequence[Any]) -> Iterator[tuple[int, GroupKey]]:
    """The indexes of documents, each with a key of its groups."""
    if by is GroupField.TAG:
        return ((index, None if tag is None else tag_of(tag)) for index, tags in enumerate(stored) for tag in tags)
    return enumerate([key if type(key) is str else None for key in stored])


def _indexes(pairs: Iterable[tuple[int, K]]) -> Mapping[K, Sequence[int]]:
    """The indexes of documents by key."""
    indexes = defaultdict[K, list[int]](list)
    for index, key in pairs:
        indexes[key].append(index)
    return indexes


@dataclass(frozen=True, slots=True)
class _Adding:
    """What is added of documents with one status: of each measure the bins of their values, and amounts to add up."""

    weight: int
    times: Sequence[int]
    bins: Mapping[Measure, Sequence[int | None]]
    amounts: Mapping[Measure, Sequence[int]]

    @classmethod
    def of(cls, columns: _Columns, weight: int) -> "_Adding":
        """What `columns` add."""
        bins, amounts = dict[Measure, Sequence[int | None]](), dict[Measure, Sequence[int]]()
        for measure, values in columns.values.items():
            if measure is Measure.TOKENS:
                amounts[measure] = [0 if value is None else round(value) for value in values]
            else:
                bins[measure] = [None if value is None else bin_of(value) for value in values]
                amounts[measure] = [0 if value is None else micros_of(value) for value in values]
        return cls(weight, columns.times, bins, amounts)

    def add(self, measures: Measures, what: Measure, indexes: Sequence[int] | None = None) -> None:
        """Add `what` is measured of the documents at `indexes`, or of all, to `measures`."""
        pick = _picker(indexes)
        measures.count += sum(pick(self.times)) * self.weight
        for measure, amounts in self.amounts.items():
            if measure not in what:
                continue
            amount = sum(pick(amounts)) * self.weight
            if measure is Measure.TOKENS:
                measures.tokens += amount
                continue
            counts = Counter(pick(self.bins[measure]))
            counts.pop(None, None)
            sketch = measures.durations if measure is Measure.DURATION else measures.costs
            if self.weight != 1:
                counts = {number: count * self.weight for number, count in counts.items()}
            sketch.add_bins(counts, amount)


def _picker(indexes: Sequence[int] | None) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What picks the items at `indexes` of a column, or all."""
    if indexes is None:
        return lambda column: column
    # Of one item alone it would make no tuple.
    return itemgetter(*indexes) if len(indexes) > 1 else lambda column: [column[indexes[0]]]
