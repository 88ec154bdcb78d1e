"""Row sums: adds rows of a view to the tables that it is read for, those of days that no longer change apart."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any

from execution_monitor.statistics.measures import Breakdown, Measures, status_of
from execution_monitor.statistics.questions import StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupKey
from execution_monitor.statistics.rollups.families import (
    Cells,
    Span,
    first_quarter,
    milliseconds_of,
    quarter_of,
)
from execution_monitor.statistics.rollups.plans import View
from execution_monitor.statistics.rollups.whole_numbers import as_number
from execution_monitor.statistics.sketches import Sketch
from execution_monitor.storage.rows import BsonDocument, Row

# How often rows count in which buckets: in all of them once, or minus once.
_Targets = tuple[tuple[int, int], ...]
# The stored status, and the stored values that rows are grouped by.
_Stored = tuple[Any, ...]


@dataclass(slots=True)
class _Sums:
    """What rows that count alike add up to; bins by their names in rows."""

    count: int = 0
    tokens: int = 0
    duration: int = 0
    durations: dict[str, int] = field(default_factory=dict[str, int])
    cost: int = 0
    costs: dict[str, int] = field(default_factory=dict[str, int])

    def measures(self) -> Measures:
        """The same as measures."""
        durations, costs = _sketch_of(self.durations, self.duration), _sketch_of(self.costs, self.cost)
        return Measures(int(self.count), durations, costs, int(self.tokens))


class RowSums:
    """The sums of rows of a view.

    Args:
        view: what the rows are added to.
        cells: where the rows are.
        settled: the days whose sums are kept apart, by their first quarters.
    """

    def __init__(self, view: View, cells: Sequence[Cells], settled: Container[int]) -> None:
        self._view = view
        self._cells = {span: [each for each in cells if each.span is span] for span in Span}
        self._settled = settled
        self._at_place = dict[tuple[Any, Any], dict[_Stored, _Sums]]()
        self._sums = dict[tuple[bool, _Targets], dict[_Stored, _Sums]]()
        self._stored_of = _stored_of(view.groups)

    def add(self, rows: Sequence[BsonDocument]) -> None:
        """Add rows. There are thousands, so that nothing is done for each that can be done once for many."""
        at_place, stored_of = self._at_place, self._stored_of
        for row in rows:
            place = row["start"], row["quarters"]
            by_stored = at_place.get(place)
            if by_stored is None:
                by_stored = at_place[place] = self._at(*place)
            stored = stored_of(row)
            sums = by_stored.get(stored)
            if sums is None:
                sums = by_stored[stored] = _Sums()
            get = row.get
            sums.count += get("n", 0)
            sums.tokens += get("tokens", 0)
            if (micros := get("duration")) is not None:
                sums.duration += as_number(micros)
            if bins := get("durations"):
                sums.durations = _added(sums.durations, bins)
            if (micros := get("cost")) is not None:
                sums.cost += as_number(micros)
            if bins := get("costs"):
                sums.costs = _added(sums.costs, bins)

    def add_to(self, settled: StatisticsTables, others: StatisticsTables) -> None:
        """Add all that was added: the sums of settled days to `settled`, the rest to `others`."""
        for (is_settled, targets), by_stored in self._sums.items():
            tables = settled if is_settled else others
            for stored, sums in by_stored.items():
                self._add_to(tables, targets, stored, sums.measures())

    def _add_to(self, tables: StatisticsTables, targets: _Targets, stored: _Stored, measures: Measures) -> None:
        status = status_of(stored[0])
        if self._view.has_series:
            for bucket, sign in targets:
                tables.of_bucket(bucket).of_status(status).merge(measures, sign)
        # What is subtracted from one bucket and added to another is in both sums, or in none.
        times = sum(sign for _, sign in targets)
        if not times:
            return
        others = list[Breakdown]()
        if self._view.has_totals:
            others.append(tables.totals)
        for by, value in zip(self._view.groups, stored[1:], strict=True):
            others.append(tables.of_group(by, _key_of(by, value)))
        for each in others:
            each.of_status(status).merge(measures, times)

    def _at(self, start: Any, quarters: int) -> dict[_Stored, _Sums]:
        """The sums that the rows of a start and a length are added to."""
        milliseconds = milliseconds_of(start)
        if milliseconds is None:
            raise ValueError("Each row has a start.")
        first = quarter_of(milliseconds)
        targets = tuple(
            (each.bucket, each.sign)
            for each in self._cells[Span(int(quarters))]
            if each.first <= first and (each.end is None or first < each.end)
        )
        is_settled = first_quarter(first, Span.DAY) in self._settled
        return self._sums.setdefault((is_settled, targets), {})


def _stored_of(groups: Sequence[GroupField]) -> Callable[[Row], _Stored]:
    """What finds the values of a row by which its sums are told apart."""
    if not groups:
        return lambda row: (row.get("status"),)
    if len(groups) == 1 and groups[0] is not GroupField.ERROR_CODE:
        name = groups[0].value
        return lambda row: (row.get("status"), row.get(name))
    return lambda row: (row.get("status"), *[_value_of(row, by) for by in groups])


def _value_of(row: Row, by: GroupField) -> Any:
    if by is GroupField.ERROR_CODE:
        error = row.get("error_details")
        return None if error is None else error.get("code")
    return row.get(by.value)


def _key_of(by: GroupField, value: Any) -> GroupKey:
    if by is GroupField.STATUS:
        return status_of(value).value
    return value if type(value) is str else None


def _added(bins: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Both together; there are hundreds of thousands of bins."""
    if not bins:
        return more
    found = bins.get
    for number, count in more.items():
        bins[number] = found(number, 0) + count
    return bins


def _sketch_of(bins: dict[str, int], micros: int) -> Sketch:
    if not bins:
        return Sketch({}, micros)
    found = dict(zip(map(int, bins), bins.values(), strict=True))
    if 0 in bins.values():
        found = {number: count for number, count in found.items() if count}
    return Sketch(found, micros)
