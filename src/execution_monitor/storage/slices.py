"""Slices: the parts of a list with a bounded number of index entries each, in which it is searched for a bounded time.

What no index serves is searched along an index in the order of the list. Where a slice ends is read from the index
alone; then the documents of the slice are tested for the conditions that the index does not have. A search that ends
before the list does says how far it came, and the next one goes on from there.
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from bson import MaxKey, MinKey

from execution_monitor.storage.filters import BOUNDS, Filter, Query, Range, join
from execution_monitor.storage.find_command import Search
from execution_monitor.storage.index_choice import IndexUse
from execution_monitor.storage.index_ranges import has_shortened, range_between, range_from, range_within
from execution_monitor.storage.indexes import where_sortable
from execution_monitor.storage.query_planning import combine_branches
from execution_monitor.storage.raw_values import MIN_KEY, UNSORTABLE, RawValue, embeddable
from execution_monitor.storage.rows import StoredRow
from execution_monitor.storage.sorting import Order, SortPosition

# A slice takes about so long: the time limit of a search ends between two.
_SLICE_SECONDS = 0.08
# The `_id` of positions at the edge of a group: no row has it.
_BEFORE_ALL = RawValue(MIN_KEY, b"")
_FEWEST_ENTRIES, _MOST_ENTRIES = 100, 200_000


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How long a page, or a count, that no index serves is searched for.

    Attributes:
        few: lists with fewer entries in an index are read whole, and sorted; `few_of_many` where the entries of the
            index in the list's order do not show what the caller may see.
        whole_ms: the time in which the list is tried whole; 0 begins with slices.
        sliced_ms: the time after which no slice is begun.
        entries: the index entries of the first slice.
    """

    # So many documents are read and sorted in some 15 ms, as all of a user's are for most orders. Of a list of
    # 1,200,000, a page of 20 takes as long from an index in its order, if 5,000 match.
    few: int = 5_000
    # Where slices of an index cannot be cut from its entries alone, more are still read sooner than searched: a service
    # sees a tenth of a tenant's, and each of the others would be read in vain.
    few_of_many: int = 50_000
    whole_ms: int = 50
    sliced_ms: int = 300
    entries: int = 2_000


@dataclass(frozen=True, slots=True)
class SlicedSearch:
    """How a list may be searched in slices.

    Attributes:
        visible: what the caller may see.
        limits: how long it is searched.
        turn: waits until the search may go on; a caller runs few at once.
    """

    visible: Filter
    limits: SearchLimits = field(default_factory=SearchLimits)
    turn: Callable[[], contextlib.AbstractAsyncContextManager[object]] = contextlib.nullcontext


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """How far a search went.

    Attributes:
        examined: the index entries in its slices; 0 where the list was not searched in slices.
        reached: the position up to which the list was searched, from which the next search goes on; None when the page
            is full, or the list was searched to its end.
    """

    examined: int = 0
    reached: SortPosition | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no time limit ended the search."""
        return self.reached is None


COMPLETE = SearchProgress()


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a list after the position `start`, up to `reached`; `stop` is a position just behind them.

    None are the ends of the list.
    """

    start: SortPosition | None
    reached: SortPosition | None = None
    stop: SortPosition | None = None


def adapt_entries(entries: int, seconds: float) -> int:
    """The entries for the next slice, after one with so many `entries` that took so many `seconds`."""
    factor = min(4.0, max(0.25, _SLICE_SECONDS / max(seconds, 0.001)))
    return min(_MOST_ENTRIES, max(_FEWEST_ENTRIES, math.floor(entries * factor)))


@dataclass(frozen=True, slots=True)
class Slicing:
    """How a list in `order` is cut into slices along an index.

    An index that has the order is cut between any two rows. One that has only its first field is cut where the value
    of that field changes, and MongoDB sorts the rows of a slice.

    Attributes:
        order: the order of the list.
        use: the index, whose entries are counted.
        visible: what the caller may see. Slices end at such rows alone, since cursors hold their values.
    """

    order: Order
    use: IndexUse
    visible: Filter

    @classmethod
    def along(cls, uses: Sequence[IndexUse], order: Order, visible: Filter) -> "Slicing | None":
        """The way to cut along the first suitable one of the indexes `uses`; None if there is none."""
        found = next((use for use in uses if use.is_ordered), None)
        # Within each value of the first field a position must be first or last in all of the other fields.
        if found is None and len({key.descending for key in order.keys[1:]}) == 1:
            first, demanded = Order(order.keys[:1]), visible.to_mongo().items()
            # Where an index has others' entries, documents would be read for the end of a slice.
            found = next((use for use in uses if demanded <= use.entries.items() and use.begins_with(first)), None)
        return None if found is None else cls(order, found, visible)

    @property
    def is_exact(self) -> bool:
        """Whether the index has the order, and not its first field alone."""
        return self.use.is_ordered

    @property
    def shows_visibility(self) -> bool:
        """Whether the entries alone show what the caller may see."""
        return self._entries == self.use.entries

    @property
    def entry_order(self) -> Order:
        """The order of the entries."""
        return self.order if self.is_exact else Order(self.order.keys[:1])

    def entry_position(self, start: SortPosition | None) -> SortPosition | None:
        """The position in the order of entries after which the rows after `start` lie."""
        if start is None or self.is_exact:
            return start
        value, *others = start.values
        # `cut` ends a slice like this where the group of one value is at its end.
        is_last = self.order.keys[1].descending and others[-1] == _BEFORE_ALL
        return self._edge_of_group(value, last=is_last)

    def position_behind(self, row: StoredRow) -> SortPosition:
        """The position in the order of entries behind all that have the first value of `row`."""
        return self._edge_of_group(self.entry_order.position_of(row).values[0], last=True)

    def entries_between(
        self, start: SortPosition | None, end: SortPosition | None, timeout_ms: int, *, sortable: bool
    ) -> Search:
        """The search for index entries from a position of theirs up to the position `end` of the list.

        `sortable` leaves out those that have no position.
        """
        order, query = self.entry_order, self._entries
        if sortable:
            query = join([query, where_sortable(key.field for key in order.keys)])
        bounds: list[Sequence[Query]] = [] if start is None else [order.seek(start)]
        if end is not None:
            end = end if self.is_exact else self._edge_of_group(end.values[0], last=True)
            bounds.append(order.reversed().seek(end))
        search = Search(
            combine_branches([query], *bounds),
            frozenset(order.fields),
            order.to_mongo(),
            timeout_ms=timeout_ms,
            hint=self.use.key,
        )
        if end is not None or sortable:
            return search
        entries = range_from(self.use.key, self.use.entries, order, start)
        if entries is not None and query != self.use.entries:
            entries = replace(entries, query=query)
        return replace(search, range=entries)

    def cut(self, start: SortPosition | None, last: StoredRow, following: StoredRow) -> Slice | None:
        """The slice from `start` up to the entry `last`, which `following` comes after; None at neither's value."""
        before, behind = self.entry_order.position_of(last), self.entry_order.position_of(following)
        if self.is_exact:
            return Slice(start, before, behind)
        if self.order.keys[1].descending:
            # A missing value comes last.
            position = self._at_edge(before.values[0])
        elif before.values[0] != behind.values[0]:
            position = self._at_edge(behind.values[0])
        else:
            return None
        return Slice(start, position, position)

    def holds(self, row: StoredRow) -> bool:
        """Whether the entry `row` is within the bounds of the entries, at the far end of which no range ends."""
        field = self.order.keys[0].field
        condition = self.use.entries.get(field)
        bounds = cast("Query", condition) if isinstance(condition, dict) else {}
        if not bounds or not bounds.keys() <= BOUNDS:
            return True
        return Range(field, **{name.removeprefix("$"): bound for name, bound in bounds.items()}).matches(row)

    def within(self, search: Search, part: Slice, query: Query) -> Search:
        """`search`, which finds the rows of `part`, by a range of the index; `query` is what all its rows meet."""
        # Of a long value at the start only the beginning is known.
        if not self.is_exact or (part.start is not None and has_shortened(part.start)):
            return search
        key, entries, order = self.use.key, self.use.entries, self.order
        if part.reached is None:
            found = range_within(key, entries, order, part.start, part.stop)
        else:
            found = range_between(key, entries, order, start=part.start, last=part.reached, stop=part.stop)
            if found is not None and part.start is not None:
                found = replace(found, query={"_id": embeddable({"$ne": part.start.values[-1]})})
        return search if found is None else replace(search, range=replace(found, query=join([query, found.query])))

    @property
    def _entries(self) -> Query:
        """What all counted entries meet."""
        visible = self.visible.to_mongo()
        if visible.items() <= self.use.entries.items():
            return self.use.entries
        return join([self.use.entries, visible])

    def _edge_of_group(self, value: Any, *, last: bool) -> SortPosition:
        """The position before the first or behind the `last` of the entries that have `value`."""
        directions = self.entry_order.to_mongo()
        others = self.entry_order.fields[1:]
        return SortPosition((value, *(MaxKey() if last == (directions[field] > 0) else MinKey() for field in others)))

    def _at_edge(self, value: Any) -> SortPosition:
        return SortPosition((value, *[None] * (len(self.order.fields) - 2), _BEFORE_ALL))


def is_position(position: SortPosition) -> bool:
    """Whether a list can go on from `position`: each of its values has a place in an order."""
    return not any(isinstance(each, RawValue) and each.type in UNSORTABLE for each in position.values[:-1])
