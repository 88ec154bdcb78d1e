"""Building: the rows of executions that were stored before their changes were followed, piece by piece.

A piece is what was created within some time, from the newest on, and is read at the cluster time up to which all
changes are in the rows. From then on its changes count, and those of what is not built yet do not: so no snapshot must
last for as long as it takes, nothing is counted twice, and whoever is killed goes on with the next piece.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from bson import DatetimeMS
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.live.resume_tokens import StreamPosition, is_after_all, time_of
from execution_monitor.statistics.rollups.changes import FIELDS, RowChanges, is_in_rows
from execution_monitor.statistics.rollups.families import QUARTER_MS
from execution_monitor.statistics.rollups.marks import next_mark
from execution_monitor.statistics.rollups.states import ALL_BUILT, NOTHING_BUILT, States, TenantState
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.reader import read_at
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.turns import Turns

# Executions of a piece: its transaction takes about a second.
_PIECE = 2_000
_FIRST_WIDTH_MS = 24 * 4 * QUARTER_MS
_WIDEN = 4
_TIMEOUT_MS = 30_000
_BY_TIME: IndexKey = {"tenant_id": 1, CREATED: 1, "_id": 1}


@dataclass(slots=True)
class Building:
    """Builds the rows of one tenant; remembers how wide its pieces are."""

    database: Database
    states: States
    _width: int = field(default=_FIRST_WIDTH_MS, init=False)

    async def build_piece(self, state: TenantState, position: StreamPosition, term: int) -> TenantState:
        """Build one piece of the rows of a tenant, all of whose changes up to `position` were taken.

        Returns the new state: that before where `position` lies within the changes of one time, since no snapshot has
        a part of them.

        Raises:
            Conflict, Superseded: As `States.write`.
        """
        position = max(position, state.position)
        if not is_after_all(position):
            return state
        changes = RowChanges(state.tenant, state.generation)
        async with self.database.client.start_session(snapshot=True) as session:
            read_at(session, time_of(position))
            reading = _Piece(self.database, session, state.tenant, state.built_from)
            start, self._width = await reading.choose_start(self._width)
            await reading.add_to(changes, start)
        executions = state.executions + changes.executions
        mark = next_mark(state.mark, position)
        after = replace(state, position=position, built_from=start, executions=executions, term=term, mark=mark)
        await self.states.write(state, after, changes)
        return after


@dataclass(frozen=True, slots=True)
class _Piece:
    """The executions of a tenant that were created before `end`, and from some start on, read in one snapshot."""

    database: Database
    session: AsyncClientSession
    tenant: str
    end: int

    async def choose_start(self, width: int) -> tuple[int, int]:
        """Where a piece of the right size begins, as one of `width` milliseconds may be; and its width."""
        if await self._count(ALL_BUILT) <= _PIECE:
            return ALL_BUILT, width
        narrow, wide = 0, None
        while True:
            width = min(width, self.end - ALL_BUILT)
            count = await self._count(self.end - width)
            if count > _PIECE:
                wide = width
            elif count >= _PIECE // _WIDEN:
                break
            else:
                narrow = width
            if wide is not None and wide - narrow <= 1:
                # Nearly all were created within one millisecond, which cannot be divided.
                width = max(1, narrow)
                break
            width = width * _WIDEN if wide is None else (narrow + wide) // 2
        return self.end - width, width

    async def add_to(self, changes: RowChanges, start: int) -> None:
        """Add the executions from `start` on."""
        cursor = self._executions.find(
            self._query(start),
            dict.fromkeys(FIELDS, 1),
            session=self.session,
            hint=list(_BY_TIME.items()),
            max_time_ms=_TIMEOUT_MS,
        )
        turns = Turns()
        async with cursor:
            async for document in cursor:
                if is_in_rows(document):
                    changes.add(document)
                await turns.give_way()

    async def _count(self, start: int) -> int:
        """How many there are from `start` on, up to one more than belong into a piece."""
        counting = self._executions.count_documents(
            self._query(start),
            session=self.session,
            limit=_PIECE + 1,
            hint=list(_BY_TIME.items()),
            maxTimeMS=_TIMEOUT_MS,
        )
        return await await_reply(counting, _TIMEOUT_MS)

    def _query(self, start: int) -> BsonDocument:
        # Times beyond these count as these.
        created: BsonDocument = {"$type": "date"}
        if start > ALL_BUILT:
            created["$gte"] = DatetimeMS(start)
        if self.end < NOTHING_BUILT:
            created["$lt"] = DatetimeMS(self.end)
        return {"tenant_id": self.tenant, CREATED: created}

    @property
    def _executions(self) -> AsyncCollection[BsonDocument]:
        return self.database.collection(Execution)


async def tenants_of(database: Database) -> AsyncGenerator[str]:
    """The tenants of all executions; MongoDB jumps from one to the next in an index."""
    executions = database.collection(Execution)
    pipeline = [{"$sort": {"tenant_id": 1}}, {"$group": {"_id": "$tenant_id"}}]
    async with await executions.aggregate(pipeline, hint=dict(_BY_TIME), maxTimeMS=_TIMEOUT_MS) as cursor:
        async for found in cursor:
            # No one is a tenant that is no text.
            if isinstance(found["_id"], str):
                yield found["_id"]
