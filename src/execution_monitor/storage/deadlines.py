"""Waiting for MongoDB's answer, and no longer than is worth while: nobody waits for a server that has gone.

MongoDB stops a query at its own time limit, if it runs. Where packets are dropped nothing says that it does not; and
`mongos` waits for a shard that is down until the limit, as if the query were slow.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError
from pymongo.topology_description import TOPOLOGY_TYPE

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.filters import Query
from execution_monitor.tasks import TimeLimit

T = TypeVar("T")

# For a query that MongoDB stopped at its limit, the answer is on its way.
_GRACE_SECONDS = 1.0
# Nearly all answers are there by then, and need not be doubted.
_DOUBT_SECONDS = 0.4
# A shard that runs finds a row at once.
_PROBE_MS = 1_000

# Behind a balancer as behind `mongos` itself.
_ROUTED = frozenset({TOPOLOGY_TYPE.Sharded, TOPOLOGY_TYPE.LoadBalanced})

SILENT = "MongoDB does not answer; check that it runs and that the network to it lets packets through."
SHARD_DOWN = "A shard of MongoDB does not answer; what it keeps cannot be shown until it is back."

# What a server says that cannot reach another, is about to stop, or is no longer the one to ask.
_UNAVAILABLE_CODES = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        70,  # ShardNotFound
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        133,  # FailedToSatisfyReadPreference
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        262,  # ExceededTimeLimit, of the wait for a server
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)


def is_unavailable(error: PyMongoError) -> bool:
    """Whether a server told that another does not answer, or that it will not itself."""
    return isinstance(error, OperationFailure) and error.code in _UNAVAILABLE_CODES


async def await_reply(answer: Awaitable[T], timeout_ms: int) -> T:
    """`answer`, which MongoDB itself ends after `timeout_ms`; raises `DatabaseUnavailable` when that does not come."""
    try:
        async with TimeLimit(timeout_ms / 1_000 + _GRACE_SECONDS):
            return await answer
    except TimeoutError as error:
        raise DatabaseUnavailable(SILENT) from error


async def answered(
    answer: Coroutine[Any, Any, T], collection: AsyncCollection[dict[str, Any]], query: Query, timeout_ms: int
) -> T:
    """As `await_reply`; it belongs to `query`, which `mongos` sends to the shards that have what matches.

    Where it takes long, they are asked for something easy: a shard that is down does not answer that, either.
    """
    if not is_sharded(collection.database.client):
        return await await_reply(answer, timeout_ms)
    waiting = asyncio.ensure_future(await_reply(answer, timeout_ms))
    try:
        done, _ = await asyncio.wait({waiting}, timeout=_DOUBT_SECONDS)
        if not done:
            await require_shards(collection, {name: query[name] for name in query.keys() & {"tenant_id"}})
        return await waiting
    finally:
        if not waiting.done():
            waiting.cancel()
            await asyncio.wait({waiting})


def is_sharded(client: AsyncMongoClient[Any]) -> bool:
    """Whether answers may be put together from those of several servers."""
    return client.topology_description.topology_type in _ROUTED


async def require_shards(collection: AsyncCollection[dict[str, Any]], query: Query) -> None:
    """Raise `DatabaseUnavailable` unless each shard that has what matches `query` answers."""
    find = {"find": collection.name, "filter": query, "projection": {"_id": 1}, "limit": 1, "maxTimeMS": _PROBE_MS}
    try:
        await await_reply(collection.database.command(find), _PROBE_MS)
    except ExecutionTimeout as error:
        raise DatabaseUnavailable(SHARD_DOWN) from error
    except OperationFailure as error:
        if is_unavailable(error):
            raise DatabaseUnavailable(SHARD_DOWN) from error
