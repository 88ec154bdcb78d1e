"""Families of rows: by which values executions are told apart, and into which spans of time they fall.

Each execution is in one row of each family and span. The spans are quarters of an hour of UTC, of which every time zone
in use is made, and longer ones, so that a month is not thousands of rows. The families without the owner are for those
who read the whole tenant: with it they would read as many rows as there are owners.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    """The rows of one span whose first quarters are from `first` to the one before `end`; None for no end."""

    span: Span
    first: int
    end: int | None


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


def cells_of(first: int, end: int | None, spans: Sequence[Span]) -> Iterator[Cells]:
    """The fewest rows that make up the quarters from `first` to the one before `end`, in the order of time.

    Args:
        first: the first quarter.
        end: the quarter behind the last; None where there is no end.
        spans: which rows there are, the longest first and quarters last.
    """
    longest, *shorter = spans
    size = longest.value
    if not shorter:
        if end is None or first < end:
            yield Cells(longest, first, end)
        return
    begin = first + -first % size
    stop = None if end is None else end - end % size
    if stop is not None and begin >= stop:
        yield from cells_of(first, end, shorter)
        return
    yield from cells_of(first, begin, shorter)
    yield Cells(longest, begin, stop)
    if stop is not None:
        yield from cells_of(stop, end, shorter)


def merged(cells: Sequence[Cells]) -> list[Cells]:
    """The same rows, those of one span that follow each other as one."""
    found = list[Cells]()
    last = dict[Span, int]()
    for each in cells:
        place = last.get(each.span)
        if place is not None and found[place].end == each.first:
            found[place] = Cells(each.span, found[place].first, each.end)
        else:
            last[each.span] = len(found)
            found.append(each)
    return found
