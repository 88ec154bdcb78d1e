"""Keyset pagination: requests for a page, and the page that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bson import Timestamp

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.cursors import decode_position, encode_position
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.rows import Row
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


@dataclass(frozen=True)
class Listing:
    """A list: the rows of a collection that match `where`, in `order`. Its cursors work with no other list."""

    where: Filter
    order: Order

    @cached_property
    def digest(self) -> bytes:
        """The digest that ties cursors to this list."""
        return digest_of(self.where, self.order)

    def cursor_of(self, row: Row) -> str:
        """The cursor of `row`, which must hold the fields of the order."""
        return encode_position(self.order.position_of(row), self.digest)

    def position(self, cursor: str) -> SortPosition:
        """The position that `cursor` holds; raises `InvalidCursor` when it is not of this list."""
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


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and whether more lie before and after them."""

    listing: Listing
    rows: Sequence[Row]
    has_previous: bool = False
    has_next: bool = False
    read_at: Timestamp | None = None

    def cursor_of(self, row: Row) -> str:
        """The cursor of one of the rows."""
        return self.listing.cursor_of(row)
