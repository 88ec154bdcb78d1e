"""Scans: read a list in one direction - the rows that can be sorted, then the others by their `_id`.

A row cannot be sorted where, say, a sort field holds an array. MongoDB gives such a row two positions, one per
direction, and finds it after itself. Here it has one, after all others, and those rows have an index of their own.

A list that no index serves is tried whole for a moment, and then searched in slices.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from beanie import Document
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout, OperationFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_query, is_sharded
from execution_monitor.storage.filters import Filter, Query, join
from execution_monitor.storage.find_command import BAD_VALUE, UNLIMITED, Search, find_rows, find_stored_rows
from execution_monitor.storage.index_choice import IndexUse, index_uses
from execution_monitor.storage.index_ranges import range_within
from execution_monitor.storage.indexes import IndexKey, unsortable_key, where_sortable, where_unsortable
from execution_monitor.storage.query_planning import (
    FindPlan,
    choose_index,
    combine_branches,
    plan_find,
    range_after,
)
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.slice_reader import SliceReader
from execution_monitor.storage.slices import COMPLETE, SearchLimits, SearchProgress, Slice, SlicedSearch, Slicing
from execution_monitor.storage.sorting import ById, Order, SortPosition

# Each costs a count of up to so many entries, mostly without documents: 3 ms.
_MOST_COUNTED = 4
_BY_ID: IndexKey = {"_id": 1}


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that were found, and how far they were searched for."""

    rows: list[Row]
    progress: SearchProgress = COMPLETE


@dataclass(frozen=True, slots=True)
class Scan:
    """The rows of `document` that match `where`, read in `order`; with a `session` as of one instant.

    `backward` says that `order` is the reverse of the list's. Times are milliseconds. Without `sliced` all rows are
    searched for, until the time limit ends the query.

    A list that is a part of another also has `residual`, a condition for which no index is looked for; `index`, which
    to read it by where none has its rows in their order; and `is_sortable` where it has no rows that cannot be sorted.
    """

    database: Database
    document: type[Document]
    where: Filter
    order: Order
    timeout_ms: int
    max_bytes: int = UNLIMITED
    session: AsyncClientSession | None = None
    sliced: SlicedSearch | None = None
    backward: bool = False
    residual: Query = field(default_factory=Query)
    index: IndexKey | None = None
    is_sortable: bool = False

    def reversed(self) -> "Scan":
        """The same list, read in the other direction."""
        return replace(self, order=self.order.reversed(), backward=not self.backward)

    async def read(
        self,
        fields: frozenset[str] | None,
        limit: int,
        *,
        start: SortPosition | None = None,
        end: SortPosition | None = None,
        skip: int = 0,
    ) -> Found:
        """Up to `limit` rows strictly between two positions."""
        rows: list[Row] = []
        progress = COMPLETE
        sections = self._sections
        first = 0 if start is None else sections.index(start.is_sortable)
        last = len(sections) - 1 if end is None else sections.index(end.is_sortable)
        for index in range(first, last + 1):
            begin, stop = start if index == first else None, end if index == last else None
            part = _Part(begin, stop, fields, limit - len(rows), skip)
            found = await (self._read_sorted(part) if sections[index] else self._read_by_id(part))
            rows += found.rows
            progress = replace(found.progress, examined=progress.examined + found.progress.examined)
            if len(rows) == limit or not progress.is_complete:
                break
            if skip and index < last:
                # A row after those that were skipped shows that all of them were.
                skip = 0 if found.rows else skip - await self._count(part, skip)
        return Found(rows, progress)

    async def read_unsortable(self, fields: frozenset[str], limit: int) -> list[Row]:
        """Up to `limit` of the rows that cannot be sorted, in no particular order."""
        search = self._search(self._unsortable, self.order.by_id, unsortable_key(self.document))
        return await find_rows(self._collection, replace(search, fields=fields, limit=limit, sort=None), self.session)

    async def has_up_to(self, position: SortPosition | None) -> bool:
        """Whether a row lies at `position` or after it."""
        if position is None:
            return False
        # The row of the cursor nearly always still exists, and is the cheapest to look up.
        if await self._has_at(position):
            return True
        found = await self.read(frozenset(), 1, start=position)
        # Where the search was not complete, there may be one.
        return bool(found.rows) or not found.progress.is_complete

    @property
    def _sections(self) -> Sequence[bool]:
        """Whether the rows of each section can be sorted, in the order in which the sections are read."""
        if self.is_sortable or unsortable_key(self.document) is None:
            return (True,)
        return (False, True) if self.backward else (True, False)

    @property
    def _collection(self) -> AsyncCollection[BsonDocument]:
        return self.database.rows(self.document)

    async def _find(self, search: Search) -> list[Row]:
        rows = await find_rows(self._collection, search, self.session)
        fields = self.order.fields
        makes_cursors = search.fields is None or {*search.fields, "_id"}.issuperset(fields)
        if not makes_cursors or self.order.are_faithful(rows):
            return rows
        # Reading such pages a second time, which is very rare, keeps the cost off all others.
        return list(await find_stored_rows(self._collection, search, fields, self.session))

    async def _find_unsortable(self, search: Search) -> list[Row]:
        rows = await find_stored_rows(self._collection, search, ("_id",), self.session)
        for row in rows:
            row.is_sortable = False
        return list(rows)

    async def _has_at(self, position: SortPosition) -> bool:
        search = self._search_at(position)
        return bool(await find_rows(self._collection, search, self.session))

    async def _count(self, part: "_Part", limit: int) -> int:
        query = self._plan(part).query
        counting = self._collection.count_documents(query, limit=limit, maxTimeMS=self.timeout_ms, session=self.session)
        return await await_query(counting, self._collection, query, self.timeout_ms)

    async def _read_by_id(self, part: "_Part") -> Found:
        """The rows of `part` that cannot be sorted."""
        order, bounds = self.order.by_id, _bounds(self.order.by_id, part)
        query = combine_branches([self._unsortable], *bounds)
        return Found(await self._find_unsortable(part.of(self._search(query, order, unsortable_key(self.document)))))

    async def _read_sorted(self, part: "_Part") -> Found:
        """The rows of `part` in the order of the list."""
        plan = self._plan(part)
        if plan.hint is not None:
            return Found(await self._find(part.of(await self._in_range(plan, part))))
        uses = index_uses(self.document, self.where.to_mongo(), self.order)
        slicing = None if self.sliced is None else Slicing.along(uses, self.order, self.sliced.visible)
        key, reads_few = (self.index, True) if self.index is not None else await self._choose_index(uses)
        search = part.of(self._search(plan.query, self.order, key))
        ordered = next((use for use in uses if use.is_ordered and use.key == key), None)
        if ordered is not None:
            search = self._within(search, ordered.key, ordered.entries, part)
        if reads_few or slicing is None or self.sliced is None:
            return Found(await self._find(search))
        if slicing.is_exact and (whole_ms := self.sliced.limits.whole_ms):
            with contextlib.suppress(ExecutionTimeout):
                return Found(await self._find(replace(search, timeout_ms=min(whole_ms, self.timeout_ms))))
        if not slicing.shows_visibility:
            key, reads_few = await self._choose_index(uses, self.sliced.limits.few_of_many)
            if reads_few:
                return Found(await self._find(part.of(self._search(plan.query, self.order, key))))
        async with self.sliced.turn():
            return await self._read_slices(slicing, part, self.sliced.limits)

    async def _read_slices(self, slicing: Slicing, part: "_Part", limits: SearchLimits) -> Found:
        rows: list[Row] = []
        wanted = part.skip + part.limit
        query = join([self.where.to_mongo(), *self._also])

        async def read_slice(each: Slice) -> bool:
            bounds = _bounds(self.order, replace(part, start=each.start, end=each.stop))
            search = self._search(combine_branches([query], *bounds), self.order, slicing.use.key)
            if not is_sharded(self.database.client):
                search = slicing.within(search, each, query)
            rows.extend(await self._find(replace(search, fields=part.fields, limit=wanted - len(rows))))
            return len(rows) == wanted

        reader = SliceReader(self._collection, self.database.multikey, slicing, limits, self.timeout_ms, self.session)
        progress = await reader.read(part.start, part.end, read_slice)
        return Found(rows[part.skip :], progress)

    def _plan(self, part: "_Part") -> FindPlan:
        return plan_find(self.document, self.where.to_mongo(), self.order, _bounds(self.order, part), self._also)

    @property
    def _also(self) -> Sequence[Query]:
        """Conditions for which no index is looked for."""
        sortable = [where_sortable(key.field for key in self.order.keys)] if len(self._sections) > 1 else []
        return [*sortable, self.residual] if self.residual else sortable

    async def _in_range(self, plan: FindPlan, part: "_Part") -> Search:
        """The search of a `plan` that has an index, by a range of it where that is possible."""
        search = self._search(plan.query, self.order, plan.hint)
        if plan.hint is None or plan.branch is None or (part.start is None and part.end is None):
            return search
        if part.start is None or part.end is not None:
            return self._within(search, plan.hint, plan.branch, part)
        leading = await self._leading_field(plan.hint, plan.branch)
        entries = range_after(plan.hint, plan.branch, self.order, part.start, leading=leading)
        if entries is None:
            return self._within(search, plan.hint, plan.branch, part)
        return replace(search, range=replace(entries, query=join([entries.query, *self._also])))

    def _within(self, search: Search, key: IndexKey, entries: Query, part: "_Part") -> Search:
        """`search`, which finds the rows of `part` in the order of the index `key`, by a range of that if possible."""
        if (part.start is None and part.end is None) or is_sharded(self.database.client):
            return search
        found = range_within(key, entries, self.order, part.start, part.end)
        if found is None:
            return search
        return replace(search, range=replace(found, query=join([self.where.to_mongo(), *self._also, found.query])))

    async def _choose_index(self, uses: Sequence[IndexUse], few: int | None = None) -> tuple[IndexKey | None, bool]:
        """The index to read a list by that none has exactly, and whether it has few entries for it.

        It is one in the order of the list, which is read until the page is full, or one that is read whole, and sorted.
        """
        narrowest = [use for use in uses if not any(map(use.is_wider_than, uses))]
        ordered = [use for use in narrowest if use.is_ordered] or [use for use in uses if use.is_ordered]
        if len(narrowest) <= 1 and (not ordered or ordered == narrowest):
            return (narrowest[0].key if narrowest else None), False
        counted = narrowest[:_MOST_COUNTED]
        few = few or (SearchLimits() if self.sliced is None else self.sliced.limits).few
        counts = await asyncio.gather(*(self._count_entries(use, few) for use in counted))
        fewest, use = min(zip(counts, counted, strict=True), key=lambda counted: counted[0])
        if fewest < few:
            return use.key, True
        return (ordered[0].key if ordered else use.key), False

    async def _count_entries(self, use: IndexUse, limit: int) -> int:
        """How many entries of an index are read, counted up to `limit`; none are worth reading if it is missing."""
        hint = list(use.key.items())
        counting = self._collection.count_documents(use.entries, limit=limit, hint=hint, maxTimeMS=self.timeout_ms)
        try:
            return await await_query(counting, self._collection, use.entries, self.timeout_ms)
        except OperationFailure as error:
            if error.code != BAD_VALUE:
                raise
            return limit

    async def _leading_field(self, key: IndexKey, query: Query) -> str | None:
        """The last field of the index `key` that `query` fixes; None where the query may not sort by it."""
        # Rows of several servers are merged by the sort that was sent.
        if len(self._sections) == 1 or is_sharded(self.database.client):
            return None
        field = [each for each in key if each in query][-1]
        return None if field in await self.database.multikey.of(self._collection, key) else field

    def _search_at(self, position: SortPosition) -> Search:
        """The search for the row at a position."""
        if not position.is_sortable:
            query = join([self._unsortable, self.order.by_id.at(position)])
            return self._search(query, self.order.by_id, unsortable_key(self.document))
        where = self.where.to_mongo()
        # Where none has the list exactly, one document is read by its `_id`.
        hint = choose_index(self.document, where, self.order) or _BY_ID
        return self._search(join([where, self.order.at(position), self.residual]), self.order, hint)

    @property
    def _unsortable(self) -> Query:
        return join(
            [self.where.to_mongo(), where_unsortable(key.field for key in self.order.keys), self.residual],
        )

    def _search(self, query: Query, order: Order | ById, hint: IndexKey | None) -> Search:
        return Search(
            query,
            frozenset(),
            sort=order.to_mongo(),
            timeout_ms=self.timeout_ms,
            hint=hint,
            max_bytes=self.max_bytes,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Which rows of a section to read: up to `limit` strictly between two positions."""

    start: SortPosition | None
    end: SortPosition | None
    fields: frozenset[str] | None
    limit: int
    skip: int = 0

    def of(self, search: Search) -> Search:
        """`search` for these rows."""
        return replace(search, fields=self.fields, skip=self.skip, limit=self.limit)


def _bounds(order: Order | ById, part: _Part) -> Sequence[Sequence[Query]]:
    bounds = [] if part.start is None else [order.seek(part.start)]
    return bounds if part.end is None else [*bounds, order.reversed().seek(part.end)]
