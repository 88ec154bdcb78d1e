"""Path B: add up the executions of a question from rows that the feeder keeps, all as of one cluster time.

The rows of a tenant are what its executions were at the position up to which changes were taken. The parts of the range
that are no whole quarters of an hour, and executions with odd values, which are in no row, are read at that same time.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import structlog
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from execution_monitor.live.resume_tokens import StreamPosition, is_after_all, time_of
from execution_monitor.statistics.measures import Breakdown, Measure, Measures, status_of
from execution_monitor.statistics.path_a import Filled, PathA, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables, keys_of
from execution_monitor.statistics.requests import GroupKey
from execution_monitor.statistics.rollups.consumer import NAME
from execution_monitor.statistics.rollups.families import QUARTER_MS
from execution_monitor.statistics.rollups.keys import key_ranges, tenant_prefix
from execution_monitor.statistics.rollups.plans import Plan, View, plan_of, without_created
from execution_monitor.statistics.rollups.states import VERSION, States, TenantState
from execution_monitor.statistics.rollups.whole_numbers import as_number
from execution_monitor.statistics.sketches import Sketch
from execution_monitor.statistics.time_range import TimeRange
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.documents import Execution, ExecutionStatus
from execution_monitor.storage.facts import FACTS_KEY, ODD, ODD_FACTS_KEY
from execution_monitor.storage.filters import all_of
from execution_monitor.storage.reader import Reader, read_at
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.server_documents import ExecutionRollup, FeedPosition

log = structlog.get_logger()

# Sums that are older are not shown while the executions themselves can be read.
_MAX_LAG_MS = 5_000
# Of fewer executions all can be read as fast, and as they are now.
MIN_EXECUTIONS = 10_000
# More odd executions are no exception, and are read with the others.
_MOST_ODD = 5_000
_TURN = 1_000
# Of the time limit of a query, for each read: what takes longer is left to path A, which then still has time.
_SHARE = 0.2
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PathB:
    """Fills the tables of questions from rows, where rows answer them.

    Attributes:
        min_executions: of tenants with fewer, no rows are read.
    """

    reader: Reader
    min_executions: int = MIN_EXECUTIONS

    async def fill(self, question: Question, tables: StatisticsTables) -> Filled | None:
        """Add to `tables` what path A would add at the time that is returned; None where rows do not answer `question`.

        Nothing is added then: rows are not up to date, or still being built, or do not tell its conditions.
        """
        plan = plan_of(question)
        if plan is None:
            return None
        found = StatisticsTables()
        try:
            filled = await self._fill(question, plan, found)
        except (PyMongoError, TooMuchToRead) as error:
            # Path A says what is wrong, where something is.
            log.info("rollups_not_read", error=type(error).__name__, code=getattr(error, "code", None))
            return None
        if filled is not None:
            tables.merge(found)
        return filled

    async def _fill(self, question: Question, plan: Plan, tables: StatisticsTables) -> Filled | None:
        async with self.reader.database.client.start_session(snapshot=True) as session:
            position = await self._fed(session)
            state = await States(self.reader.database).find(plan.tenant, session)
            if position is None or state is None or not self._is_served(plan, state):
                return None
            position = max(position, state.position)
            if not is_after_all(position):
                return None
            examined = 0
            for view in plan.views:
                examined += await self._add_view(question, plan, view, state, tables, session)
        at = time_of(position)
        odd = await self._add_odd(question, plan, tables, at)
        if odd is None:
            return None
        for edge in plan.edges:
            filled = await PathA(self.reader).fill(
                _within(question, edge.gte, edge.lt), tables, at=at, every_group=True, share=_SHARE
            )
            examined += filled.found
        return Filled(at, examined + odd)

    async def _fed(self, session: AsyncClientSession) -> StreamPosition | None:
        """The position up to which the rows of every tenant have all changes; None where that is too long ago."""
        age = {"$subtract": ["$$NOW", "$as_of"]}
        pipeline = [{"$match": {"_id": NAME}}, {"$project": {"position": 1, "age": age}}]
        positions = self.reader.database.collection(FeedPosition)
        async with await positions.aggregate(pipeline, session=session, maxTimeMS=self._timeout_ms) as cursor:
            found = await cursor.to_list()
        if not found or found[0]["age"] is None or found[0]["age"] > _MAX_LAG_MS:
            return None
        return StreamPosition(found[0]["position"])

    def _is_served(self, plan: Plan, state: TenantState) -> bool:
        is_built = state.version == VERSION and state.built_from <= plan.start * QUARTER_MS
        return is_built and state.executions >= self.min_executions

    async def _add_view(  # noqa: PLR0913, PLR0917 - what one read is made of
        self,
        question: Question,
        plan: Plan,
        view: View,
        state: TenantState,
        tables: StatisticsTables,
        session: AsyncClientSession,
    ) -> int:
        prefix = tenant_prefix(plan.tenant, state.generation)
        owners = plan.owners if view.family.by_owner and plan.owners is not None else (None,)
        ranges = [each for owner in owners for each in key_ranges(prefix, view.family, view.cells, owner)]
        if not ranges:
            return 0
        among: list[BsonDocument] = [{"_id": {"$gte": least, "$lte": greatest}} for least, greatest in ranges]
        conditions = [among[0] if len(among) == 1 else {"$or": among}, plan.where.to_mongo()]
        query: BsonDocument = {"tenant_id": plan.tenant, "$and": conditions}
        rows = self.reader.database.collection(ExecutionRollup)
        cursor = rows.find(
            query,
            _projection(view),
            session=session,
            hint="_id_",
            batch_size=_TURN,
            max_time_ms=self._timeout_ms,
        )
        adding, number = _Adding(question, view), 0
        async with cursor:
            async for row in cursor:
                adding.add(row)
                number += 1
                if number % _TURN == 0:
                    # Others get their turn.
                    await asyncio.sleep(0)
        adding.add_to(tables)
        return number

    async def _add_odd(self, question: Question, plan: Plan, tables: StatisticsTables, at: Timestamp) -> int | None:
        """Add the executions that are in no row, but those that path A adds with the edges; None for too many."""
        executions = self.reader.database.collection(Execution)
        query = {"$and": [question.where.to_mongo(), ODD], "tenant_id": plan.tenant}
        on_edges = [edge.predicate() for edge in plan.edges]
        number = 0
        async with self.reader.database.client.start_session(snapshot=True) as session:
            read_at(session, at)
            cursor = executions.find(
                query,
                dict.fromkeys({name.partition(".")[0] for name in FACTS_KEY}, 1),
                session=session,
                hint=list(ODD_FACTS_KEY.items()),
                limit=_MOST_ODD + 1,
                max_time_ms=self._timeout_ms,
            )
            async with cursor:
                async for document in cursor:
                    # An array of times may lie on both edges, and is to be counted once.
                    question.add(tables, document, 1 - sum(is_on(document) for is_on in on_edges))
                    number += 1
        return None if number > _MOST_ODD else number

    @property
    def _timeout_ms(self) -> int:
        return max(1, int(self.reader.timeout_ms * _SHARE))


@dataclass(slots=True)
class _Sums:
    """What rows of the same status, bucket and groups add up to; bins by their names in rows."""

    count: int = 0
    tokens: int = 0
    duration: int = 0
    durations: dict[str, int] = field(default_factory=dict[str, int])
    cost: int = 0
    costs: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, row: Row) -> None:
        """Add a row."""
        self.count += row.get("n", 0)
        self.tokens += row.get("tokens", 0)
        self.durations = _added(self.durations, row.get("durations"))
        self.costs = _added(self.costs, row.get("costs"))
        if (micros := row.get("duration")) is not None:
            self.duration += as_number(micros)
        if (micros := row.get("cost")) is not None:
            self.cost += as_number(micros)

    @property
    def measures(self) -> Measures:
        """The same as measures."""
        durations, costs = _sketch_of(self.durations, self.duration), _sketch_of(self.costs, self.cost)
        return Measures(int(self.count), durations, costs, int(self.tokens))


class _Adding:
    """Adds rows of a view to the tables that it is read for."""

    def __init__(self, question: Question, view: View) -> None:
        self._question = question
        self._view = view
        self._sums = defaultdict[tuple[ExecutionStatus, int, tuple[GroupKey, ...]], _Sums](_Sums)

    def add(self, row: Row) -> None:
        """Add a row."""
        bucket = 0
        if self._view.has_series:
            bucket = self._question.bucket_of(to_datetime(row["start"]) or _LAST)
        keys = tuple(key for by in self._view.groups for key in keys_of(by, row))
        self._sums[status_of(row.get("status")), bucket, keys].add(row)

    def add_to(self, tables: StatisticsTables) -> None:
        """Add all that was added to the tables."""
        for (status, bucket, keys), sums in self._sums.items():
            targets = list[Breakdown]()
            if self._view.has_totals:
                targets.append(tables.totals)
            if self._view.has_series:
                targets.append(tables.of_bucket(bucket))
            targets.extend(tables.of_group(by, key) for by, key in zip(self._view.groups, keys, strict=True))
            measures = sums.measures
            for each in targets:
                each.of_status(status).merge(measures)


def _added(bins: dict[str, int], more: dict[str, int] | None) -> dict[str, int]:
    """Both together; there are hundreds of thousands of bins."""
    if not more:
        return bins
    if not bins:
        return more
    found = bins.get
    for number, count in more.items():
        bins[number] = found(number, 0) + count
    return bins


def _sketch_of(bins: Mapping[str, int], micros: int) -> Sketch:
    found = dict(zip(map(int, bins), bins.values(), strict=True))
    if 0 in bins.values():
        found = {number: count for number, count in found.items() if count}
    return Sketch(found, micros)


def _projection(view: View) -> Mapping[str, int]:
    """What is read of a row: bins are most of it."""
    names: Sequence[str] = ("start", "n", "tokens", *view.family.fields)
    found = dict.fromkeys(names, 1)
    if Measure.DURATION in view.measures:
        found |= {"duration": 1, "durations": 1}
    if Measure.COST in view.measures:
        found |= {"cost": 1, "costs": 1}
    return found


def _within(question: Question, start: Any, end: Any) -> Question:
    """The same question about a part of its range alone."""
    first, behind = to_datetime(start), to_datetime(end)
    if first is None or behind is None:
        raise ValueError("A part of a range has two ends.")
    time_range = TimeRange(first, behind, moves=False)
    return replace(question, where=all_of(without_created(question.where), time_range.condition), time_range=time_range)
