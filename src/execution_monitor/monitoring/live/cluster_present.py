"""The cluster's present time, where subscriptions without a cursor begin: asked for once for all who begin at once."""

import asyncio
from typing import Any

import structlog
from bson import Timestamp
from pymongo import ReadPreference
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.monitoring.live.changes import Noun
from execution_monitor.monitoring.live.positions import Position, time_of
from execution_monitor.monitoring.live.watching import present

log = structlog.get_logger()

# Whoever subscribes waits at most twice as long: for the request that is under way, and for the next.
_ANSWER_SECONDS = 2.0


class ClusterPresent:
    """Asks MongoDB for its present, one request at a time."""

    def __init__(self, database: AsyncDatabase[Any]) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[Position | None] | None = None
        self._tasks: set[asyncio.Task[Position | None]] = set()

    async def ask(self) -> Position | None:
        """The position behind every change acknowledged before this call; None where MongoDB does not answer in time.

        Callers share an answer, but never one that was asked for before they called: it may miss a change they know of.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._ask_in_turn())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        # One caller that leaves must not take the answer from the others.
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask_in_turn(self) -> Position | None:
        async with self._turn:
            self._next = None
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    position = await present(self._database)
                    if await self._database.client.is_mongos:
                        await self._advance_shards(time_of(position))
            except (TimeoutError, PyMongoError) as error:
                log.warning("cluster_present_unknown", error=type(error).__name__)
                return None
            return position

    async def _advance_shards(self, time: Timestamp) -> None:
        """Have every shard that holds executions reach `time`.

        A shard with little to do may be within the same second but count lower, and what it is told to write after this
        would have happened before the present.
        """
        async with self._database.client.start_session(causal_consistency=True) as session:
            session.advance_operation_time(time)
            executions = self._database.get_collection(Noun.EXECUTION, read_preference=ReadPreference.PRIMARY)
            await executions.find_one({}, {"_id": 1}, session=session)
