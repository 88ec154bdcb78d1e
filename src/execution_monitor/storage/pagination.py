"""Keyset pages of a collection: what to read, and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from bson import Timestamp

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.cursors import decode_position, encode_position
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.sorting import Order, Position

Row = Mapping[str, Any]

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for: the first or last `size` rows between two cursors."""

    size: int = DEFAULT_PAGE_SIZE
    backward: bool = False
    after: str | None = None
    before: str | None = None
    skipped: int = 0  # rows passed over first; MongoDB reads each of them, so callers bound it

    @classmethod
    def of(
        cls, *, first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
    ) -> "PageRequest":
        """The request that Relay's arguments mean; raises `BadUserInput` for sizes outside 1 to 100, or two of them."""
        if first is not None and last is not None:
            raise BadUserInput("Pass first or last, not both.")
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 1 <= size <= MAX_PAGE_SIZE:
                raise BadUserInput(f"{name} must be from 1 to {MAX_PAGE_SIZE}, not {size}.")
        return cls(first or last or DEFAULT_PAGE_SIZE, last is not None, after, before)


@dataclass(frozen=True)
class Listing:
    """A list of a collection: what is in it, and in which order. Its cursors work with no other list."""

    where: Filter
    order: Order

    @cached_property
    def digest(self) -> bytes:
        """A fingerprint that ties cursors to this list."""
        return digest_of(self.where, self.order)

    def cursor_of(self, row: Row) -> str:
        """The cursor of `row`, which must hold the fields of the order."""
        return encode_position(self.order.position_of(row), self.digest)

    def position(self, cursor: str) -> Position:
        """Where `cursor` points; raises `InvalidCursor` when it is not of this list."""
        return decode_position(cursor, self.order, self.digest)


class Neighbours(NamedTuple):
    """At which sides of a page it is asked whether more rows lie there."""

    previous: bool = False
    next: bool = False


BOTH, NEITHER = Neighbours(previous=True, next=True), Neighbours()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a page is worth reading for: the stored fields, and the answers that cost a query of their own."""

    fields: frozenset[str] | None = None  # None reads whole documents
    neighbours: Neighbours = BOTH
    snapshot: bool = False  # the instant the page was read at


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and what lies around them."""

    listing: Listing
    rows: Sequence[Row]
    has_previous: bool = False
    has_next: bool = False
    read_at: Timestamp | None = None

    def cursor_of(self, row: Row) -> str:
        """The cursor of one of the rows."""
        return self.listing.cursor_of(row)
