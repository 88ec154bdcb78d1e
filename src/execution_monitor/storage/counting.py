"""Counts up to a limit, from index entries alone where an index has all conditions; others as far as time allows."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout, OperationFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_query, is_sharded
from execution_monitor.storage.filters import Filter, Query
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.storage.index_choice import covering_index, index_uses, narrowest_index
from execution_monitor.storage.indexes import IndexKey, where_sortable, where_unsortable
from execution_monitor.storage.query_planning import combine_branches
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.slice_reader import SliceReader
from execution_monitor.storage.slices import Slice, SlicedSearch, Slicing
from execution_monitor.storage.sorting import Order

# Both a page and its count may be searched for, one beside the other.
_WHOLE_MS = 150


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows were found, up to a limit, and whether all were searched."""

    found: int
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts the documents of one collection that match `where`; a query takes at most `timeout_ms`."""

    database: Database
    document: type[Document]
    where: Filter
    timeout_ms: int

    async def count(self, limit: int, order: Order | None = None, sliced: SlicedSearch | None = None) -> Count:
        """Count up to `limit`; with `sliced` in slices of `order`, where no index has all conditions."""
        query = self.where.to_mongo()
        key = covering_index(self.document, query)
        if key is not None or sliced is None or order is None:
            return Count(await self._count(query, limit, key))
        narrowest = narrowest_index(self.document, query)
        with contextlib.suppress(ExecutionTimeout):
            limits = sliced.limits
            if limits.whole_ms:
                return Count(await self._count(query, limit, narrowest, max(_WHOLE_MS, limits.whole_ms)))
        slicing = Slicing.along(index_uses(self.document, query, order), order, sliced.visible)
        if slicing is None:
            return Count(await self._count(query, limit, narrowest))
        async with sliced.turn():
            return await self._count_slices(query, limit, slicing, sliced)

    async def _count_slices(self, query: Query, limit: int, slicing: Slicing, sliced: SlicedSearch) -> Count:
        order = slicing.order
        fields = [key.field for key in order.keys]
        found = await self._count(combine_branches([query], [where_unsortable(fields)]), limit, None)

        async def count_slice(part: Slice) -> bool:
            nonlocal found
            bounds = [] if part.start is None else [order.seek(part.start)]
            if part.stop is not None:
                bounds.append(order.reversed().seek(part.stop))
            within = combine_branches([query], [where_sortable(fields)], *bounds)
            found += await self._count(within, limit - found, slicing.use.key)
            return found >= limit

        reader = SliceReader(self._collection, self.database.multikey, slicing, sliced.limits, self.timeout_ms)
        progress = await reader.read(None, None, count_slice) if found < limit else None
        return Count(found, progress is None or progress.is_complete)

    @property
    def _collection(self) -> AsyncCollection[BsonDocument]:
        return self.database.rows(self.document)

    async def _count(self, query: Query, limit: int, key: IndexKey | None, timeout_ms: int | None = None) -> int:
        options = {"maxTimeMS": min(self.timeout_ms, timeout_ms or self.timeout_ms)}
        try:
            hint = {} if key is None else {"hint": list(key.items())}
            return await self._send(query, limit, {**options, **hint})
        except OperationFailure as error:
            # The index is missing.
            if key is None or error.code != BAD_VALUE:
                raise
            return await self._send(query, limit, options)

    async def _send(self, query: Query, limit: int, options: Mapping[str, Any]) -> int:
        collection = self._collection
        if is_sharded(self.database.client):
            counting = _count_on_shards(collection, query, limit, options)
        else:
            counting = collection.count_documents(query, limit=limit, **options)
        return await await_query(counting, collection, query, self.timeout_ms)


async def _count_on_shards(
    collection: AsyncCollection[BsonDocument], query: Query, limit: int, options: Mapping[str, Any]
) -> int:
    """Count through `mongos`, to which a shard would send whole documents to be counted up to a limit."""
    pipeline: list[Mapping[str, Any]] = [
        {"$match": query},
        {"$project": {"_id": 0, "tenant_id": 1}},
        {"$limit": limit},
        {"$count": "found"},
    ]
    if "hint" in options:
        options = {**options, "hint": dict(options["hint"])}
    async with await collection.aggregate(pipeline, **options) as cursor:
        rows = await cursor.to_list()
    return rows[0]["found"] if rows else 0
