"""The reader: pages, counts, rows and aggregations of a collection, each within a time limit.

Every method raises `QueryTimeout`, `DatabaseUnavailable` or `ResponseTooLarge` where a query fails.
"""

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import structlog
from beanie import Document
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError

from execution_monitor.errors import DatabaseUnavailable, QueryTimeout, ResponseTooLarge
from execution_monitor.storage.counting import Count, Counter
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_query
from execution_monitor.storage.distinct_values import resolve_texts
from execution_monitor.storage.duration_scan import scan_of
from execution_monitor.storage.filter_fields import indexed_filters
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.find_command import BAD_VALUE, UNLIMITED, Search, find_rows
from execution_monitor.storage.index_choice import narrowest_index
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.long_values import find_long_values
from execution_monitor.storage.mongodb_errors import explain, is_unavailable
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.running_time import now_in_utc
from execution_monitor.storage.scanning import Scan
from execution_monitor.storage.slices import SlicedSearch
from execution_monitor.storage.sorting import Order

log = structlog.get_logger()

# By default a batch has 101 rows; so one batch holds all rows, unless they have more than 16 MB.
_BATCH_SIZE = 1_000_000
_OUT_OF_MEMORY = 292  # QueryExceededMemoryLimitNoDiskUseAllowed


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one database: a query runs for at most `timeout_ms`, and its payloads have at most `max_bytes`.

    A list that speaks of now is read as of the `clock` at its first page.
    """

    database: Database
    timeout_ms: int
    max_bytes: int = UNLIMITED
    clock: Callable[[], datetime] = now_in_utc

    async def read_page(
        self, document: type[Document], listing: Listing, request: PageRequest, selection: PageSelection
    ) -> Page:
        """Read one keyset page by one query, and mostly one more for each selected neighbour.

        Raises:
            InvalidCursor: A cursor of the request is not of this `listing`.
        """
        start = None if request.after is None else listing.position(request.after)
        end = None if request.before is None else listing.position(request.before)
        listing = listing.at_instant_of(request, self.clock)
        look_before, look_after = selection.neighbours
        if request.backward:
            start, end, look_before, look_after = end, start, look_after, look_before

        with translated_errors(document, listing.where):
            start = await find_long_values(self.database, document, listing, start, self.timeout_ms)
            end = await find_long_values(self.database, document, listing, end, self.timeout_ms)
            async with self._snapshot(selection) as session:
                where = await self._resolve_texts(document, listing.where, session)
                # Cursors are tied to the filter as it was given.
                resolved = listing if where is listing.where else replace(listing, where=where)
                order, limits = listing.order, (self.timeout_ms, self.max_bytes)
                scan = Scan(self.database, document, resolved.bound, order, *limits, session, listing.sliced)
                scan = scan_of(resolved, scan)
                scan = scan.reversed() if request.backward else scan
                # One more row than the page shows whether more follow, without a count.
                found = await scan.read(selection.fields, request.size + 1, start=start, end=end, skip=request.skipped)
                beyond_start = look_before and await scan.reversed().has_up_to(start)
                more = (
                    len(found.rows) > request.size
                    or not found.progress.is_complete
                    or (look_after and await scan.has_up_to(end))
                )
            read_at = None if session is None else snapshot_time_of(session)

        rows, progress = found.rows[: request.size], found.progress
        if request.backward:
            return Page(listing, rows[::-1], more, beyond_start, read_at, progress, backward=True)
        return Page(listing, rows, beyond_start, more, read_at, progress)

    async def count(
        self,
        document: type[Document],
        where: Filter,
        limit: int,
        order: Order | None = None,
        sliced: SlicedSearch | None = None,
    ) -> Count:
        """Count the documents that match, up to `limit`.

        With `order` and `sliced`, those that no index can count are counted in slices, as far as time allows.
        """
        with translated_errors(document, where):
            resolved = await self._resolve_texts(document, where, None)
            return await Counter(self.database, document, resolved, self.timeout_ms).count(limit, order, sliced)

    async def read_some(
        self, document: type[Document], where: Filter, fields: frozenset[str] | None, limit: int
    ) -> list[Row]:
        """Read up to `limit` documents that match, in no particular order."""
        with translated_errors(document, where):
            rows, query = self.database.rows(document), where.to_mongo()
            search = Search(
                query,
                fields,
                limit=limit,
                timeout_ms=self.timeout_ms,
                hint=narrowest_index(document, query),
                max_bytes=self.max_bytes,
            )
            return await find_rows(rows, search)

    async def read_sorted(  # noqa: PLR0913 - what one query is made of
        self,
        document: type[Document],
        where: Filter,
        sort: Mapping[str, int],
        fields: frozenset[str],
        limit: int,
        *,
        hint: IndexKey,
        computed: Mapping[str, Any],
    ) -> list[BsonDocument]:
        """Read up to `limit` documents that match, in the order of the `sort` document.

        Args:
            document: The document whose collection is read.
            where: What the documents must match.
            sort: The sort document.
            fields: The stored fields to read.
            limit: How many documents to read at most.
            hint: The key of the index to use, if it exists.
            computed: Expressions that each row has the values of, by name; `_id: 0` leaves out the `_id`.
        """
        with translated_errors(document, where):
            search = Search(
                where.to_mongo(),
                fields,
                sort,
                limit=limit,
                timeout_ms=self.timeout_ms,
                hint=hint,
                max_bytes=self.max_bytes,
                computed=computed,
            )
            return cast("list[BsonDocument]", await find_rows(self.database.rows(document), search))

    async def read_unsortable(
        self, document: type[Document], where: Filter, order: Order, fields: frozenset[str], limit: int
    ) -> list[Row]:
        """Read up to `limit` documents that match and cannot be sorted by `order`, in no particular order."""
        with translated_errors(document, where):
            return await Scan(self.database, document, where, order, self.timeout_ms).read_unsortable(fields, limit)

    async def aggregate(
        self,
        document: type[Document],
        pipeline: Sequence[Mapping[str, Any]],
        where: Filter,
        *,
        hint: IndexKey | None = None,
    ) -> list[BsonDocument]:
        """Run `pipeline` on the documents that match `where`, found by the index with the key `hint` if it exists."""
        with translated_errors(document, where):
            rows, query = self.database.rows(document), where.to_mongo()
            stages = [{"$match": query}, *pipeline]
            try:
                return await await_query(self._aggregate(rows, stages, hint), rows, query, self.timeout_ms)
            except OperationFailure as error:
                # The index is missing.
                if hint is None or error.code != BAD_VALUE:
                    raise
                return await await_query(self._aggregate(rows, stages), rows, query, self.timeout_ms)

    async def _aggregate(
        self,
        rows: AsyncCollection[BsonDocument],
        pipeline: Sequence[Mapping[str, Any]],
        hint: IndexKey | None = None,
    ) -> list[BsonDocument]:
        options: dict[str, Any] = {"maxTimeMS": self.timeout_ms, **({} if hint is None else {"hint": dict(hint)})}
        async with await rows.aggregate(pipeline, batchSize=_BATCH_SIZE, **options) as cursor:
            if cursor.alive and self.max_bytes != UNLIMITED:
                # More than 16 MB: the rest is measured before it is read.
                sized = [*pipeline, {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}]
                (total,) = await (await rows.aggregate(sized, **options)).to_list()
                if total["bytes"] > self.max_bytes:
                    raise ResponseTooLarge(total["bytes"], self.max_bytes)
            return list(await cursor.to_list())

    async def _resolve_texts(
        self, document: type[Document], where: Filter, session: AsyncClientSession | None
    ) -> Filter:
        return await resolve_texts(self.database, document, where, session=session, timeout_ms=self.timeout_ms)

    @contextlib.asynccontextmanager
    async def _snapshot(self, selection: PageSelection) -> AsyncGenerator[AsyncClientSession | None]:
        if not selection.snapshot and selection.at is None:
            yield None
            return
        async with self.database.client.start_session(snapshot=True) as session:
            # As below: it is what a session reads at, once it is known.
            session._snapshot_time = selection.at  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            yield session


def read_at(session: AsyncClientSession, time: Timestamp) -> None:
    """Let the reads of a snapshot `session` see the instant `time`, of the last minutes."""
    session._snapshot_time = time  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def snapshot_time_of(session: AsyncClientSession) -> Timestamp | None:
    """The instant that the reads of a snapshot `session` see; None before the first read."""
    # PyMongo has no public attribute for the time of a snapshot; a test relies on this one.
    return session._snapshot_time  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


@contextlib.contextmanager
def translated_errors(document: type[Document], where: Filter) -> Generator[None]:
    """Raise what fails within as the methods of a `Reader` do."""
    try:
        yield
    except ExecutionTimeout as error:
        raise QueryTimeout(f"MongoDB stopped this query at its time limit. {_advise(document, where)}") from error
    except ConnectionFailure as error:
        raise DatabaseUnavailable(explain(error)) from error
    except PyMongoError as error:
        if is_unavailable(error):
            raise DatabaseUnavailable(explain(error)) from error
        if isinstance(error, OperationFailure) and error.code == _OUT_OF_MEMORY:
            raise QueryTimeout(f"MongoDB stopped this query at its memory limit. {_advise(document, where)}") from error
        log.exception("query_failed", query_fields=sorted(set(where.fields())))
        raise


def _advise(document: type[Document], where: Filter) -> str:
    used = set(where.fields())
    filters = indexed_filters(document)
    if "execution_id" in used or not filters:
        return "Asking for fewer executions at once, or for log lines without a search, would make it fast."
    unused = [name for stored, name in filters.items() if stored not in used]
    time = next(iter(filters.values()))
    if time in unused:
        either = " or ".join(filter(None, [", ".join(unused[:-1]), unused[-1]]))
        return f"A filter on {either} would make it fast."
    return f"A shorter range in the filter on {time} would make it fast."
