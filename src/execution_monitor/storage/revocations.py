"""Revocations in the database: made there, and read from there, until the last token they refuse has expired."""

from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.database import Database, Row
from execution_monitor.storage.own_documents import Revocation


async def revoke(
    *,
    subject: str | None = None,
    tenant: str | None = None,
    token_id: str | None = None,
    keep: timedelta,
) -> datetime:
    """Refuse what was issued until now; kept for as long as such tokens may live. The database's time of it."""
    whom = {"tenant_id": tenant, "subject": subject, "token_id": token_id}
    milliseconds = int(keep.total_seconds() * 1000)
    # The clock of the database, since many machines revoke and read.
    change: list[Row] = [{"$set": {"revoked_at": "$$NOW", "expires_at": {"$add": ["$$NOW", milliseconds]}}}]
    collection = collection_of(Revocation)
    try:
        await collection.update_one(whom, change, upsert=True)
    except DuplicateKeyError:
        # Somebody else inserted the same between our look and our insert; now there is something to update.
        await collection.update_one(whom, change)
    kept: Any = await collection.find_one(whom)
    return kept["revoked_at"]


async def read_revocations(database: Database, since: datetime | None = None) -> list[Row]:
    """All revocations, or those that were made from `since` on."""
    where = {} if since is None else {"revoked_at": {"$gte": since}}
    return await database.collection(Revocation).find(where, {"_id": 0, "expires_at": 0}).to_list()
