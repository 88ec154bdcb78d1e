"""Path B: add up the executions of a question from rows that the feeder keeps, all as of one cluster time.

The rows of a tenant are what its executions were at the position up to which changes were taken. The parts of the range
that are no whole quarters of an hour, and executions with odd values, which are in no row, are read at that same time.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import structlog
from bson import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from execution_monitor.live.resume_tokens import StreamPosition, is_after_all, time_of
from execution_monitor.statistics.path_a import Filled, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.rollups.consumer import NAME
from execution_monitor.statistics.rollups.edges import Edge, aims_of
from execution_monitor.statistics.rollups.families import QUARTER_MS
from execution_monitor.statistics.rollups.marks import Marks, settled_days
from execution_monitor.statistics.rollups.plans import Plan, plan_of
from execution_monitor.statistics.rollups.row_reading import RowReading
from execution_monitor.statistics.rollups.settled_sums import SettledSums, SettledSumsCache, SumsKey, Use, key_of
from execution_monitor.statistics.rollups.states import VERSION, States, TenantState
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.facts import FACTS_KEY, ODD, ODD_FACTS_KEY
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
            at, odd, marks = time_of(position), StatisticsTables(), await reading.read_marks()
            edges = [Edge.of(question, plan, each, state.generation, state.built_from) for each in plan.edges]
            whole = key_of(plan, state.generation, "whole", plan.start, plan.end, aims_of(question), *map(_key, edges))
            kept = self.settled.find(whole, marks)
            reads: list[Awaitable[int | None]] = []
            if kept is not None and kept.marks == marks:
                # Nothing of the range has changed: there is nothing to add but what no mark tells of.
                self.settled.uses[Use.REUSED] += 1
                tables.include(kept.tables)
                edges = []
            else:
                kept = None
                for edge in edges:
                    edge.find(self.settled, marks)
                reads = [reading.add_to(tables, marks), *(edge.read(self.reader, at, _SHARE) for edge in edges)]
            # All at once: they take longer to wait for than to add up.
            reads.append(self._add_odd(question, plan, odd, edges, at))
            number = _added_up(await asyncio.gather(*reads, return_exceptions=True))
        if number is None:
            return None
        if kept is None:
            self._keep(whole, tables, edges, marks, settled_days(marks, position))
        tables.merge(odd)
        tables.leave_empty()
        return Filled(at, number)

    def _keep(
        self, whole: SumsKey, tables: StatisticsTables, edges: Sequence[Edge], marks: Marks, settled: AbstractSet[int]
    ) -> None:
        """Add the edges to `tables`, and keep what no longer changes of them, or of all."""
        for edge in edges:
            edge.keep(self.settled, marks, settled)
            tables.merge(edge.tables)
        if len(settled) == len(marks) and all(edge.can_be_kept for edge in edges):
            together = StatisticsTables()
            together.include(tables)
            self.settled.keep(whole, SettledSums(marks, together))

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

    async def _add_odd(
        self, question: Question, plan: Plan, tables: StatisticsTables, edges: Sequence[Edge], at: Timestamp
    ) -> int | None:
        """Add the executions that are in no row, but those that path A adds with the edges; None for too many."""
        executions = self.reader.database.collection(Execution)
        query = {"$and": [question.where.to_mongo(), ODD], "tenant_id": plan.tenant}
        read = [edge for edge in edges if not edge.is_kept]
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
                    on = [edge for edge in read if edge.holds(document)]
                    for edge in on:
                        edge.has_odd = True
                    # An array of times may lie on both edges, and is to be counted once.
                    question.add(tables, document, 1 - len(on))
                    number += 1
        return None if number > _MOST_ODD else number

    @property
    def _timeout_ms(self) -> int:
        return max(1, int(self.reader.timeout_ms * _SHARE))


def _added_up(examined: Sequence[int | BaseException | None]) -> int | None:
    """How many were read; None where one of the reads does not answer. Raises what one of them has raised."""
    number = 0
    for each in examined:
        if isinstance(each, BaseException):
            raise each
        if each is None:
            return None
        number += each
    return number


def _key(edge: Edge) -> SumsKey:
    return edge.key
