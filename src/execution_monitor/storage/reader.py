"""Reading from a collection: pages, counts and single rows, each within a time limit."""

import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from beanie import Document
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

from execution_monitor.errors import AnswerTooLarge, DatabaseUnavailable, QueryTimeout
from execution_monitor.storage.answers import answered, is_unavailable
from execution_monitor.storage.audit_events import AuditEvent
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.explaining import explain
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.find_command import UNLIMITED, Search, find_rows
from execution_monitor.storage.long_values import find_long_values
from execution_monitor.storage.pagination import Listing, Page, PageRequest, Row, Wanted
from execution_monitor.storage.scanning import Scan
from execution_monitor.storage.sorting import Order

log = structlog.get_logger()

# Filters that make a list fast, by their stored fields, as the API names them; the first is that on its time.
_INDEXED_FILTERS: Mapping[type[Document], Mapping[str, str]] = {
    Execution: {"created": "createdAt", "status": "status", "workflow_template_id": "workflowTemplateId"},
    AuditEvent: {"at": "at", "subject": "subject", "execution_ids": "executionId"},
}

# Else MongoDB stops at 101 rows and wants to be asked again; it still stops at 16 MB.
_WHOLE_RESULT = 1_000_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads of one database; no single query runs longer than `timeout_ms`, or has payloads of over `max_bytes`."""

    database: Database
    timeout_ms: int
    max_bytes: int = UNLIMITED

    async def read_page(self, document: type[Document], listing: Listing, request: PageRequest, wanted: Wanted) -> Page:
        """One keyset page from one query, and mostly one more for each neighbour that is asked about."""
        start = None if request.after is None else listing.position(request.after)
        end = None if request.before is None else listing.position(request.before)
        asks_start, asks_end = wanted.neighbours
        if request.backward:
            start, end, asks_start, asks_end = end, start, asks_end, asks_start

        with _translated_errors(document, listing.where):
            start = await find_long_values(self.database, document, listing, start, self.timeout_ms)
            end = await find_long_values(self.database, document, listing, end, self.timeout_ms)
            async with self._snapshot(wanted.snapshot) as session:
                order, limits = listing.order, (self.timeout_ms, self.max_bytes)
                scan = Scan(self.database, document, listing.where, order, *limits, session)
                scan = scan.reversed() if request.backward else scan
                # One more than asked: its presence tells whether more follow, without a count.
                found = await scan.read(wanted.fields, request.size + 1, start=start, end=end, skip=request.skipped)
                beyond_start = asks_start and await scan.reversed().has_up_to(start)
                more = len(found) > request.size or (asks_end and await scan.has_up_to(end))
            read_at = None if session is None else snapshot_time_of(session)

        rows = found[: request.size]
        if request.backward:
            return Page(listing, rows[::-1], has_previous=more, has_next=beyond_start, read_at=read_at)
        return Page(listing, rows, has_previous=beyond_start, has_next=more, read_at=read_at)

    async def count(self, document: type[Document], where: Filter, limit: int) -> int:
        """How many documents match, counted no further than `limit`."""
        with _translated_errors(document, where):
            collection, query = self.database.collection(document), where.to_mongo()
            counting = collection.count_documents(query, limit=limit, maxTimeMS=self.timeout_ms)
            return await answered(counting, collection, query, self.timeout_ms)

    async def read_some(
        self, document: type[Document], where: Filter, fields: frozenset[str] | None, limit: int
    ) -> list[Row]:
        """Up to `limit` documents that match, in no particular order."""
        with _translated_errors(document, where):
            search = Search(where.to_mongo(), fields, limit=limit, timeout_ms=self.timeout_ms, max_bytes=self.max_bytes)
            return await find_rows(self.database.rows(document), search)

    async def read_unsortable(
        self, document: type[Document], where: Filter, order: Order, fields: frozenset[str], limit: int
    ) -> list[Row]:
        """Up to `limit` documents that match and have no place in `order`, in no particular order."""
        with _translated_errors(document, where):
            return await Scan(self.database, document, where, order, self.timeout_ms).read_unsortable(fields, limit)

    async def aggregate(
        self, document: type[Document], pipeline: Sequence[Mapping[str, Any]], where: Filter
    ) -> list[Row]:
        """The result of `pipeline`, of which `where` is the first stage."""
        with _translated_errors(document, where):
            rows, query = self.database.rows(document), where.to_mongo()
            return await answered(self._aggregate(rows, [{"$match": query}, *pipeline]), rows, query, self.timeout_ms)

    async def _aggregate(
        self, rows: AsyncCollection[dict[str, Any]], pipeline: Sequence[Mapping[str, Any]]
    ) -> list[Row]:
        async with await rows.aggregate(pipeline, maxTimeMS=self.timeout_ms, batchSize=_WHOLE_RESULT) as cursor:
            if cursor.alive and self.max_bytes != UNLIMITED:
                # More than 16 MB: what comes behind the first batch is counted before it comes.
                sized = [*pipeline, {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}]
                (total,) = await (await rows.aggregate(sized, maxTimeMS=self.timeout_ms)).to_list()
                if total["bytes"] > self.max_bytes:
                    raise AnswerTooLarge(total["bytes"], self.max_bytes)
            return list(await cursor.to_list())

    @contextlib.asynccontextmanager
    async def _snapshot(self, wanted: bool) -> AsyncGenerator[AsyncClientSession | None]:  # noqa: FBT001 - a switch
        if not wanted:
            yield None
            return
        async with self.database.client.start_session(snapshot=True) as session:
            yield session


def snapshot_time_of(session: AsyncClientSession) -> Timestamp | None:
    """The cluster time that a snapshot `session` reads at; None before its first read."""
    # PyMongo keeps the time of a snapshot session to itself; a test pins the attribute.
    return session._snapshot_time  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


@contextlib.contextmanager
def _translated_errors(document: type[Document], where: Filter) -> Generator[None]:
    try:
        yield
    except ExecutionTimeout as error:
        raise QueryTimeout(f"MongoDB stopped this query at its time limit. {_advise(document, where)}") from error
    except ConnectionFailure as error:
        raise DatabaseUnavailable(explain(error)) from error
    except PyMongoError as error:
        if is_unavailable(error):
            raise DatabaseUnavailable(explain(error)) from error
        log.exception("query_failed", query_fields=sorted(set(where.fields())))
        raise


def _advise(document: type[Document], where: Filter) -> str:
    used = set(where.fields())
    filters = _INDEXED_FILTERS.get(document, {})
    if "execution_id" in used or not filters:
        return "Asking for fewer executions at once, or for log lines without a search, would make it fast."
    unused = [name for stored, name in filters.items() if stored not in used]
    time = next(iter(filters.values()))
    if time in unused:
        return f"A filter on {' or '.join(unused)} would make it fast."
    return f"A shorter range in the filter on {time} would make it fast."
