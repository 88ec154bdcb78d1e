"""States: how far the rows of a tenant have come, written in one transaction with what they change by.

A transaction has taken place if the state says so, and requires the state that it began with. So each change is in the
rows exactly once, whoever is killed, and whoever else believes to be the feeder.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from bson import Int64
from pymongo import InsertOne, UpdateOne, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from execution_monitor.feeder.consumers import Superseded
from execution_monitor.feeder.sessions import TransactionSessions
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.statistics.rollups.changes import RowChanges
from execution_monitor.statistics.rollups.keys import tenant_key
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import ExecutionRollup
from execution_monitor.turns import Turns

# Changes with each change of what a row means, or of where it is: rows of another one are built anew.
VERSION = 2
# What `built_from` is while nothing is built, and once everything is.
NOTHING_BUILT, ALL_BUILT = 2**62, -(2**62)

_DUPLICATE_KEY = 11_000
_TIMEOUT_MS = 5_000
# MongoDB ends a transaction after a minute.
_TRANSACTION_MS = 60_000


class Conflict(Exception):
    """The state is no longer what it was when the changes were made of it."""


@dataclass(frozen=True, slots=True)
class TenantState:
    """How far the rows of a tenant have come.

    Attributes:
        position: every change up to here is in the rows.
        generation: of the rows that count.
        built_from: executions created since then, in milliseconds since 1970, are in the rows.
        executions: how many are.
        term: of the feeder that wrote it.
        version: of what its rows mean.
        mark: of the last write; see `marks`.
    """

    tenant: str
    position: StreamPosition
    generation: int = 1
    built_from: int = NOTHING_BUILT
    executions: int = 0
    term: int = 0
    version: int = VERSION
    mark: int = 0

    @property
    def is_built(self) -> bool:
        """Whether all executions are in the rows."""
        return self.built_from == ALL_BUILT

    @classmethod
    def of(cls, found: BsonDocument) -> "TenantState":
        """The state that is stored as `found`."""
        return cls(
            found["tenant_id"],
            StreamPosition(found["position"]),
            # As they are stored they are of a class of their own, which times are not made of.
            *(int(found[name]) for name in ("generation", "built_from", "executions", "term", "version")),
            # States of the first version have none.
            mark=int(found.get("mark", 0)),
        )

    def stored(self) -> BsonDocument:
        """What is stored, but the tenant."""
        return {
            "position": self.position,
            "generation": self.generation,
            "built_from": Int64(self.built_from),
            "executions": Int64(self.executions),
            "term": Int64(self.term),
            "version": self.version,
            "mark": Int64(self.mark),
        }


@dataclass(frozen=True, slots=True)
class States:
    """The states of all tenants; those who write them have `sessions`."""

    database: Database
    sessions: TransactionSessions | None = None

    async def find(self, tenant: str, session: AsyncClientSession | None = None) -> TenantState | None:
        """The state of a tenant; None where it has none yet."""
        query = {"_id": tenant_key(tenant), "tenant_id": tenant}
        found = await await_reply(self._collection.find_one(query, session=session), _TIMEOUT_MS)
        return None if found is None else TenantState.of(found)

    async def all(self) -> AsyncGenerator[TenantState]:
        """The states of all tenants."""
        async with self._collection.find({"position": {"$exists": True}}) as cursor:
            async for found in cursor:
                yield TenantState.of(found)

    async def write(self, before: TenantState | None, after: TenantState, changes: RowChanges | None = None) -> None:
        """Replace the state `before`, and change the rows with the mark of `after`, in one transaction.

        Of what `after` has built and `before` had not, no row is there.

        Raises:
            Conflict: The state was not `before`.
            Superseded: A later term has written it.
            PyMongoError, DatabaseUnavailable: It may have been written or not.
        """
        required: BsonDocument = {"term": -1}
        if before is not None:
            required = {**before.stored(), "term": {"$lte": after.term}, "mark": {"$in": [before.mark, None]}}
        where = {"_id": tenant_key(after.tenant), "tenant_id": after.tenant, **required}
        # Where the state is another one, this would be its second of that `_id`, and fails.
        change = UpdateOne(where, {"$set": after.stored()}, upsert=True)
        operations: list[UpdateOne | InsertOne[BsonDocument]] = [change]
        if changes is not None:
            new = range(after.built_from, after.built_from if before is None else before.built_from)
            turns = Turns()
            for operation in changes.operations(after.mark, new):
                operations.append(operation)
                await turns.give_way()

        async def work(session: AsyncClientSession) -> None:
            # In no order: MongoDB then takes all at once.
            await self._collection.bulk_write(operations, ordered=False, session=session)

        try:
            async with (self.sessions or TransactionSessions(self.database, "rollups")).one() as session:
                transaction = session.with_transaction(
                    work,
                    read_concern=ReadConcern("local"),
                    write_concern=WriteConcern("majority"),
                    max_commit_time_ms=_TRANSACTION_MS,
                )
                await await_reply(transaction, _TRANSACTION_MS)
        except BulkWriteError as error:
            if not _is_conflict(error):
                raise
            found = await self.find(after.tenant)
            if found is not None and found.term > after.term:
                raise Superseded(after.tenant) from error
            raise Conflict(after.tenant) from error

    async def mark_lost(self, position: StreamPosition, term: int) -> None:
        """Let no row count that is there: all are built anew from `position` on."""
        lost = {
            "generation": {"$add": ["$generation", 1]},
            "built_from": Int64(NOTHING_BUILT),
            "executions": Int64(0),
            "position": position,
            "term": Int64(term),
        }
        query = {"position": {"$exists": True}, "term": {"$lte": term}, "built_from": {"$ne": NOTHING_BUILT}}
        await self._collection.update_many(query, [{"$set": lost}])

    @property
    def _collection(self) -> Any:
        return self.database.collection(ExecutionRollup)


def _is_conflict(error: BulkWriteError) -> bool:
    errors: list[dict[str, Any]] = (error.details or {}).get("writeErrors", [])
    return any(each["code"] == _DUPLICATE_KEY for each in errors)
