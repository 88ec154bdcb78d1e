"""Tenants of webhooks: the revision by which the feeder knows that it must read a tenant's webhooks again.

A batch of the feeder holds changes that a majority has. So whatever was committed before them, it sees: each change of
webhooks and its revision are one transaction, and a change of an execution that follows is judged by the new webhooks.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.webhook_documents import Webhook, WebhookTenant

T = TypeVar("T")

_TIMEOUT_MS = 10_000


async def in_revision(database: Database, tenant: str, work: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
    """Do `work` in one transaction with the next revision of `tenant`; it may be done again and must write alone.

    Raises:
        PyMongoError, DatabaseUnavailable: MongoDB did not do it.
    """

    async def write(session: AsyncClientSession) -> T:
        tenants = database.collection(WebhookTenant)
        await tenants.update_one({"_id": tenant}, {"$inc": {"revision": 1}}, upsert=True, session=session)
        return await work(session)

    async with database.client.start_session() as session:
        running = session.with_transaction(
            write, read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority")
        )
        return await await_reply(running, _TIMEOUT_MS)


async def change_webhooks(database: Database, tenant: str, query: Mapping[str, Any], change: Mapping[str, Any]) -> int:
    """Change the webhooks of `tenant` that match, by a `$set` of expressions; returns how many."""

    async def update(session: AsyncClientSession) -> int:
        webhooks = database.collection(Webhook)
        stage = {"$set": {**change, "revision": {"$add": ["$revision", 1]}}}
        done = await webhooks.update_many({**query, "tenant_id": tenant}, [stage], session=session)
        return done.modified_count

    return await in_revision(database, tenant, update)
