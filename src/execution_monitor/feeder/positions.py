"""Positions: how far each consumer has come, stored where the next feeder finds it."""

from datetime import datetime
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from execution_monitor.feeder.consumers import Superseded
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.server_documents import FeedPosition

_TIMEOUT_MS = 5_000


async def load_position(database: Database, consumer: str) -> StreamPosition | None:
    """The position up to which `consumer` was handed everything; None before the first feeder."""
    found = await await_reply(database.collection(FeedPosition).find_one({"_id": consumer}), _TIMEOUT_MS)
    return None if found is None else StreamPosition(found["position"])


async def save_position(
    database: Database, consumer: str, position: StreamPosition, term: int, as_of: datetime | None
) -> None:
    """Store that `consumer` has everything up to `position`, and so what had happened `as_of` a time; None for now.

    Raises:
        Superseded: A later term has written.
    """
    changes = {"position": position, "term": term, "as_of": as_of or "$$NOW"}
    # Another term makes the upsert insert a second document of that `_id`, which fails.
    update = database.collection(FeedPosition).update_one(
        {"_id": consumer, "term": {"$lte": term}}, [{"$set": changes}], upsert=True
    )
    try:
        await await_reply(update, _TIMEOUT_MS)
    except DuplicateKeyError as error:
        raise Superseded(consumer) from error


async def save_tenant_position(
    tenants: AsyncCollection[Any],
    tenant: str,
    position: StreamPosition,
    term: int,
    session: AsyncClientSession | None = None,
) -> None:
    """Store in the document of `tenant` that a consumer has taken its changes up to `position`.

    Raises:
        Superseded: A later term has written.
    """
    # A tenant that is new has no term.
    query = {"_id": tenant, "term": {"$not": {"$gt": term}}}
    update = tenants.update_one(query, {"$max": {"position": position}, "$set": {"term": term}}, session=session)
    done = await await_reply(update, _TIMEOUT_MS)
    if not done.matched_count:
        raise Superseded(tenant)
