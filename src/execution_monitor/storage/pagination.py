"""Keyset pagination: requests for a page, and the page that was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from bson import Timestamp

from execution_monitor.errors import BadUserInput, InvalidCursor
from execution_monitor.storage.cursors import (
    decode_position,
    decode_relative,
    encode_position,
    encode_relative,
    instant_of,
)
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.rows import Row
from execution_monitor.storage.running_time import RunningRow, is_by_duration
from execution_monitor.storage.slices import COMPLETE, SearchProgress, SlicedSearch
from execution_monitor.storage.sorting import Order, SortPosition

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page to read: the first or last `size` rows between two cursors."""

    size: int = DEFAULT_PAGE_SIZE
    backward: bool = False
    after: str | None = None
    before: str | None = None
    skipped: int = 0  # rows to skip first; MongoDB reads each of them, so callers bound it

    @classmethod
    def of(
        cls,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        largest: int = MAX_PAGE_SIZE,
    ) -> "PageRequest":
        """The request that Relay's arguments mean, for at most `largest` rows.

        Raises:
            BadUserInput: A size is out of bounds, or both are given.
        """
        if first is not None and last is not None:
            raise BadUserInput("Pass first or last, not both.")
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 1 <= size <= largest:
                raise BadUserInput(f"{name} must be from 1 to {largest:,}, not {size}.")
        return cls(first or last or DEFAULT_PAGE_SIZE, last is not None, after, before)

    @property
    def instant(self) -> datetime | None:
        """The instant that the cursors of a relative list carry; None on a first page.

        Raises:
            InvalidCursor: A cursor carries none, or the two carry different ones.
        """
        found = {instant_of(cursor) for cursor in (self.after, self.before) if cursor is not None}
        if len(found) > 1:
            raise InvalidCursor("after and before are of lists that began at different times; take both from one list.")
        return next(iter(found), None)


@dataclass(frozen=True)
class Listing:
    """A list: the rows of a collection that match `where`, in `order`. Its cursors work with no other list.

    A list whose filter or order speaks of now is read as of the instant of its first page, `now`; others have none.

    `sliced` is how it may be searched in slices; by default it is searched whole.
    """

    where: Filter
    order: Order
    now: datetime | None = None
    sliced: SlicedSearch | None = None

    @cached_property
    def is_relative(self) -> bool:
        """Whether the list speaks of now."""
        return self.where.is_relative or is_by_duration(self.order)

    @cached_property
    def digest(self) -> bytes:
        """The digest that ties cursors to this list."""
        if self.is_relative:
            return digest_of(self.where, self.order, "relative")
        return digest_of(self.where, self.order)

    def at_instant_of(self, request: PageRequest, clock: Callable[[], datetime]) -> "Listing":
        """The list as of the instant that the cursors of `request` carry, or of the `clock` on a first page.

        Raises:
            InvalidCursor: A cursor carries none, or the two cursors carry different ones.
        """
        if not self.is_relative:
            return self
        now = request.instant or self.now or clock()
        # As precise as the cursors, so that every page has the same.
        return replace(self, now=now.replace(microsecond=now.microsecond // 1_000 * 1_000))

    @property
    def bound(self) -> Filter:
        """The filter as of the list's instant."""
        return self.where if self.now is None else self.where.bind(self.now)

    def cursor_of(self, row: Row) -> str:
        """The cursor of `row`, which must hold the fields of the order."""
        return self.cursor_at(row.position if isinstance(row, RunningRow) else self.order.position_of(row))

    def cursor_at(self, position: SortPosition) -> str:
        """The cursor of `position`."""
        if not self.is_relative:
            return encode_position(position, self.digest)
        if self.now is None:
            raise ValueError("A list that speaks of now has cursors as of its instant alone.")
        return encode_relative(position, self.digest, self.now)

    def position(self, cursor: str) -> SortPosition:
        """The position that `cursor` holds; raises `InvalidCursor` when it is not of this list."""
        if self.is_relative:
            return decode_relative(cursor, self.order, self.digest)[0]
        return decode_position(cursor, self.order, self.digest)


class Neighbours(NamedTuple):
    """The sides of a page on which to look for more rows."""

    previous: bool = False
    next: bool = False


BOTH, NEITHER = Neighbours(previous=True, next=True), Neighbours()


@dataclass(frozen=True, slots=True)
class PageSelection:
    """What to read of a page: the stored fields, and facts that cost a query of their own."""

    fields: frozenset[str] | None = None  # None: whole documents
    neighbours: Neighbours = BOTH
    snapshot: bool = False  # the time at which the page was read
    at: Timestamp | None = None  # a cluster time of the last minutes to read the page at; by default the present one


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and whether more lie before and after them.

    Where the time limit of a sliced search ended it, more may lie beyond the rows, and its cursor there is not that of
    a row, but of the position that the search reached.
    """

    listing: Listing
    rows: Sequence[Row]
    has_previous: bool = False
    has_next: bool = False
    read_at: Timestamp | None = None
    search: SearchProgress = COMPLETE
    backward: bool = False

    def cursor_of(self, row: Row) -> str:
        """The cursor of one of the rows."""
        return self.listing.cursor_of(row)

    @property
    def start_cursor(self) -> str | None:
        """The cursor before which the previous page lies; None on an empty page of a complete search."""
        return self._cursor(self.rows[:1], is_end_of_search=self.backward)

    @property
    def end_cursor(self) -> str | None:
        """The cursor after which the next page lies; None on an empty page of a complete search."""
        return self._cursor(self.rows[-1:], is_end_of_search=not self.backward)

    @property
    def reached_at(self) -> datetime | None:
        """The time up to which the list has been searched; None where its order does not begin with a time.

        None, too, where it has been searched to its end.
        """
        if self.search.reached is not None:
            return _time_in(self.search.reached)
        goes_on = self.has_previous if self.backward else self.has_next
        if not goes_on or not self.rows:
            return None
        return _time_in(self.listing.order.position_of(self.rows[0 if self.backward else -1]))

    def _cursor(self, rows: Sequence[Row], *, is_end_of_search: bool) -> str | None:
        if is_end_of_search and self.search.reached is not None:
            return self.listing.cursor_at(self.search.reached)
        return self.listing.cursor_of(rows[0]) if rows else None


def _time_in(position: SortPosition) -> datetime | None:
    first = position.values[0]
    if not isinstance(first, datetime) or not position.is_sortable:
        return None
    # Rows hold times without an offset, which are of UTC; cursors have it.
    return first.replace(tzinfo=UTC) if first.tzinfo is None else first
