"""Tables that follow changes, so that they hold at every instant what a fresh read would find."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bson import Timestamp

from execution_monitor.live.image_topics import ImagesDelivery
from execution_monitor.live.resume_tokens import StreamPosition, position_after, time_of
from execution_monitor.statistics.live.edges import FACTS, CountedChange, Edges, leaves_at
from execution_monitor.statistics.measures import Breakdown, Measure, Measures
from execution_monitor.statistics.path_a import Filled
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import StatisticsAnswer
from execution_monitor.statistics.service import answer_of
from execution_monitor.statistics.sketches import Sketch
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.rows import Row

_FACTS = tuple(FACTS - {"_id"})


class MustReadAgain(Exception):
    """The tables cannot follow what has happened."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Tables that were read, as of which cluster time.

    Attributes:
        edges: the documents at the edges of the range; None where changes cannot be followed.
    """

    question: Question
    tables: StatisticsTables
    read_at: Timestamp
    edges: Edges | None
    examined: int = 0


class FollowingTables:
    """The tables of one question; `question_at` binds it to an instant.

    Attributes:
        question: as of the last instant.
        position: the last change that they hold.
        has_changed: whether they may differ from the answer before.
    """

    def __init__(self, reading: Reading, question_at: Callable[[datetime], Question]) -> None:
        self.question = reading.question
        self.position: StreamPosition = position_after(reading.read_at)
        self.edges = reading.edges or Edges(None, None)
        self.has_changed = False
        self._tables = reading.tables
        self._read = reading
        self._question_at = question_at
        self._start = milliseconds_of(self.question.time_range.start)

    def apply(self, delivery: ImagesDelivery) -> bool:
        """Follow a change, and say whether it changed anything that is counted."""
        self.position = delivery.position
        before, after = self._counted(delivery.before), self._counted(delivery.row)
        if before is not None and after is not None and same_facts(before, after):
            return False
        if before is not None:
            self.question.add(self._tables, before, -1)
        if after is not None:
            self.question.add(self._tables, after)
        self.edges.apply(CountedChange(before, after))
        self.has_changed = self.has_changed or before is not None or after is not None
        return before is not None or after is not None

    def advance(self, now: datetime) -> None:
        """Go on to the instant `now`, which is never earlier than the one before.

        Raises:
            MustReadAgain: other buckets are needed, or it is unknown what has left the range.
        """
        question = self._question_at(now)
        start = milliseconds_of(question.time_range.start)
        if start != self._start:
            if self.edges.until is None or not self._start < start <= self.edges.until:
                raise MustReadAgain
            for row in self.edges.leaving.pop_before(start):
                self.question.add(self._tables, row, -1)
                self.edges.early.discard(row)
                self.has_changed = True
            self._start = start
        if question.buckets != self.question.buckets:
            self._divide_again(question)
        self.question = question

    def seconds_to_next(self) -> float | None:
        """How long the answer stays the same if no execution changes; None for ever."""
        waits = list[float]()
        if self.edges.until is not None:
            first = self.edges.leaving.first
            if first is not None:
                waits.append((first + 1 - self._start) / 1_000)
            if self.question.buckets:
                waits.append((milliseconds_of(self.question.buckets[0].end) - self._start) / 1_000)
        if self.edges.early_from is not None:
            # An instant at the end of a bucket still belongs to it.
            waits.append((self.edges.early_from + 1 - milliseconds_of(self.question.now)) / 1_000)
        return max(0.001, min(waits)) if waits else None

    def answer(self) -> StatisticsAnswer:
        """The answer at the last instant, a copy."""
        request = self.question.request
        found = answer_of(self.question, self._tables, Filled(time_of(self.position), self._read.examined))
        return replace(
            found,
            totals=_copy(found.totals, request.totals),
            series=[replace(each, breakdown=_copy(each.breakdown, request.series)) for each in found.series],
            groups={
                of: [replace(each, breakdown=_copy(each.breakdown, of.measures)) for each in groups]
                for of, groups in found.groups.items()
            },
            as_of=self.question.now,
        )

    def groups_kept(self) -> int:
        """How many groups are kept, those without executions forgotten."""
        for groups in self._tables.by_group.values():
            for key in [key for key, breakdown in groups.items() if not breakdown.count]:
                del groups[key]
        return sum(map(len, self._tables.by_group.values()))

    def _counted(self, image: Row | None) -> Row | None:
        """`image`, unless it has left the range."""
        return None if image is None or leaves_at(image) < self._start else image

    def _divide_again(self, question: Question) -> None:
        """Take over the buckets of `question`, which goes on from the one before."""
        old, edges = self.question, self.edges
        early = list(edges.early)
        for row in early:
            old.add_to_bucket(self._tables, row, -1)
        places = {bucket: place for place, bucket in enumerate(question.buckets)}
        moved = dict[int, Breakdown]()
        for place, breakdown in self._tables.by_bucket.items():
            if not breakdown.count:
                continue
            new = places.get(old.buckets[place])
            if new is None:
                raise MustReadAgain
            moved[new] = breakdown
        self._tables.by_bucket = moved
        for row in early:
            question.add_to_bucket(self._tables, row)
        edges.early_from = None if edges.early_from is None else milliseconds_of(question.buckets[-1].end)
        for _ in edges.early.pop_before(edges.early_from or 0):
            pass
        self.has_changed = True


def early_from(question: Question) -> int | None:
    """The millisecond from which on executions are later than the last bucket of an open range; None without."""
    is_open = question.buckets and question.time_range.end is None
    return milliseconds_of(question.buckets[-1].end) if is_open else None


def same_content(one: StatisticsAnswer, other: StatisticsAnswer) -> bool:
    """Whether two copied answers say the same, if at different instants."""
    return (one.totals, one.series, one.groups) == (other.totals, other.series, other.groups)


def same_facts(before: Row, after: Row) -> bool:
    """Whether two images of an execution contribute the same."""
    # True equals 1, and is no number to add up.
    pairs = ((before.get(name), after.get(name)) for name in _FACTS)
    return all(type(one) is type(other) and one == other for one, other in pairs)


def _copy(breakdown: Breakdown, measures: Measure | None) -> Breakdown:
    """What `breakdown` says of `measures`, without statuses that no execution has."""
    copy = Breakdown()
    for status, each in breakdown.items():
        if measures is not None and each.count:
            copy[status] = Measures(
                each.count,
                _copy_sketch(each.durations) if Measure.DURATION in measures else Sketch(),
                _copy_sketch(each.costs) if Measure.COST in measures else Sketch(),
                each.tokens if Measure.TOKENS in measures else 0,
            )
    return copy


def _copy_sketch(sketch: Sketch) -> Sketch:
    return Sketch(dict(sketch.bins), sketch.micros)
