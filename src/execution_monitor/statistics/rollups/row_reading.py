"""Row reading: which rows a plan needs are read, and which sums of rows are kept from one answer to the next."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from pymongo.asynchronous.client_session import AsyncClientSession

from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.statistics.measures import Measure
from execution_monitor.statistics.questions import StatisticsTables
from execution_monitor.statistics.rollups.families import Cells, Family, Span, cells_within, days_of, merged
from execution_monitor.statistics.rollups.keys import key_ranges, tenant_prefix
from execution_monitor.statistics.rollups.marks import Marks, cells_of_marks, marks_of, settled_days
from execution_monitor.statistics.rollups.plans import Plan, View
from execution_monitor.statistics.rollups.row_sums import RowSums
from execution_monitor.statistics.rollups.settled_sums import SettledSums, SettledSumsCache, Use, key_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import Query
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import ExecutionRollup

# Rows of a batch.
_TURN = 1_000


@dataclass(frozen=True, slots=True)
class RowReading:
    """Reads the rows of a plan in one snapshot, but those whose sums are kept.

    Attributes:
        database: where they are.
        settled: the sums that are kept.
        plan: which rows, and what for.
        generation: of the rows that count.
        position: up to which changes are in them.
        session: of the snapshot.
        timeout_ms: for each query.
    """

    database: Database
    settled: SettledSumsCache
    plan: Plan
    generation: int
    position: StreamPosition
    session: AsyncClientSession
    timeout_ms: int

    async def add_to(self, tables: StatisticsTables, marks: Marks) -> int:
        """Add all rows to `tables`; how many were read. The `marks` are those of this snapshot."""
        settled, examined = settled_days(marks, self.position), 0
        for view in self.plan.views:
            # Days stay the same for a day, what is less at the ends of a range for a quarter of an hour.
            for is_day in (True, False):
                cells = [each for each in view.cells if (each.span is Span.DAY) is is_day]
                if cells:
                    examined += await self._add(view, cells, marks, settled, tables)
        return examined

    async def read_marks(self) -> Marks:
        """The marks of all days of the range, with those of its ends."""
        cells = cells_of_marks(self.plan.start, self.plan.end)
        ((least, greatest),) = key_ranges(self._prefix, Family.STATUSES, [cells])
        found = list[BsonDocument]()
        await self._read({"_id": {"$gte": least, "$lte": greatest}}, {"_id": 0, "start": 1, "mark": 1}, found.extend)
        return marks_of(found)

    async def _add(
        self, view: View, cells: Sequence[Cells], marks: Marks, settled: AbstractSet[int], tables: StatisticsTables
    ) -> int:
        aims = view.measures, view.has_totals, view.has_series, view.groups
        key = key_of(self.plan, self.generation, view.family, aims, tuple(cells))
        kept = self.settled.find(key, marks)
        known: Marks = {} if kept is None else kept.marks
        days = days_of(cells, sorted(marks)) - known.keys()
        number, sums, new = 0, RowSums(view, cells, settled), StatisticsTables()
        if days:
            query = self._query(view, cells_within(cells, sorted(days)))
            number = await self._read(query, _projection(view), sums.add)
            sums.add_to(new, tables)
        if days & settled:
            if kept is not None:
                new.include(kept.tables)
            self.settled.uses[Use.READ if kept is None else Use.EXTENDED] += 1
            kept = SettledSums({**known, **{day: marks[day] for day in days & settled}}, new)
            self.settled.keep(key, kept)
        elif kept is not None:
            self.settled.uses[Use.REUSED] += 1
        if kept is not None:
            tables.include(kept.tables)
        return number

    def _query(self, view: View, cells: Sequence[Cells]) -> Query:
        owners = self.plan.owners if view.family.by_owner and self.plan.owners is not None else (None,)
        # One row may be added to one bucket and subtracted from another.
        places = merged(dict.fromkeys(replace(each, sign=1, bucket=0) for each in cells))
        ranges = [each for owner in owners for each in key_ranges(self._prefix, view.family, places, owner)]
        among: list[BsonDocument] = [{"_id": {"$gte": least, "$lte": greatest}} for least, greatest in ranges]
        return {"$and": [among[0] if len(among) == 1 else {"$or": among}, self.plan.where.to_mongo()]}

    async def _read(
        self, query: Query, projection: Mapping[str, int], take: Callable[[Sequence[BsonDocument]], None]
    ) -> int:
        """Let `take` take the rows that match, many at a time; how many there are."""
        cursor = self.database.collection(ExecutionRollup).find(
            {"tenant_id": self.plan.tenant, **query},
            projection,
            session=self.session,
            hint="_id_",
            batch_size=_TURN,
            max_time_ms=self.timeout_ms,
        )
        number = 0
        async with cursor:
            while rows := await cursor.to_list(_TURN):
                take(rows)
                number += len(rows)
                # Others get their turn.
                await asyncio.sleep(0)
        return number

    @property
    def _prefix(self) -> bytes:
        return tenant_prefix(self.plan.tenant, self.generation)


def _projection(view: View) -> Mapping[str, int]:
    """What is read of a row: bins are most of it."""
    names = ["start", "quarters", "n", "status", *(each.value for each in view.groups)]
    if Measure.TOKENS in view.measures:
        names.append("tokens")
    found = {"_id": 0, **dict.fromkeys(names, 1)}
    if Measure.DURATION in view.measures:
        found |= {"duration": 1, "durations": 1}
    if Measure.COST in view.measures:
        found |= {"cost": 1, "costs": 1}
    return found
