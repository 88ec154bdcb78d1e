"""A list read one way, in two parts: the rows that can be sorted, then the others, by their `_id`.

A row cannot be sorted where a sort field holds an array, say. MongoDB gives such a row two places, one for each
direction, and finds it behind itself; so it has one place here, behind all others, and its index of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from beanie import Document
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.storage.alternatives import MAX_ALTERNATIVES, one_of_each, split_list
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import answered, is_sharded
from execution_monitor.storage.documents import are_sortable, are_unsortable, unsortable_key
from execution_monitor.storage.filters import Filter, Query, join
from execution_monitor.storage.find_command import UNLIMITED, Search, find_rows, find_stored_rows
from execution_monitor.storage.pagination import Row
from execution_monitor.storage.query_planning import index_for, range_behind
from execution_monitor.storage.sorting import ById, Order, Position


@dataclass(frozen=True, slots=True)
class Scan:
    """What lists are read from: all that matches `where`, at one instant when there is a session.

    It is read in `order`; `backward` when that is the reverse of the list's.
    """

    database: Database
    document: type[Document]
    where: Filter
    order: Order
    timeout_ms: int
    max_bytes: int = UNLIMITED
    session: AsyncClientSession | None = None
    backward: bool = False

    def reversed(self) -> "Scan":
        """The same list, read the other way."""
        return replace(self, order=self.order.reversed(), backward=not self.backward)

    async def read(
        self,
        fields: frozenset[str] | None,
        limit: int,
        *,
        start: Position | None = None,
        end: Position | None = None,
        skip: int = 0,
    ) -> list[Row]:
        """Up to `limit` rows strictly between two positions."""
        rows: list[Row] = []
        parts = self._parts
        first = 0 if start is None else parts.index(start.is_sortable)
        last = len(parts) - 1 if end is None else parts.index(end.is_sortable)
        for place in range(first, last + 1):
            search = await self._between(
                start if place == first else None,
                end if place == last else None,
                are_sorted=parts[place],
            )
            search = replace(search, fields=fields, skip=skip, limit=limit - len(rows), max_bytes=self.max_bytes)
            found = await (self._find(search) if parts[place] else self._find_unsortable(search))
            rows += found
            if len(rows) == limit:
                break
            if skip and place < last:
                # One row beyond those that were passed over says that all of them were.
                skip = 0 if found else skip - await self._count(search.query, skip)
        return rows

    async def read_unsortable(self, fields: frozenset[str], limit: int) -> list[Row]:
        """Up to `limit` of the rows that cannot be sorted, in no particular order."""
        search = self._search(self._unsortable, self.order.by_id, unsortable_key(self.document))
        return await find_rows(self._collection, replace(search, fields=fields, limit=limit, sort=None), self.session)

    async def has_up_to(self, position: Position | None) -> bool:
        """Whether a row stands at `position` or behind it."""
        if position is None:
            return False
        # The row the cursor came from is nearly always there still, and costs the least to look up.
        return bool(await self._has_at(position) or await self.read(frozenset(), 1, start=position))

    @property
    def _parts(self) -> Sequence[bool]:
        """Whether the rows of each part can be sorted, in the order in which the parts are read."""
        if unsortable_key(self.document) is None:
            return (True,)
        return (False, True) if self.backward else (True, False)

    @property
    def _collection(self) -> AsyncCollection[dict[str, Any]]:
        return self.database.rows(self.document)

    async def _find(self, search: Search) -> list[Row]:
        rows = await find_rows(self._collection, search, self.session)
        fields = self.order.fields
        makes_cursors = search.fields is None or {*search.fields, "_id"}.issuperset(fields)
        if not makes_cursors or self.order.are_faithful(rows):
            return rows
        # Read again rather than asked for: it happens once in a blue moon, and costs every other page nothing.
        return list(await find_stored_rows(self._collection, search, fields, self.session))

    async def _find_unsortable(self, search: Search) -> list[Row]:
        rows = await find_stored_rows(self._collection, search, ("_id",), self.session)
        for row in rows:
            row.is_sortable = False
        return list(rows)

    async def _has_at(self, position: Position) -> bool:
        search = self._search_at(position)
        return bool(await find_rows(self._collection, search, self.session))

    async def _count(self, query: Query, limit: int) -> int:
        counting = self._collection.count_documents(query, limit=limit, maxTimeMS=self.timeout_ms, session=self.session)
        return await answered(counting, self._collection, query, self.timeout_ms)

    async def _between(self, start: Position | None, end: Position | None, *, are_sorted: bool) -> Search:
        """For the first row strictly between two positions of one part."""
        order = self.order if are_sorted else self.order.by_id
        bounds: list[Sequence[Query]] = []
        if start is not None:
            bounds.append(order.seek(start))
        if end is not None:
            bounds.append(order.reversed().seek(end))
        if isinstance(order, ById):
            return self._search(one_of_each([self._unsortable], *bounds), order, unsortable_key(self.document))
        room = MAX_ALTERNATIVES // max(1, math.prod(map(len, bounds)))
        parts = split_list(self.where.to_mongo(), self.document, order, room)
        hint = index_for(self.document, parts[0], order)
        sortable = [are_sortable(key.field for key in order.keys)] if len(self._parts) > 1 else []
        search = self._search(one_of_each([join([part, *sortable]) for part in parts], *bounds), order, hint)
        if hint is None or start is None or end is not None or len(parts) > 1:
            return search
        entries = range_behind(hint, parts[0], order, start, leading=await self._leading_field(hint, parts[0]))
        if entries is not None:
            entries = replace(entries, query=join([entries.query, *sortable]))
        return replace(search, range=entries)

    async def _leading_field(self, key: Mapping[str, int], query: Query) -> str | None:
        """The last field of the index `key` that `query` fixes; None where rows may not be asked for in its order."""
        # Where rows of several servers are merged, it is by what was asked for.
        if len(self._parts) == 1 or is_sharded(self.database.client):
            return None
        field = [each for each in key if each in query][-1]
        return None if field in await self.database.multikey.of(self._collection, key) else field

    def _search_at(self, position: Position) -> Search:
        """For the row at a position."""
        if not position.is_sortable:
            query = join([self._unsortable, self.order.by_id.at(position)])
            return self._search(query, self.order.by_id, unsortable_key(self.document))
        where = self.where.to_mongo()
        hint = index_for(self.document, where, self.order)
        return self._search(join([where, self.order.at(position)]), self.order, hint)

    @property
    def _unsortable(self) -> Query:
        return join([self.where.to_mongo(), are_unsortable(key.field for key in self.order.keys)])

    def _search(self, query: Query, order: Order | ById, hint: Mapping[str, int] | None) -> Search:
        return Search(query, frozenset(), sort=order.to_mongo(), timeout_ms=self.timeout_ms, hint=hint)
