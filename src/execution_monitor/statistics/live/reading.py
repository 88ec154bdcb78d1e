"""Readings: the tables of a question with the documents at the edges of its range, all as of one cluster time."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from bson import DatetimeMS, Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from execution_monitor.errors import DatabaseUnavailable, QueryTimeout
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.statistics.live.edges import FACTS, Edges, leaves_at
from execution_monitor.statistics.live.tables import Reading, early_from
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.time_range import CREATED, time_range_of, without_moving_start
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.database import Database, explain
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Filter, Range, all_of
from execution_monitor.storage.reader import snapshot_time_of
from execution_monitor.storage.rows import Row

# So far ahead, and so many documents, are those read that leave next: an hour of a month is a short scan, and a
# thousand documents are some 2 MB.
_AHEAD_MS = 3_600_000
_MAX_LEAVING = 1_000
_MAX_EARLY = 1_000


@dataclass(frozen=True, slots=True)
class Leaving:
    """At `position`, `rows` has every document that leaves a range before the millisecond `until`, from some on."""

    rows: Sequence[Row]
    until: int
    position: StreamPosition


@dataclass(frozen=True, slots=True)
class LiveReader:
    """Reads what live statistics begin with."""

    database: Database
    timeout_ms: int

    async def read(self, question: Question) -> Reading:
        """The tables of `question`, with the documents at the edges of its range unless these are too many.

        Raises:
            QueryTimeout: MongoDB stopped a query at its time limit.
            DatabaseUnavailable: MongoDB does not answer in time.
        """
        return await await_reply(self._read(question), self.timeout_ms)

    async def read_leaving(self, question: Question, begin: int) -> Leaving | None:
        """The documents that leave the range from the millisecond `begin` on; None if too many leave at once.

        Raises:
            QueryTimeout, DatabaseUnavailable: as `read`.
        """
        return await await_reply(self._read_leaving(question, begin), self.timeout_ms)

    async def has_left(self, question: Question, since: int) -> bool:
        """Whether documents that match but for the range were created from the millisecond `since` to its start."""
        return await await_reply(self._has_left(question, since), self.timeout_ms)

    async def _has_left(self, question: Question, since: int) -> bool:
        between = Range(CREATED, gte=DatetimeMS(since), lt=DatetimeMS(milliseconds_of(question.time_range.start)))
        async with self._snapshot() as snapshot:
            return bool(await snapshot.find(all_of(standing(question), between), limit=1))

    async def _read_leaving(self, question: Question, begin: int) -> Leaving | None:
        async with self._snapshot() as snapshot:
            return await snapshot.leaving(question, begin)

    async def _read(self, question: Question) -> Reading:
        async with self._snapshot() as snapshot:
            tables = StatisticsTables()
            rows = await snapshot.find(question.where)
            for row in rows:
                question.add(tables, row)
            edges = await _read_edges(snapshot, question)
            return Reading(question, tables, snapshot.read_at, edges, examined=len(rows))

    @asynccontextmanager
    async def _snapshot(self) -> AsyncGenerator["_Snapshot"]:
        try:
            async with self.database.client.start_session(snapshot=True) as session:
                yield _Snapshot(self.database, session, self.timeout_ms)
        except ExecutionTimeout as error:
            raise QueryTimeout("MongoDB stopped this query at its time limit; choose a shorter range.") from error
        except ConnectionFailure as error:
            raise DatabaseUnavailable(explain(error)) from error


def standing(question: Question) -> Filter:
    """What is counted but for the range of time: its start may move on."""
    return all_of(question.visible, without_moving_start(question.request.where))


def start_moves(question: Question) -> bool:
    """Whether the range of `question` will start later a second later."""
    later = time_range_of(question.request.where, question.now + timedelta(seconds=1))
    return later.start > question.time_range.start


@dataclass(frozen=True, slots=True)
class _Snapshot:
    database: Database
    session: AsyncClientSession
    timeout_ms: int

    @property
    def read_at(self) -> Timestamp:
        return cast("Timestamp", snapshot_time_of(self.session))

    async def find(self, where: Filter, limit: int = 0, sort: Mapping[str, Any] | None = None) -> list[Row]:
        cursor = self.database.collection(Execution).find(
            where.to_mongo(),
            dict.fromkeys(FACTS, 1),
            limit=limit,
            sort=None if sort is None else list(sort.items()),
            max_time_ms=self.timeout_ms,
            session=self.session,
        )
        return list(await cursor.to_list())

    async def leaving(self, question: Question, begin: int) -> Leaving | None:
        """The documents that leave from the millisecond `begin` on; None if too many leave at once."""
        until = begin + _AHEAD_MS
        dates = Range(CREATED, gte=DatetimeMS(begin), lt=DatetimeMS(until))
        rows = await self.find(all_of(standing(question), dates), _MAX_LEAVING + 1, {CREATED: 1})
        if len(rows) > _MAX_LEAVING:
            # In an order by the earliest date of an array; no document behind the last one leaves before it.
            until = min(until, _earliest(rows[-1], begin))
        return Leaving(rows, until, position_after(self.read_at)) if until > begin else None


async def _read_edges(snapshot: _Snapshot, question: Question) -> Edges | None:
    """The documents at the edges of the range of `question`; None if they are too many to keep."""
    if standing(question).is_relative:
        return None
    start, early = milliseconds_of(question.time_range.start), early_from(question)
    edges = Edges(start if start_moves(question) else None, early)
    if edges.until is not None:
        leaving = await snapshot.leaving(question, start)
        if leaving is None:
            return None
        edges.refill(leaving.rows, leaving.until)
    if early is not None:
        rows = await snapshot.find(all_of(question.where, Range(CREATED, gte=DatetimeMS(early))), _MAX_EARLY + 1)
        if len(rows) > _MAX_EARLY:
            return None
        for row in rows:
            edges.keep(row)
    return edges


def _earliest(row: Row, begin: int) -> int:
    created = row.get(CREATED)
    return begin if isinstance(created, list) else leaves_at(row)
