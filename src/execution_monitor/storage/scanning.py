"""Scans: read a list in one direction - the rows that can be sorted, then the others by their `_id`.

A row cannot be sorted where, say, a sort field holds an array. MongoDB gives such a row two positions, one per
direction, and finds it after itself. Here it has one, after all others, and those rows have an index of their own.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from beanie import Document
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_query, is_sharded
from execution_monitor.storage.filters import Filter, Query, join
from execution_monitor.storage.find_command import BAD_VALUE, UNLIMITED, Search, find_rows, find_stored_rows
from execution_monitor.storage.index_choice import IndexUse, index_uses
from execution_monitor.storage.indexes import IndexKey, unsortable_key, where_sortable, where_unsortable
from execution_monitor.storage.query_planning import choose_index, combine_branches, plan_find, range_after
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.sorting import ById, Order, SortPosition

# So many documents are read and sorted in some 3 ms. Of a list of 50,000, a page of 20 takes as long from an index in
# its order, if 1,000 match.
_FEW_ENTRIES = 1_000
# Each costs a count of up to so many entries, without documents: 1 ms.
_MOST_COUNTED = 4
_BY_ID: IndexKey = {"_id": 1}


@dataclass(frozen=True, slots=True)
class Scan:
    """The rows of `document` that match `where`, read in `order`; with a `session` as of one instant.

    `backward` says that `order` is the reverse of the list's. Times are milliseconds.

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
    ) -> list[Row]:
        """Up to `limit` rows strictly between two positions."""
        rows: list[Row] = []
        sections = self._sections
        first = 0 if start is None else sections.index(start.is_sortable)
        last = len(sections) - 1 if end is None else sections.index(end.is_sortable)
        for index in range(first, last + 1):
            search = await self._between(
                start if index == first else None,
                end if index == last else None,
                are_sorted=sections[index],
            )
            search = replace(search, fields=fields, skip=skip, limit=limit - len(rows), max_bytes=self.max_bytes)
            found = await (self._find(search) if sections[index] else self._find_unsortable(search))
            rows += found
            if len(rows) == limit:
                break
            if skip and index < last:
                # A row after those that were skipped shows that all of them were.
                skip = 0 if found else skip - await self._count(search.query, skip)
        return rows

    async def read_unsortable(self, fields: frozenset[str], limit: int) -> list[Row]:
        """Up to `limit` of the rows that cannot be sorted, in no particular order."""
        search = self._search(self._unsortable, self.order.by_id, unsortable_key(self.document))
        return await find_rows(self._collection, replace(search, fields=fields, limit=limit, sort=None), self.session)

    async def has_up_to(self, position: SortPosition | None) -> bool:
        """Whether a row lies at `position` or after it."""
        if position is None:
            return False
        # The row of the cursor nearly always still exists, and is the cheapest to look up.
        return bool(await self._has_at(position) or await self.read(frozenset(), 1, start=position))

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

    async def _count(self, query: Query, limit: int) -> int:
        counting = self._collection.count_documents(query, limit=limit, maxTimeMS=self.timeout_ms, session=self.session)
        return await await_query(counting, self._collection, query, self.timeout_ms)

    async def _between(self, start: SortPosition | None, end: SortPosition | None, *, are_sorted: bool) -> Search:
        """The search for the first row strictly between two positions of one section."""
        order = self.order if are_sorted else self.order.by_id
        bounds: list[Sequence[Query]] = []
        if start is not None:
            bounds.append(order.seek(start))
        if end is not None:
            bounds.append(order.reversed().seek(end))
        if isinstance(order, ById):
            return self._search(combine_branches([self._unsortable], *bounds), order, unsortable_key(self.document))
        sortable = [where_sortable(key.field for key in order.keys)] if len(self._sections) > 1 else []
        if self.residual:
            sortable.append(self.residual)
        plan = plan_find(self.document, self.where.to_mongo(), order, bounds, sortable)
        if plan.hint is None:
            return self._search(plan.query, order, self.index or await self._choose_index())
        search = self._search(plan.query, order, plan.hint)
        if plan.branch is None or start is None or end is not None:
            return search
        leading = await self._leading_field(plan.hint, plan.branch)
        entries = range_after(plan.hint, plan.branch, order, start, leading=leading)
        if entries is not None:
            entries = replace(entries, query=join([entries.query, *sortable]))
        return replace(search, range=entries)

    async def _choose_index(self) -> IndexKey | None:
        """The index to read a list by that none has exactly: in its order, or one that has few entries for it.

        The first is read until the page is full, the others whole, and then sorted.
        """
        uses = index_uses(self.document, self.where.to_mongo(), self.order)
        narrowest = [use for use in uses if not any(map(use.is_wider_than, uses))]
        ordered = [use for use in narrowest if use.is_ordered] or [use for use in uses if use.is_ordered]
        if len(narrowest) <= 1 and (not ordered or ordered == narrowest):
            return narrowest[0].key if narrowest else None
        counted = narrowest[:_MOST_COUNTED]
        counts = await asyncio.gather(*map(self._count_entries, counted))
        fewest, use = min(zip(counts, counted, strict=True), key=lambda counted: counted[0])
        return ordered[0].key if ordered and fewest == _FEW_ENTRIES else use.key

    async def _count_entries(self, use: IndexUse) -> int:
        """How many entries of an index are read, counted up to the limit; none are worth reading if it is missing."""
        hint = list(use.key.items())
        counting = self._collection.count_documents(
            use.entries, limit=_FEW_ENTRIES, hint=hint, maxTimeMS=self.timeout_ms
        )
        try:
            return await await_query(counting, self._collection, use.entries, self.timeout_ms)
        except OperationFailure as error:
            if error.code != BAD_VALUE:
                raise
            return _FEW_ENTRIES

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
        return Search(query, frozenset(), sort=order.to_mongo(), timeout_ms=self.timeout_ms, hint=hint)
