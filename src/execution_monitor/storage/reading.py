"""Reading from a collection: pages, counts and single rows, each within a time limit."""

import contextlib
import math
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from beanie import Document
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

from execution_monitor.errors import DatabaseUnavailable, QueryTimeout
from execution_monitor.storage.alternatives import MAX_ALTERNATIVES, one_of_each, split_list
from execution_monitor.storage.audit_events import AuditEvent
from execution_monitor.storage.database import Database, explain
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Filter, Query, join
from execution_monitor.storage.finding import Search, find_rows
from execution_monitor.storage.pages import Listing, Page, PageRequest, Row, Wanted
from execution_monitor.storage.sorting import Order, Position

log = structlog.get_logger()

# Filters that make a list fast, by their stored fields, as the API names them; the first is that on its time.
_INDEXED_FILTERS: Mapping[type[Document], Mapping[str, str]] = {
    Execution: {"created": "createdAt", "status": "status", "workflow_template_id": "workflowTemplateId"},
    AuditEvent: {"at": "at", "subject": "subject", "execution_ids": "executionId"},
}

# Else MongoDB stops at 101 rows and wants to be asked again; it still stops at 16 MB.
_WHOLE_RESULT = 1_000_000


@dataclass(frozen=True, slots=True)
class _Scan:
    document: type[Document]
    order: Order | None
    limit: int
    fields: frozenset[str] | None
    session: AsyncClientSession | None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads of one database; no single query runs longer than `timeout_ms`."""

    database: Database
    timeout_ms: int

    async def read_page(self, document: type[Document], listing: Listing, request: PageRequest, wanted: Wanted) -> Page:
        """One keyset page from one query, and mostly one more for each neighbour that is asked about."""
        after = None if request.after is None else listing.position(request.after)
        before = None if request.before is None else listing.position(request.before)
        order = listing.order.reversed() if request.backward else listing.order
        start, end = (before, after) if request.backward else (after, before)
        asks_start, asks_end = reversed(wanted.neighbours) if request.backward else wanted.neighbours

        with _translated_errors(document, listing.where):
            async with self._snapshot(wanted.snapshot) as session:
                # One more than asked: its presence tells whether more follow, without a count.
                scan = _Scan(document, order, request.size + 1, wanted.fields, session, request.skipped)
                found = await self._find(scan, _between(document, listing.where, order, start, end))
                beyond_start = asks_start and await self._exists_up_to(scan, listing, order.reversed(), start)
                more = len(found) > request.size or (asks_end and await self._exists_up_to(scan, listing, order, end))
            read_at = None if session is None else _snapshot_time_of(session)

        rows = found[: request.size]
        if request.backward:
            return Page(listing, rows[::-1], has_previous=more, has_next=beyond_start, read_at=read_at)
        return Page(listing, rows, has_previous=beyond_start, has_next=more, read_at=read_at)

    async def count(self, document: type[Document], where: Filter, limit: int) -> int:
        """How many documents match, counted no further than `limit`."""
        with _translated_errors(document, where):
            return await self.database.collection(document).count_documents(
                where.to_mongo(), limit=limit, maxTimeMS=self.timeout_ms
            )

    async def read_some(
        self, document: type[Document], where: Filter, fields: frozenset[str] | None, limit: int
    ) -> list[Row]:
        """Up to `limit` documents that match, in no particular order."""
        with _translated_errors(document, where):
            scan = _Scan(document, None, limit, fields, None)
            return await self._find(scan, where.to_mongo())

    async def aggregate(
        self, document: type[Document], pipeline: Sequence[Mapping[str, Any]], where: Filter
    ) -> list[Row]:
        """The result of `pipeline`, of which `where` is the first stage."""
        with _translated_errors(document, where):
            cursor = await self.database.rows(document).aggregate(
                [{"$match": where.to_mongo()}, *pipeline], maxTimeMS=self.timeout_ms, batchSize=_WHOLE_RESULT
            )
            return list(await cursor.to_list())

    async def _exists_up_to(self, scan: _Scan, listing: Listing, order: Order, position: Position | None) -> bool:
        """Whether a row stands at `position` or behind it in `order`."""
        if position is None:
            return False
        one = replace(scan, order=order, limit=1, fields=frozenset(), skip=0)
        # The row the cursor came from is nearly always there still, and costs the least to look up.
        if await self._find(one, join([listing.where.to_mongo(), order.at(position)])):
            return True
        return bool(await self._find(one, _between(scan.document, listing.where, order, position, None)))

    async def _find(self, scan: _Scan, query: Query) -> list[Row]:
        order = None if scan.order is None else scan.order.to_mongo()
        search = Search(query, scan.fields, order, scan.skip, scan.limit, self.timeout_ms)
        return await find_rows(self.database.rows(scan.document), search, scan.session)

    @contextlib.asynccontextmanager
    async def _snapshot(self, wanted: bool) -> AsyncGenerator[AsyncClientSession | None]:  # noqa: FBT001 - a switch
        if not wanted:
            yield None
            return
        async with self.database.client.start_session(snapshot=True) as session:
            yield session


def _snapshot_time_of(session: AsyncClientSession) -> Timestamp | None:
    # PyMongo keeps the time of a snapshot session to itself; a test pins the attribute.
    return session._snapshot_time  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _between(
    document: type[Document], where: Filter, order: Order, start: Position | None, end: Position | None
) -> Query:
    """What matches `where` strictly between two positions of `order`."""
    bounds: list[Sequence[Query]] = []
    if start is not None:
        bounds.append(order.seek(start))
    if end is not None:
        bounds.append(order.reversed().seek(end))
    room = MAX_ALTERNATIVES // max(1, math.prod(map(len, bounds)))
    return one_of_each(split_list(where.to_mongo(), document, order, room), *bounds)


@contextlib.contextmanager
def _translated_errors(document: type[Document], where: Filter) -> Generator[None]:
    try:
        yield
    except ExecutionTimeout as error:
        raise QueryTimeout(f"MongoDB stopped this query at its time limit. {_advise(document, where)}") from error
    except ConnectionFailure as error:
        raise DatabaseUnavailable(explain(error)) from error
    except PyMongoError:
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
