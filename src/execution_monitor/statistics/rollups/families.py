"""Families of rows: by which values executions are told apart, and into which spans of time they fall.

Each execution is in one row of each family and span. The spans are quarters of an hour of UTC, of which every time zone
in use is made, and longer ones, so that a month is not thousands of rows. The families without the owner are for those
who read the whole tenant: with it they would read as many rows as there are owners.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from bson import DatetimeMS

from execution_monitor.storage.coercion import to_datetime

STATUS, WORKFLOW, OWNER, CODE = "status", "workflow_name", "user_id", "error_details.code"
DIMENSIONS = frozenset({STATUS, WORKFLOW, OWNER, CODE})

QUARTER = timedelta(minutes=15)
QUARTER_MS = 900_000
# So that no time, whatever is stored, exceeds 64 bits when it is rounded.
_MAX_MS = 2**62
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Span(Enum):
    """How long the time of a row is, the longest first; the values are quarters of an hour."""

    DAY = 96
    HOURS_3 = 12
    QUARTER = 1


_DAY = Span.DAY.value


class Family(Enum):
    """Rows by the same fields; those by fewest first. The numbers are part of stored keys.

    Attributes:
        number: of the family in keys.
        fields: by which its rows are told apart.
        spans: of its rows, the longest first.
        by_owner: whether the rows of each owner, the first of the fields, lie together: others' are not read.
    """

    STATUSES = 1, (STATUS,), (Span.DAY, Span.HOURS_3, Span.QUARTER), False
    WORKFLOWS = 5, (WORKFLOW, STATUS), (Span.DAY, Span.HOURS_3, Span.QUARTER), False
    OWNERS = 2, (OWNER, STATUS), (Span.DAY, Span.QUARTER), False
    CODES = 3, (WORKFLOW, STATUS, CODE), (Span.DAY, Span.HOURS_3, Span.QUARTER), False
    OWN = 4, (OWNER, WORKFLOW, STATUS, CODE), (Span.DAY, Span.QUARTER), True

    def __init__(self, number: int, fields: tuple[str, ...], spans: tuple[Span, ...], by_owner: bool) -> None:  # noqa: FBT001
        self.number = number
        self.fields = fields
        self.spans = spans
        self.by_owner = by_owner


@dataclass(frozen=True, slots=True)
class Cells:
    """The rows of one span whose first quarters are from `first` to the one before `end`; None for no end.

    Attributes:
        sign: 1 where they are added, -1 where they are subtracted from longer ones, which they are a part of.
        bucket: the place of the bucket of a series that they belong to; 0 where there is no series.
    """

    span: Span
    first: int
    end: int | None
    sign: int = 1
    bucket: int = 0

    @property
    def count(self) -> int:
        """How many spans these are; of those without an end, 1."""
        return 1 if self.end is None else (self.end - self.first) // self.span.value


def milliseconds_of(created: object) -> int | None:
    """A stored time of creation in milliseconds since 1970; None for what is none."""
    if isinstance(created, DatetimeMS):
        return max(-_MAX_MS, min(_MAX_MS - 1, int(created)))
    moment = to_datetime(created) if isinstance(created, datetime) else None
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND


def quarter_of(milliseconds: int) -> int:
    """The number of the quarter of an hour that holds a time, counted from 1970."""
    return milliseconds // QUARTER_MS


def first_quarter(quarter: int, span: Span) -> int:
    """The first quarter of the span that holds `quarter`."""
    return quarter - quarter % span.value


def cells_of(first: int, end: int | None, spans: Sequence[Span]) -> list[Cells]:
    """The fewest rows that make up the quarters from `first` to the one before `end`, added and subtracted.

    A day without its first hour is one row less four, and not eighteen rows.

    Args:
        first: the first quarter.
        end: the quarter behind the last; None where there is no end.
        spans: which rows there are, the longest first and quarters last.
    """
    longest, *shorter = spans
    size = longest.value
    if end is not None and first >= end:
        return []
    if not shorter:
        return [Cells(longest, first, end)]
    begin = first + -first % size
    if end is None:
        return [*_part_of_one(first, begin, spans), Cells(longest, begin, None)]
    stop = end - end % size
    if begin > stop:
        return _part_of_one(first, end, spans)
    whole = [Cells(longest, begin, stop)] if begin < stop else []
    return [*_part_of_one(first, begin, spans), *whole, *_part_of_one(stop, end, spans)]


def _part_of_one(first: int, end: int, spans: Sequence[Span]) -> list[Cells]:
    """The rows of a part of one of the longest spans: those of the part, or the whole less those of the rest."""
    longest, *shorter = spans
    if first == end:
        return []
    begin = first - first % longest.value
    behind = begin + longest.value
    added = cells_of(first, end, shorter)
    rest = cells_of(begin, first, shorter) + cells_of(end, behind, shorter)
    if _count(added) <= 1 + _count(rest):
        return added
    return [Cells(longest, begin, behind), *(replace(each, sign=-each.sign) for each in rest)]


def _count(cells: Iterable[Cells]) -> int:
    return sum(each.count for each in cells)


def merged(cells: Iterable[Cells]) -> list[Cells]:
    """The same rows, those of one span, sign and bucket that follow each other as one."""
    found = list[Cells]()
    last = dict[tuple[Span, int, int], int]()
    for each in cells:
        kind = each.span, each.sign, each.bucket
        place = last.get(kind)
        if place is not None and found[place].end == each.first:
            found[place] = replace(each, first=found[place].first)
        else:
            last[kind] = len(found)
            found.append(each)
    return found


def days_of(cells: Iterable[Cells], days: Sequence[int]) -> set[int]:
    """Those of `days`, which are in order, that `cells` have rows in; a day is known by its first quarter."""
    return {day for each in cells for day in _within(each, days)}


def cells_within(cells: Iterable[Cells], days: Sequence[int]) -> list[Cells]:
    """The rows of `cells` in some `days`, which are in order."""
    return merged(
        replace(each, first=max(each.first, day), end=day + _DAY if each.end is None else min(each.end, day + _DAY))
        for each in cells
        for day in _within(each, days)
    )


def _within(cells: Cells, days: Sequence[int]) -> Sequence[int]:
    first = bisect_left(days, first_quarter(cells.first, Span.DAY))
    return days[first : None if cells.end is None else bisect_left(days, cells.end)]
