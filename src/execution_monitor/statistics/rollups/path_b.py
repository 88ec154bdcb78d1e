"""Path B: add up the executions of a question from rows that the feeder keeps, all as of one cluster time.

The rows of a tenant are what its executions were at the position up to which changes were taken. The parts of the range
that are no whole quarters of an hour, and executions with odd values, which are in no row, are read at that same time.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from execution_monitor.live.resume_tokens import StreamPosition, is_after_all, time_of
from execution_monitor.statistics.path_a import Filled, PathA, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.rollups.consumer import NAME
from execution_monitor.statistics.rollups.families import QUARTER_MS
from execution_monitor.statistics.rollups.plans import Plan, plan_of, without_created
from execution_monitor.statistics.rollups.row_reading import RowReading
from execution_monitor.statistics.rollups.settled_sums import SettledSumsCache
from execution_monitor.statistics.rollups.states import VERSION, States, TenantState
from execution_monitor.statistics.time_range import TimeRange
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.facts import FACTS_KEY, ODD, ODD_FACTS_KEY
from execution_monitor.storage.filters import all_of
from execution_monitor.storage.reader import Reader, read_at
from execution_monitor.storage.server_documents import FeedPosition

log = structlog.get_logger()

# Sums that are older are not shown while the executions themselves can be read.
_MAX_LAG_MS = 5_000
# Of fewer executions all can be read as fast, and as they are now.
MIN_EXECUTIONS = 10_000
# More odd executions are no exception, and are read with the others.
_MOST_ODD = 5_000
# Of the time limit of a query, for each read: what takes longer is left to path A, which then still has time.
_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class PathB:
    """Fills the tables of questions from rows, where rows answer them.

    Attributes:
        min_executions: of tenants with fewer, no rows are read.
        settled: the sums that are kept for further answers.
    """

    reader: Reader
    min_executions: int = MIN_EXECUTIONS
    settled: SettledSumsCache = field(default_factory=SettledSumsCache)

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
            reading = RowReading(
                self.reader.database, self.settled, plan, state.generation, position, session, self._timeout_ms
            )
            examined = await reading.add_to(tables)
        at = time_of(position)
        odd = await self._add_odd(question, plan, tables, at)
        if odd is None:
            return None
        for edge in plan.edges:
            filled = await PathA(self.reader).fill(
                _within(question, edge.gte, edge.lt), tables, at=at, every_group=True, share=_SHARE
            )
            examined += filled.found
        tables.leave_empty()
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


def _within(question: Question, start: Any, end: Any) -> Question:
    """The same question about a part of its range alone."""
    first, behind = to_datetime(start), to_datetime(end)
    if first is None or behind is None:
        raise ValueError("A part of a range has two ends.")
    time_range = TimeRange(first, behind, moves=False)
    return replace(question, where=all_of(without_created(question.where), time_range.condition), time_range=time_range)
