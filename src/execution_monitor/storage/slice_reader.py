"""The reader of slices: cuts a list into slices one by one, until the reader of their rows has enough or time is up."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.storage.deadlines import is_sharded
from execution_monitor.storage.find_command import find_stored_rows
from execution_monitor.storage.multikey import MultikeyFields
from execution_monitor.storage.query_planning import IndexRange
from execution_monitor.storage.rows import BsonDocument, StoredRow
from execution_monitor.storage.slices import SearchLimits, SearchProgress, Slice, Slicing, adapt_entries, is_position
from execution_monitor.storage.sorting import SortPosition

# Reads the rows of a slice; returns whether no more are needed.
ReadSlice = Callable[[Slice], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class SliceReader:
    """Reads a list of `collection` in slices; a query of one slice takes at most `timeout_ms`."""

    collection: AsyncCollection[BsonDocument]
    multikey: MultikeyFields
    slicing: Slicing
    limits: SearchLimits
    timeout_ms: int
    session: AsyncClientSession | None = None

    async def read(self, start: SortPosition | None, end: SortPosition | None, read_slice: ReadSlice) -> SearchProgress:
        """Call `read_slice` with one slice after another between two positions, and return how far that went.

        There is at least one slice, so that requests that go on from there come to the end.
        """
        ends_at = time.monotonic() + self.limits.sliced_ms / 1_000
        entries, examined = self.limits.entries, 0
        while True:
            begun = time.monotonic()
            part = await self._cut(start, end, entries)
            is_full = await read_slice(part)
            examined += entries
            if is_full or part.reached is None:
                return SearchProgress(examined)
            start = part.reached
            if time.monotonic() >= ends_at:
                return SearchProgress(examined, start)
            entries = adapt_entries(entries, time.monotonic() - begun)

    async def _cut(self, start: SortPosition | None, end: SortPosition | None, entries: int) -> Slice:
        """The slice of so many `entries` after `start`, or of all up to `end` where there are no more."""
        begin = self.slicing.entry_position(start)
        # The entry at the beginning may be in a range of an index.
        rows = await self._find(begin, end, skip=entries - (begin is None), limit=2)
        if len(rows) < 2 or not self.slicing.holds(rows[-1]):  # noqa: PLR2004 - the last of the slice, and the next
            return Slice(start, stop=end)
        part = self.slicing.cut(start, *rows)
        if part is None:
            # The slice has all entries with the value of its last.
            behind = self.slicing.position_behind(rows[0])
            following = await self._find(behind, end, skip=0, limit=1)
            part = self.slicing.cut(start, rows[0], following[0]) if following else None
        return Slice(start, stop=end) if part is None else part

    async def _find(
        self, start: SortPosition | None, end: SortPosition | None, *, skip: int, limit: int
    ) -> list[StoredRow]:
        """Index entries between two positions in the order of the index."""
        for sortable in (False, True):
            search = self.slicing.entries_between(start, end, self.timeout_ms, sortable=sortable)
            if is_sharded(self.collection.database.client):
                # Rows of several servers are merged by the sort of the query.
                search = replace(search, range=None)
            elif search.range is not None and not await self._is_in_order(search.range):
                search = replace(search, range=replace(search.range, sort=None))
            search = replace(search, skip=skip, limit=limit)
            fields = self.slicing.entry_order.fields
            rows = await find_stored_rows(self.collection, search, fields, self.session)
            if all(is_position(self.slicing.entry_order.position_of(row)) for row in rows):
                break
        return rows

    async def _is_in_order(self, entries: IndexRange) -> bool:
        """Whether MongoDB relies on the index for the sort of `entries`: for a field that never held an array."""
        fields = await self.multikey.of(self.collection, self.slicing.use.key)
        return fields.isdisjoint(entries.sort or ())
