"""Positions: how far each consumer has come, stored where the next feeder finds it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
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
    """The position up to which `consumer` was handed everything; None before the first feeder has begun."""
    found = await await_reply(database.collection(FeedPosition).find_one({"_id": consumer}), _TIMEOUT_MS)
    return None if found is None else _position_of(found)


async def begin_position(
    database: Database, consumer: str, present: StreamPosition, term: int
) -> tuple[StreamPosition, bool]:
    """Have `consumer` begin at the `present`, unless another has stored a position meanwhile.

    Returns the position, and whether the consumer begins there: then everything before it counts as lost, of which it
    must be notified before `save_position`.
    """
    begun = {"position": present, "lost_until": present, "term": term}
    update = database.collection(FeedPosition).find_one_and_update(
        {"_id": consumer}, {"$setOnInsert": begun}, upsert=True, return_document=ReturnDocument.AFTER
    )
    stored: Any = await await_reply(update, _TIMEOUT_MS)
    return StreamPosition(stored["position"]), _position_of(stored) is None


def _position_of(stored: Mapping[str, Any]) -> StreamPosition | None:
    """The position; None where a feeder ended between `begin_position` and `save_position`."""
    return None if stored["position"] == stored.get("lost_until") else StreamPosition(stored["position"])


async def save_position(
    database: Database, consumer: str, position: StreamPosition, term: int, as_of: datetime | None
) -> None:
    """Store that `consumer` has everything up to `position`, and so what had happened `as_of` a time; None for now.

    Raises:
        Superseded: A later term has written.
    """
    changes = {"position": position, "term": term, "as_of": as_of or "$$NOW"}
    # Another term makes the upsert insert a second document of that `_id`, which fails.
    stages = [{"$set": changes}, {"$unset": "lost_until"}]
    update = database.collection(FeedPosition).update_one(
        {"_id": consumer, "term": {"$lte": term}}, stages, upsert=True
    )
    try:
        await await_reply(update, _TIMEOUT_MS)
    except DuplicateKeyError as error:
        raise Superseded(consumer) from error


async def begin_loss(database: Database, consumer: str, until: StreamPosition, term: int) -> StreamPosition:
    """Store that `consumer` loses everything from its position up to `until`; returns up to where.

    A feeder that ended before `save_position` has chosen that, and the consumer may have been notified already.

    Raises:
        Superseded: A later term has written.
    """
    changes = {"lost_until": {"$ifNull": ["$lost_until", until]}, "term": term}
    update = database.collection(FeedPosition).find_one_and_update(
        {"_id": consumer, "term": {"$lte": term}}, [{"$set": changes}], return_document=ReturnDocument.AFTER
    )
    stored: Any = await await_reply(update, _TIMEOUT_MS)
    if stored is None:
        raise Superseded(consumer)
    return StreamPosition(stored["lost_until"])


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
