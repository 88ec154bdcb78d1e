"""Edges: the counted executions that time alone moves, kept one by one.

Time takes executions out of a range whose start moves on, and brings those of the future into a bucket of their own.
Both are few, so that what they contribute is known without reading again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.predicates import reader_of
from execution_monitor.storage.rows import Row
from execution_monitor.storage.running_time import is_time

# What a stored document contributes is in these fields, and no one is kept for more.
FACTS = frozenset(
    {
        *("_id", CREATED, "status", "workflow_name", "user_id", "error_details", "triggered_by", "session_id", "tags"),
        *("total_duration", "total_cost", "tokens_used"),
    }
)
_read_created = reader_of(CREATED)


def leaves_at(document: Row) -> int:
    """The millisecond behind which a range may not start for `document` to be in it: the latest of its dates."""
    created = document.get(CREATED)
    if is_time(created):
        return milliseconds_of(created)  # pyright: ignore[reportArgumentType] - it is a time
    # One array in place of a date lies in a range where one of its elements does.
    return max((milliseconds_of(each) for each in _read_created(document) if is_time(each)), default=-(2**63))


def bucket_time_of(document: Row) -> int | None:
    """The millisecond by which the bucket of `document` is chosen; None where it is in none."""
    created = to_datetime(document.get(CREATED))
    return None if created is None else milliseconds_of(created)


class Kept:
    """Documents by their `_id`, each at a millisecond."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, Row]] = {}
        self._order: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return (row for _, row in self._rows.values())

    @property
    def first(self) -> int | None:
        """The earliest millisecond of a document."""
        while self._order:
            time, key = self._order[0]
            if self._is_at(key, time):
                return time
            heappop(self._order)
        return None

    def put(self, time: int, row: Row) -> None:
        """Keep the facts of `row`, in place of what was kept of the document before."""
        key = key_of(row)
        self._rows[key] = time, {name: row[name] for name in FACTS & row.keys()}
        heappush(self._order, (time, key))
        if len(self._order) > 2 * len(self._rows) + 100:
            self._order = [(time, key) for key, (time, _) in self._rows.items()]
            heapify(self._order)

    def discard(self, row: Row) -> None:
        """Keep nothing of the document."""
        self._rows.pop(key_of(row), None)

    def pop_before(self, end: int) -> Iterator[Row]:
        """Drop and yield the documents before a millisecond, the earliest first."""
        while (first := self.first) is not None and first < end:
            _, key = heappop(self._order)
            yield self._rows.pop(key)[1]

    def timed(self) -> Iterator[tuple[int, Row]]:
        """Each document with its millisecond."""
        return iter(self._rows.values())

    def take(self, other: "Kept") -> None:
        """Keep what `other` does, as well."""
        for time, row in other.timed():
            self.put(time, row)

    def _is_at(self, key: str, time: int) -> bool:
        found = self._rows.get(key)
        return found is not None and found[0] == time


def key_of(row: Row) -> str:
    """The `_id` of a document, which may be of any type, as something to look it up by."""
    return repr(row.get("_id"))


class CountedChange(NamedTuple):
    """A change of what is counted: the images before and after it, None where it was not, or is not, counted."""

    before: Row | None
    after: Row | None


@dataclass(slots=True)
class Edges:
    """The executions at both ends of the range.

    Attributes:
        until: those that leave before this millisecond are in `leaving`; None where the start does not move.
        early_from: those whose bucket begins at this millisecond or later are in `early`; None for no such.
    """

    until: int | None
    early_from: int | None
    leaving: Kept = field(default_factory=Kept)
    early: Kept = field(default_factory=Kept)
    _missed: list[CountedChange] | None = None

    def apply(self, change: CountedChange) -> None:
        """Follow a change."""
        if self._missed is not None:
            self._missed.append(change)
        if change.before is not None:
            self.leaving.discard(change.before)
            self.early.discard(change.before)
        if change.after is not None:
            self.keep(change.after)

    def keep(self, row: Row) -> None:
        """Keep `row` where it is at an edge."""
        if self.until is not None and (leaves := leaves_at(row)) < self.until:
            self.leaving.put(leaves, row)
        if self.early_from is not None and (time := bucket_time_of(row)) is not None and time >= self.early_from:
            self.early.put(time, row)

    def begin_refill(self) -> None:
        """Remember what changes until `refill`."""
        self._missed = []

    def refill(self, rows: Iterable[Row], until: int) -> None:
        """Keep those that leave before the millisecond `until`, too: `rows` has all that do, as they were meanwhile."""
        further, begin, missed = Kept(), self.until, self._missed or []
        self._missed = None

        def put(row: Row) -> None:
            if begin is not None and begin <= (leaves := leaves_at(row)) < until:
                further.put(leaves, row)

        for row in rows:
            put(row)
        # Whichever of them `rows` already shows: the last one is what counts.
        for change in missed:
            for image in change:
                if image is not None:
                    further.discard(image)
            if change.after is not None:
                put(change.after)
        self.until = until
        self.leaving.take(further)
