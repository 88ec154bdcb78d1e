"""Revocations: store and read them; each is kept until the last token that it refuses has expired."""

from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import collection_of
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import Revocation


async def revoke(
    *,
    subject: str | None = None,
    tenant: str | None = None,
    token_id: str | None = None,
    keep: timedelta,
) -> datetime:
    """Refuse the tokens that were issued until now, and return the time of MongoDB at which that took effect.

    Args:
        subject: The user whose tokens are refused; None with a `token_id`.
        tenant: The tenant of the user; None for users of that name in every tenant.
        token_id: The one token to refuse, by its `jti`.
        keep: How long such tokens may live; the revocation is deleted afterwards.
    """
    target = {"tenant_id": tenant, "subject": subject, "token_id": token_id}
    milliseconds = int(keep.total_seconds() * 1000)
    # The clock of MongoDB, since many machines revoke and read. It is read when a command begins: of two at once, the
    # later to write may have the earlier time, which must not take back what the other refuses.
    change: list[BsonDocument] = [
        {"$set": {"revoked_at": {"$max": ["$revoked_at", "$$NOW"]}}},
        {"$set": {"expires_at": {"$max": ["$expires_at", {"$add": ["$revoked_at", milliseconds]}]}}},
    ]
    collection = collection_of(Revocation)
    try:
        await collection.update_one(target, change, upsert=True)
    except DuplicateKeyError:
        # Another process inserted the same one between our search and our insert; now there is one to update.
        await collection.update_one(target, change)
    stored: Any = await collection.find_one(target)
    return stored["revoked_at"]


async def read_revocations(database: Database, since: datetime | None = None) -> list[BsonDocument]:
    """Return all revocations, or those made at `since` or later."""
    where = {} if since is None else {"revoked_at": {"$gte": since}}
    return await database.collection(Revocation).find(where, {"_id": 0, "expires_at": 0}).to_list()
