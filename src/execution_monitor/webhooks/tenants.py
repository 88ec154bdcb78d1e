"""Tenants of webhooks: the revision by which the feeder knows that it must read a tenant's webhooks again.

A batch of the feeder holds changes that a majority has. So whatever was committed before them, it sees: each change of
webhooks and its revision are one transaction, and a change of an execution that follows is judged by the new webhooks.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from bson import Timestamp
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from execution_monitor.feeder.registry import ALL_TENANTS
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.server_documents import FeedPosition
from execution_monitor.storage.webhook_documents import Webhook, WebhookTenant

T = TypeVar("T")

# What the position of enqueueing is stored as.
CONSUMER = "webhooks"
_TIMEOUT_MS = 10_000


async def in_revision(database: Database, tenant: str, work: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
    """Do `work` in one transaction with the next revision of `tenant`; it may be done again and must write alone.

    Raises:
        PyMongoError, DatabaseUnavailable: MongoDB did not do it.
    """

    async def write(session: AsyncClientSession) -> T:
        await _count(database, tenant, session)
        return await work(session)

    async with database.client.start_session() as session:
        running = session.with_transaction(
            write, read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority")
        )
        return await await_reply(running, _TIMEOUT_MS)


async def _count(database: Database, tenant: str, session: AsyncClientSession) -> None:
    tenants, more = database.collection(WebhookTenant), {"$inc": {"revision": 1}}
    done = await tenants.update_one({"_id": tenant}, more, upsert=True, session=session)
    if done.upserted_id is None:
        return
    await tenants.update_one({"_id": ALL_TENANTS}, more, upsert=True, session=session)
    # No feeder may have run yet: the first one begins here, and not at the present that it finds.
    begin = {"position": position_after(session.operation_time or Timestamp(0, 1)), "term": 0}
    positions = database.collection(FeedPosition)
    await positions.update_one({"_id": CONSUMER}, {"$setOnInsert": begin}, upsert=True, session=session)


async def change_webhooks(database: Database, tenant: str, query: Mapping[str, Any], change: Mapping[str, Any]) -> int:
    """Change the webhooks of `tenant` that match, by a `$set` of expressions; returns how many."""

    async def update(session: AsyncClientSession) -> int:
        webhooks = database.collection(Webhook)
        stage = {"$set": {**change, "revision": {"$add": ["$revision", 1]}}}
        done = await webhooks.update_many({**query, "tenant_id": tenant}, [stage], session=session)
        return done.modified_count

    return await in_revision(database, tenant, update)
