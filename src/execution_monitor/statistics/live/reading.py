"""Readings: the tables of a question with the documents at the edges of its range, all as of one cluster time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bson import DatetimeMS, Timestamp

from execution_monitor.errors import QueryTimeout
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.statistics.live.edges import FACTS, Edges, leaves_at
from execution_monitor.statistics.live.tables import Reading, early_from
from execution_monitor.statistics.path_a import PathA, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.time_range import CREATED, time_range_of, without_moving_start
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Filter, Range, all_of
from execution_monitor.storage.index_choice import narrowest_index
from execution_monitor.storage.reader import Reader, translated_errors
from execution_monitor.storage.rows import Row
from execution_monitor.storage.snapshots import Snapshot

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
    """Reads what live statistics begin with, and which documents leave their ranges.

    Every method raises `QueryTimeout` or `DatabaseUnavailable` where a query fails.
    """

    reader: Reader
    rollups: PathB | None = None

    async def read(self, question: Question, *, follows: bool) -> Reading:
        """The tables of `question`; where changes are to be followed, with all groups and with the edges.

        There are no edges where they have too many documents to keep.
        """
        tables = StatisticsTables()
        filled = None if self.rollups is None else await self.rollups.fill(question, tables)
        try:
            filled = filled or await PathA(self.reader).fill(question, tables, every_group=follows)
        except TooMuchToRead as error:
            raise QueryTimeout("There is too much to read; choose a shorter range of createdAt.") from error
        edges = await self._read_edges(question, filled.read_at) if follows else None
        return Reading(question, tables, filled.read_at, edges, filled.found)

    async def read_leaving(self, question: Question, begin: int) -> Leaving | None:
        """The documents that leave the range from the millisecond `begin` on; None if too many leave at once."""
        return await self._read_leaving(question, begin, None)

    async def has_left(self, question: Question, since: int) -> bool:
        """Whether documents that match but for the range were created from the millisecond `since` to its start."""
        start = milliseconds_of(question.time_range.start)
        between = Range(CREATED, gte=DatetimeMS(since), lt=DatetimeMS(start))
        rows, _ = await self._find(all_of(standing(question), between), 1, None)
        return bool(rows)

    async def _read_edges(self, question: Question, at: Timestamp) -> Edges | None:
        """The documents at the edges of the range of `question`; None if they are too many to keep."""
        start, early = milliseconds_of(question.time_range.start), early_from(question)
        edges = Edges(start if start_moves(question) else None, early)
        if edges.until is not None:
            leaving = await self._read_leaving(question, start, at)
            if leaving is None:
                return None
            edges.refill(leaving.rows, leaving.until)
        if early is not None:
            late = all_of(question.where, Range(CREATED, gte=DatetimeMS(early)))
            rows, _ = await self._find(late, _MAX_EARLY + 1, at)
            if len(rows) > _MAX_EARLY:
                return None
            for row in rows:
                edges.keep(row)
        return edges

    async def _read_leaving(self, question: Question, begin: int, at: Timestamp | None) -> Leaving | None:
        until = begin + _AHEAD_MS
        dates = Range(CREATED, gte=DatetimeMS(begin), lt=DatetimeMS(until))
        rows, read_at = await self._find(all_of(standing(question), dates), _MAX_LEAVING + 1, at)
        if len(rows) > _MAX_LEAVING:
            # In an order by the earliest date of an array: no document behind the last one leaves before it.
            until = min(until, _earliest(rows[-1], begin))
        return Leaving(rows, until, position_after(read_at)) if until > begin else None

    async def _find(self, where: Filter, limit: int, at: Timestamp | None) -> tuple[list[Row], Timestamp]:
        """The first documents that match by their time of creation, and the cluster time that they were read at."""
        query = where.to_mongo()
        stages = [{"$sort": {CREATED: 1}}, {"$limit": limit}, {"$project": dict.fromkeys(FACTS, 1)}]
        collection = self.reader.database.rows(Execution)
        with translated_errors(Execution, where):
            async with Snapshot.opened(collection, self.reader.timeout_ms, at) as snapshot:
                hint = narrowest_index(Execution, query)
                rows: list[Row] = [row async for row in snapshot.aggregate(query, stages, hint)]
                return rows, snapshot.read_at


def standing(question: Question) -> Filter:
    """What is counted but for the range of time: its start may move on."""
    return all_of(question.visible, without_moving_start(question.request.where))


def start_moves(question: Question) -> bool:
    """Whether the range of `question` will start later a second later."""
    later = time_range_of(question.request.where, question.now + timedelta(seconds=1))
    return later.start > question.time_range.start


def _earliest(row: Row, begin: int) -> int:
    created = row.get(CREATED)
    return begin if isinstance(created, list) else leaves_at(row)
