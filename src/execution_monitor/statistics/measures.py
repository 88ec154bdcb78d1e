"""Measures: what is counted and added up of executions, and what one execution contributes to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Any

from execution_monitor.statistics.sketches import LARGEST, LARGEST_WHOLE, Sketch, usable
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus
from execution_monitor.storage.rows import Row


class Measure(Flag):
    """What can be measured beside the number of executions; what is not selected is not computed."""

    DURATION = auto()
    COST = auto()
    TOKENS = auto()


COUNT_ALONE = Measure(0)
# Values beyond have no part in any sum.
LARGEST_OF = {Measure.DURATION: LARGEST, Measure.COST: LARGEST, Measure.TOKENS: LARGEST_WHOLE}
EVERY_MEASURE = Measure.DURATION | Measure.COST | Measure.TOKENS


@dataclass(slots=True)
class Measures:
    """What some executions add up to. Whole numbers alone, so that what was added can be subtracted without a rest.

    Attributes:
        count: how many executions there are.
        durations: in seconds, of those that have ended.
        costs: of those that have one.
        tokens: used by all of them.
    """

    count: int = 0
    durations: Sketch = field(default_factory=Sketch)
    costs: Sketch = field(default_factory=Sketch)
    tokens: int = 0

    def merge(self, other: "Measures", times: int = 1) -> None:
        """Add what `other` holds; with `times` of -1 take it out again."""
        self.count += other.count * times
        self.durations.merge(other.durations, times)
        self.costs.merge(other.costs, times)
        self.tokens += other.tokens * times

    def add(self, execution: "Contribution", times: int = 1) -> None:
        """Add one execution; with `times` of -1 take it out again."""
        self.count += times
        if execution.duration is not None:
            self.durations.add(execution.duration, times)
        if execution.cost is not None:
            self.costs.add(execution.cost, times)
        self.tokens += execution.tokens * times


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one execution adds to the measures of its status."""

    status: ExecutionStatus
    duration: float | None
    cost: float | None
    tokens: int

    @classmethod
    def of(cls, document: Row) -> "Contribution":
        """The contribution of a stored document, whatever it holds: a value of a wrong type counts as none."""
        status = status_of(document.get("status"))
        tokens = usable(document.get("tokens_used"), LARGEST_OF[Measure.TOKENS])
        return cls(
            status,
            usable(document.get("total_duration")) if status in TERMINAL_STATUSES else None,
            usable(document.get("total_cost")),
            0 if tokens is None else round(tokens),
        )

    def only(self, measures: Measure) -> "Contribution":
        """What it adds where nothing but `measures` is measured beside the number of executions."""
        return Contribution(
            self.status,
            self.duration if Measure.DURATION in measures else None,
            self.cost if Measure.COST in measures else None,
            self.tokens if Measure.TOKENS in measures else 0,
        )


def status_of(value: Any) -> ExecutionStatus:
    """The status that is shown for a stored value: PENDING where it is missing or unknown, as in lists."""
    return _STATUSES.get(value, ExecutionStatus.PENDING) if type(value) is str else ExecutionStatus.PENDING


_STATUSES = {status.value: status for status in ExecutionStatus}


class Breakdown(dict[ExecutionStatus, Measures]):
    """Measures by status; a status without executions may be missing."""

    __slots__ = ()

    @classmethod
    def of(cls, documents: Iterable[Row]) -> "Breakdown":
        """What stored documents add up to."""
        breakdown = cls()
        for document in documents:
            breakdown.add(Contribution.of(document))
        return breakdown

    def add(self, execution: Contribution, times: int = 1) -> None:
        """Add one execution; with `times` of -1 take it out again."""
        self.of_status(execution.status).add(execution, times)

    def of_status(self, status: ExecutionStatus) -> Measures:
        """The measures of one status, to add to."""
        found = self.get(status)
        if found is None:
            found = self[status] = Measures()
        return found

    def merge(self, other: "Breakdown") -> None:
        """Add what `other` holds."""
        for status, measures in other.items():
            self.of_status(status).merge(measures)

    @property
    def count(self) -> int:
        """How many executions there are."""
        return sum(each.count for each in self.values())

    def count_of(self, *statuses: ExecutionStatus) -> int:
        """How many executions have one of `statuses`."""
        return sum(self[each].count for each in statuses if each in self)

    @property
    def failures(self) -> int:
        """How many failed or timed out."""
        return self.count_of(ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)

    @property
    def success_rate(self) -> float | None:
        """Those that completed among those that completed, failed or timed out; None where there are none."""
        completed = self.count_of(ExecutionStatus.COMPLETED)
        ended = completed + self.failures
        return completed / ended if ended else None

    @property
    def durations(self) -> Sketch:
        """The durations of all that have ended, in seconds."""
        return _merged(each.durations for each in self.values())

    @property
    def costs(self) -> Sketch:
        """The costs of all."""
        return _merged(each.costs for each in self.values())

    @property
    def tokens(self) -> int:
        """The tokens that all have used."""
        return sum(each.tokens for each in self.values())


def _merged(sketches: Iterable[Sketch]) -> Sketch:
    merged = Sketch()
    for each in sketches:
        merged.merge(each)
    return merged
