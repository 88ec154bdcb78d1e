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
from execution_monitor.storage.index_choice import index_for, range_behind
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
                scan = _Scan(self, document, listing.where, session)
                # One more than asked: its presence tells whether more follow, without a count.
                search = replace(
                    scan.between(order, start, end),
                    fields=wanted.fields,
                    skip=request.skipped,
                    limit=request.size + 1,
                )
                found = await scan.find(search)
                beyond_start = asks_start and await scan.has_up_to(order.reversed(), start)
                more = len(found) > request.size or (asks_end and await scan.has_up_to(order, end))
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
            search = Search(where.to_mongo(), fields, limit=limit, timeout_ms=self.timeout_ms)
            return await find_rows(self.database.rows(document), search)

    async def aggregate(
        self, document: type[Document], pipeline: Sequence[Mapping[str, Any]], where: Filter
    ) -> list[Row]:
        """The result of `pipeline`, of which `where` is the first stage."""
        with _translated_errors(document, where):
            cursor = await self.database.rows(document).aggregate(
                [{"$match": where.to_mongo()}, *pipeline], maxTimeMS=self.timeout_ms, batchSize=_WHOLE_RESULT
            )
            return list(await cursor.to_list())

    @contextlib.asynccontextmanager
    async def _snapshot(self, wanted: bool) -> AsyncGenerator[AsyncClientSession | None]:  # noqa: FBT001 - a switch
        if not wanted:
            yield None
            return
        async with self.database.client.start_session(snapshot=True) as session:
            yield session


@dataclass(frozen=True, slots=True)
class _Scan:
    """What a page is read from: all that matches `where`, at one instant when there is a session."""

    reader: Reader
    document: type[Document]
    where: Filter
    session: AsyncClientSession | None

    def between(self, order: Order, start: Position | None, end: Position | None) -> Search:
        """For the first row strictly between two positions of `order`."""
        bounds: list[Sequence[Query]] = []
        if start is not None:
            bounds.append(order.seek(start))
        if end is not None:
            bounds.append(order.reversed().seek(end))
        room = MAX_ALTERNATIVES // max(1, math.prod(map(len, bounds)))
        parts = split_list(self.where.to_mongo(), self.document, order, room)
        search = self._search(one_of_each(parts, *bounds), parts[0], order)
        if search.hint is None or start is None or end is not None or len(parts) > 1:
            return search
        return replace(search, range=range_behind(search.hint, parts[0], order, start))

    def at(self, order: Order, position: Position) -> Search:
        """For the row at `position`."""
        where = self.where.to_mongo()
        return self._search(join([where, order.at(position)]), where, order)

    def _search(self, query: Query, part: Query, order: Order) -> Search:
        hint = index_for(self.document, part, order)
        return Search(query, frozenset(), sort=order.to_mongo(), timeout_ms=self.reader.timeout_ms, hint=hint)

    async def find(self, search: Search) -> list[Row]:
        """What `search` finds, at the instant of the session."""
        return await find_rows(self.reader.database.rows(self.document), search, self.session)

    async def has_up_to(self, order: Order, position: Position | None) -> bool:
        """Whether a row stands at `position` or behind it in `order`."""
        if position is None:
            return False
        # The row the cursor came from is nearly always there still, and costs the least to look up.
        return bool(await self.find(self.at(order, position)) or await self.find(self.between(order, position, None)))


def _snapshot_time_of(session: AsyncClientSession) -> Timestamp | None:
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
