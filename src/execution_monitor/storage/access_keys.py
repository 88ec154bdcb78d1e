"""Access keys: store, find, revoke them and record their use. By the clock of MongoDB, since many servers do so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId

from execution_monitor.storage.database import Database
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import AccessKey


async def insert_access_key(database: Database, key_id: ObjectId, fields: Mapping[str, Any]) -> BsonDocument:
    """Store a key made now, and return it as stored."""
    keys = database.collection(AccessKey)
    change = {"$setOnInsert": dict(fields), "$currentDate": {"created": True}}
    await keys.update_one({"_id": key_id}, change, upsert=True)
    stored = await find_access_key(database, key_id)
    if stored is None:
        raise RuntimeError("a key that was stored is gone")
    return stored


async def find_access_key(database: Database, key_id: ObjectId) -> BsonDocument | None:
    """The stored key with this id; None when there is none."""
    return await database.collection(AccessKey).find_one({"_id": key_id})


async def find_active_keys(
    database: Database, *, user: str | None = None, tenant: str | None = None
) -> Sequence[BsonDocument]:
    """The ids and expiry times of keys that are not revoked, made by or for `user`, in `tenant` or in all (None)."""
    where: BsonDocument = {"$or": [{"user_id": user}, {"made_by": user}], "revoked_at": None}
    if tenant is not None:
        where["tenant_id"] = tenant
    return await database.collection(AccessKey).find(where, {"expires_at": 1}).to_list()


async def revoke_access_keys(database: Database, key_ids: Sequence[ObjectId]) -> None:
    """Mark keys as revoked now; those that are revoked already keep their time."""
    where = {"_id": {"$in": list(key_ids)}, "revoked_at": None}
    await database.collection(AccessKey).update_many(where, {"$currentDate": {"revoked_at": True}})


async def delete_access_key(database: Database, key_id: ObjectId) -> None:
    """Delete a key that nobody has been given."""
    await database.collection(AccessKey).delete_one({"_id": key_id})


async def record_use(database: Database, key_id: ObjectId, unless_since: datetime) -> None:
    """Record that a key was used now, unless a use at `unless_since` or later is recorded."""
    where = {"_id": key_id, "last_used_at": {"$not": {"$gte": unless_since}}}
    await database.collection(AccessKey).update_one(where, {"$currentDate": {"last_used_at": True}})


async def find_access_keys(database: Database, user: str | None, tenant: str | None) -> Sequence[BsonDocument]:
    """All stored keys, those for `user` and in `tenant` where these are given, newest first."""
    where = {name: value for name, value in (("user_id", user), ("tenant_id", tenant)) if value is not None}
    return await database.collection(AccessKey).find(where).sort("created", -1).to_list()
