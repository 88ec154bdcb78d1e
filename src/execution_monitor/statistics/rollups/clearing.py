"""Clearing: deletes rows that no longer count, some at a time."""

from typing import Any

from execution_monitor.statistics.rollups.keys import older_ranges
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import ExecutionRollup

_AT_ONCE = 1_000
_TIMEOUT_MS = 30_000


async def clear_older_rows(database: Database, tenant: str, generation: int) -> bool:
    """Delete rows of a tenant of generations before `generation`; whether there may be more."""
    ranges = [{"_id": {"$gte": least, "$lt": greatest}} for least, greatest in older_ranges(tenant, generation)]
    return await _clear(database, {"tenant_id": tenant, "$or": ranges}, {"_id": 1})


async def clear_empty_rows(database: Database) -> bool:
    """Delete rows of which nothing is left; whether there may be more."""
    return await _clear(database, {"n": 0}, {"n": 1})


async def _clear(database: Database, query: BsonDocument, hint: dict[str, int]) -> bool:
    rows = database.collection(ExecutionRollup)
    finding = rows.find(query, {"_id": 1, "tenant_id": 1}, limit=_AT_ONCE, hint=list(hint.items()))
    found: list[Any] = await await_reply(finding.to_list(), _TIMEOUT_MS)
    if found:
        tenants = list({each["tenant_id"] for each in found})
        # They still must be what they were when they were found.
        these = {"_id": {"$in": [each["_id"] for each in found]}, "tenant_id": {"$in": tenants}}
        await await_reply(rows.delete_many({"$and": [these, query]}), _TIMEOUT_MS)
    return len(found) == _AT_ONCE
