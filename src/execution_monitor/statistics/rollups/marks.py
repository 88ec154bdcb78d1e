"""Marks: whether the rows of a day are what they were, told from few of them.

Each write of a tenant has a mark, greater than those before. It is set, in the same transaction, in the rows by status
of each day of which any execution comes, goes or changes, also where the sums stay the same, as after a workflow was
renamed. So the executions of a day, and all rows of it, are what they were while these rows have the same marks. A row
that is cleared counts nothing, as a missing one, and if it comes again, it has another mark.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from execution_monitor.live.resume_tokens import StreamPosition, time_of
from execution_monitor.statistics.rollups.families import (
    Cells,
    Span,
    first_quarter,
    milliseconds_of,
    quarter_of,
)
from execution_monitor.storage.rows import Row

# The marks of each day that has rows; a day is known by its first quarter.
Marks = Mapping[int, tuple[int, ...]]

# A mark begins with the second of the write, as far as MongoDB knows: the rest is a number within it.
_SHIFT = 24
# Of days that changed within the last minute sums are not kept: they are likely to change again.
SETTLED_SECONDS = 60


def next_mark(mark: int, position: StreamPosition) -> int:
    """The mark of a write up to `position`, which follows one with `mark`."""
    return max(mark + 1, time_of(position).time << _SHIFT)


def day_of(quarter: int) -> int:
    """The day that holds a quarter."""
    return first_quarter(quarter, Span.DAY)


def settled_days(marks: Marks, position: StreamPosition) -> frozenset[int]:
    """The days that had not changed for a while at `position`."""
    before = (time_of(position).time - SETTLED_SECONDS) << _SHIFT
    return frozenset(day for day, each in marks.items() if max(each) < before)


def cells_of_marks(first: int, end: int | None) -> Cells:
    """Which rows by status have the marks of the quarters from the one before `first` to `end`."""
    return Cells(Span.DAY, day_of(first - 1), None if end is None else day_of(end) + Span.DAY.value)


def marks_of(rows: Iterable[Row]) -> Marks:
    """The marks that rows by status of days have; those of a later read come in the same order."""
    found = dict[int, tuple[int, ...]]()
    for row in rows:
        day = _first_of(row["start"])
        found[day] = (*found.get(day, ()), int(row["mark"]))
    return found


def _first_of(start: Any) -> int:
    milliseconds = milliseconds_of(start)
    if milliseconds is None:
        raise ValueError("Each row has a start.")
    return quarter_of(milliseconds)
