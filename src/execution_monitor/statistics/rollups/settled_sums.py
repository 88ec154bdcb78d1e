"""Settled sums: what rows of days that no longer change add up to, kept by this process from one answer to the next.

They are of use while the marks of their days are what they were, which each answer reads in its own snapshot. So it
does not matter who writes rows, nor when. Who may read what is in their keys: the conditions of a question hold those
of its caller's roles, so that no sums answer a question about other executions than those they were made of.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import bson
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.observability.metrics.families import counters_by, gauge
from execution_monitor.statistics.questions import StatisticsTables
from execution_monitor.statistics.rollups.marks import Marks
from execution_monitor.statistics.rollups.plans import Plan

# Some 30 MB at most: two to four different questions about a month of a million executions, or many about fewer. What
# several sums share is counted for each.
MAX_BINS = 500_000
# What the rest of the sums of a group takes, in bins.
_GROUP_BINS = 10

# Everything that decides what is added up, and how.
SumsKey = tuple[Hashable, ...]


class Use(StrEnum):
    """What became of settled sums when a question was answered."""

    REUSED = "reused"
    EXTENDED = "extended"
    READ = "read"


@dataclass(frozen=True, slots=True)
class SettledSums:
    """What the rows of some days add up to. Whoever answers from it copies it.

    Attributes:
        marks: of its days, when they were read; none of days without rows.
        tables: the sums; of parts of days they may be negative.
    """

    marks: Marks
    tables: StatisticsTables

    def is_of(self, marks: Marks) -> bool:
        """Whether its days are still what they were, where they have `marks` now."""
        return all(marks.get(day, ()) == each for day, each in self.marks.items())


class SettledSumsCache(Collector):
    """Settled sums by what they are of; those that were used last are kept.

    Args:
        max_bins: how many bins all of them have at most.

    Attributes:
        uses: how often what became of them.
    """

    def __init__(self, max_bins: int = MAX_BINS) -> None:
        self._max_bins = max_bins
        self._kept = OrderedDict[SumsKey, tuple[SettledSums, int]]()
        self._bins = 0
        self.uses = Counter[Use]()

    def find(self, key: SumsKey, marks: Marks) -> SettledSums | None:
        """The sums of `key`, if their days are still what they were."""
        found = self._kept.get(key)
        if found is None:
            return None
        if not found[0].is_of(marks):
            self._remove(key)
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: SumsKey, sums: SettledSums) -> None:
        """Keep `sums`, which no one changes any more."""
        self._remove(key)
        bins = _bins_of(sums.tables)
        if bins > self._max_bins:
            return
        self._kept[key] = sums, bins
        self._bins += bins
        while self._bins > self._max_bins:
            self._remove(next(iter(self._kept)))

    @override
    def collect(self) -> Iterator[Metric]:
        """How often sums were reused, and how many bins are kept."""
        yield counters_by(
            "use",
            "rollups_settled_sums",
            "Sums of days that no longer change: reused by an answer, extended by more days, or read from all rows.",
            {use.value: self.uses[use] for use in Use},
        )
        yield gauge("rollups_settled_bins", "Bins of the sums that are kept for further answers.", self._bins)

    def _remove(self, key: SumsKey) -> None:
        removed = self._kept.pop(key, None)
        if removed is not None:
            self._bins -= removed[1]


def key_of(plan: Plan, generation: int, *rest: Hashable) -> SumsKey:
    """The key of sums that a plan needs; the `rest` says which."""
    # As MongoDB is asked, so that values are told apart that Python takes for equal, such as true and 1.
    return plan.tenant, generation, bson.encode(plan.where.to_mongo()), plan.owners, *rest


def _bins_of(tables: StatisticsTables) -> int:
    breakdowns = [tables.totals, *tables.by_bucket.values()]
    for groups in tables.by_group.values():
        breakdowns.extend(groups.values())
    return sum(
        _GROUP_BINS + len(each.durations.bins) + len(each.costs.bins)
        for breakdown in breakdowns
        for each in breakdown.values()
    )
