"""What users own and the server acts on for them, by tenant: webhooks, and with other documents rules of alerts.

Each tenant has a revision, by which the feeder knows that it must read what the tenant owns again. A batch of the
feeder holds changes that a majority has. So whatever was committed before them, it sees: each change of what is owned
and its revision are one transaction, and a change of an execution that follows is judged by what is owned then.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from beanie import Document
from bson import ObjectId, Timestamp
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from execution_monitor.feeder.registry import ALL_TENANTS
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import Row
from execution_monitor.storage.server_documents import FeedPosition
from execution_monitor.storage.webhook_documents import Webhook, WebhookState, WebhookTenant

T = TypeVar("T")

# What the position of enqueueing is stored as.
CONSUMER = "webhooks"
_TIMEOUT_MS = 10_000


async def _leave(database: Database, tenant: str, session: AsyncClientSession) -> None:
    """Nothing else changes."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Documents that users own. Every method raises `PyMongoError` or `DatabaseUnavailable` where MongoDB fails.

    Attributes:
        document: what is owned; it has `tenant_id`, `user_id`, `revision`, `state_reason`, and the fields of `Rights`.
        tenants: where the revisions of tenants are.
        consumer: what the position of the consumer of the feeder is stored as.
        enabled: the fields of those that the server acts on.
        paused: what these fields become when one is paused.
        settle: changes what follows from a change, in the same transaction.
    """

    document: type[Document]
    tenants: type[Document]
    consumer: str
    enabled: Mapping[str, Any]
    paused: Mapping[str, Any]
    settle: Callable[[Database, str, AsyncClientSession], Awaitable[None]] = _leave

    def is_enabled(self, row: Row) -> bool:
        """Whether the server acts on the document `row`."""
        return all(row.get(name) == value for name, value in self.enabled.items())

    async def in_revision(
        self, database: Database, tenant: str, work: Callable[[AsyncClientSession], Awaitable[T]]
    ) -> T:
        """Do `work`, which may be done again and must write alone, with the next revision of `tenant`, atomically."""

        async def write(session: AsyncClientSession) -> T:
            await self._count(database, tenant, session)
            done = await work(session)
            await self.settle(database, tenant, session)
            return done

        async with database.client.start_session() as session:
            running = session.with_transaction(
                write, read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority")
            )
            return await await_reply(running, _TIMEOUT_MS)

    async def insert(
        self,
        database: Database,
        tenant: str,
        document_id: ObjectId,
        fields: Mapping[str, Any],
        times: Mapping[str, str],
    ) -> None:
        """Store a new document of `tenant` with `fields`, and `times` of MongoDB, such as `$$NOW`."""
        # By an update, in which these stand for values.
        making = [{"$replaceWith": {"$mergeObjects": ["$$ROOT", {"$literal": fields}, times]}}]

        async def upsert(session: AsyncClientSession) -> None:
            rows = database.collection(self.document)
            await rows.update_one({"_id": document_id}, making, upsert=True, session=session)

        await self.in_revision(database, tenant, upsert)

    async def change(self, database: Database, tenant: str, query: Mapping[str, Any], change: Mapping[str, Any]) -> int:
        """Change the documents of `tenant` that match, by a `$set` of expressions; returns how many."""

        async def update(session: AsyncClientSession) -> int:
            stage = {"$set": {**change, "revision": {"$add": ["$revision", 1]}}}
            query_of_tenant = {**query, "tenant_id": tenant}
            done = await database.collection(self.document).update_many(query_of_tenant, [stage], session=session)
            return done.modified_count

        return await self.in_revision(database, tenant, update)

    async def pause(self, database: Database, query: Mapping[str, Any], reason: str) -> int:
        """Pause those that are enabled and match, of whichever tenants; returns how many."""
        wanted = {**query, **self.enabled}
        # `distinct` knows no time of MongoDB.
        grouping = await database.collection(self.document).aggregate(
            [{"$match": wanted}, {"$group": {"_id": "$tenant_id"}}]
        )
        tenants = [str(row["_id"]) for row in await await_reply(grouping.to_list(), _TIMEOUT_MS)]
        change = {**self.paused, "state_reason": {"$literal": reason}, "updated": "$$NOW"}
        return sum([await self.change(database, tenant, wanted, change) for tenant in tenants])

    async def _count(self, database: Database, tenant: str, session: AsyncClientSession) -> None:
        tenants, more = database.collection(self.tenants), {"$inc": {"revision": 1}}
        done = await tenants.update_one({"_id": tenant}, more, upsert=True, session=session)
        if done.upserted_id is None:
            return
        await tenants.update_one({"_id": ALL_TENANTS}, more, upsert=True, session=session)
        # No feeder may have run yet: the first one begins here, and not at the present that it finds.
        begin = {"position": position_after(session.operation_time or Timestamp(0, 1)), "term": 0}
        positions = database.collection(FeedPosition)
        await positions.update_one({"_id": self.consumer}, {"$setOnInsert": begin}, upsert=True, session=session)


WEBHOOKS = Owned(
    Webhook,
    WebhookTenant,
    CONSUMER,
    enabled={"state": WebhookState.ENABLED.value},
    paused={"state": WebhookState.PAUSED.value},
)
