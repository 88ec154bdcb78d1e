"""Deadlines of commands: give up on a MongoDB, or on one of its shards, that does not reply.

MongoDB stops a query at its own time limit (`maxTimeMS`), but only where it runs: where packets are dropped, nothing
arrives to say so. And `mongos` waits for a shard that is down until the limit, as if the query were slow.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout, OperationFailure
from pymongo.topology_description import TOPOLOGY_TYPE

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.filters import Query
from execution_monitor.storage.mongodb_errors import NO_REPLY, SHARD_DOWN, is_unavailable
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import TimeLimit

T = TypeVar("T")

# When MongoDB stops a query at its limit, its reply is still on the way.
_GRACE_SECONDS = 1.0
# Nearly all replies arrive sooner, and cost no probe.
_PROBE_AFTER_SECONDS = 0.4
# A shard that runs finds a row at once.
_PROBE_MS = 1_000

# A load balancer stands before `mongos`.
_ROUTED = frozenset({TOPOLOGY_TYPE.Sharded, TOPOLOGY_TYPE.LoadBalanced})


async def await_reply(reply: Awaitable[T], timeout_ms: int) -> T:
    """Return the `reply` to a command that MongoDB itself ends after `timeout_ms`.

    Raises:
        DatabaseUnavailable: No reply came within that time and a second.
    """
    try:
        async with TimeLimit(timeout_ms / 1_000 + _GRACE_SECONDS):
            return await reply
    except TimeoutError as error:
        raise DatabaseUnavailable(NO_REPLY) from error


async def await_query(
    reply: Coroutine[Any, Any, T], collection: AsyncCollection[BsonDocument], query: Query, timeout_ms: int
) -> T:
    """Return the `reply` to `query`, which `mongos` sends to the shards that hold what matches.

    Where it takes long, a small query goes to the same shards: one that is down does not reply to that, either.

    Raises:
        DatabaseUnavailable: No reply came in time, or a shard is down.
    """
    if not is_sharded(collection.database.client):
        return await await_reply(reply, timeout_ms)
    waiting = asyncio.ensure_future(await_reply(reply, timeout_ms))
    try:
        done, _ = await asyncio.wait({waiting}, timeout=_PROBE_AFTER_SECONDS)
        if not done:
            await require_shards(collection, {name: query[name] for name in query.keys() & {"tenant_id"}})
        return await waiting
    finally:
        if not waiting.done():
            waiting.cancel()
            await asyncio.wait({waiting})


def is_sharded(client: AsyncMongoClient[Any]) -> bool:
    """Whether a reply may combine those of several servers."""
    return client.topology_description.topology_type in _ROUTED


async def require_shards(collection: AsyncCollection[BsonDocument], query: Query) -> None:
    """Raise `DatabaseUnavailable` unless each shard that holds what matches `query` replies."""
    find = {"find": collection.name, "filter": query, "projection": {"_id": 1}, "limit": 1, "maxTimeMS": _PROBE_MS}
    try:
        await await_reply(collection.database.command(find), _PROBE_MS)
    except ExecutionTimeout as error:
        raise DatabaseUnavailable(SHARD_DOWN) from error
    except OperationFailure as error:
        if is_unavailable(error):
            raise DatabaseUnavailable(SHARD_DOWN) from error
