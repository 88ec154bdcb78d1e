"""Access keys that tests authenticate with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.auth.access_keys import MadeAccessKey, NewAccessKey, make_key
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AccessKey


async def made_key(
    database: Database, user: str, *scopes: str, tenant: str = "acme", maker: str | None = None, **stored: Any
) -> MadeAccessKey:
    """A key of `user` of `tenant`, whatever its maker may do; `stored` fields replace those of the document."""
    wanted = NewAccessKey("nightly", scopes or ["executions:read"], expires_at=datetime.now(UTC) + timedelta(days=1))
    made = await make_key(database, wanted, tenant=tenant, user=user, maker=maker or user)
    if stored:
        await database.collection(AccessKey).update_one({"_id": made.row["_id"]}, {"$set": stored})
    return made


async def key_of(database: Database, user: str, *scopes: str, **others: Any) -> str:
    """As `made_key`: the text of the key."""
    return (await made_key(database, user, *scopes, **others)).text
