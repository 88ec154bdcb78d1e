"""The cluster's present, where a subscription without a cursor begins: one request for all that begin at once."""

import asyncio
import time
from typing import Any

import structlog
from bson import Timestamp
from pymongo import ReadPreference
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.changes import WatchedCollection
from execution_monitor.live.lag import StreamProgress
from execution_monitor.live.resume_tokens import StreamPosition, time_of
from execution_monitor.tasks import TimeLimit, end_tasks

log = structlog.get_logger()

# A client that subscribes waits at most twice as long: for the request that is under way, and for the next.
_ANSWER_SECONDS = 2.0
# A stream that had nothing left to read so recently, and gets to the present so soon, keeps up.
_RECENT_SECONDS = 0.5
_CATCH_UP_SECONDS = 0.1
_LOOK_SECONDS = 0.005


class ClusterClock:
    """Reads the cluster's present, one request at a time, and compares it with where the stream is."""

    def __init__(self, database: AsyncDatabase[Any], stream: StreamProgress) -> None:
        self._database = database
        self._stream = stream
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[StreamPosition | None] | None = None
        self._tasks: set[asyncio.Task[StreamPosition | None]] = set()

    async def ahead_of_stream(self) -> StreamPosition | None:
        """The position after every change acknowledged before this call, if the stream has yet to read some of them.

        None if the stream keeps up: then its own position is as good, and includes changes made during the request.
        None also if MongoDB does not answer in time. Callers share a reply, but never that of a request sent before
        they called: it may miss a change that they know of.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._request_in_turn())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        # One caller that is cancelled must not take the reply from the others.
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End all requests."""
        await end_tasks(*self._tasks)

    async def _request_in_turn(self) -> StreamPosition | None:
        async with self._turn:
            self._next = None
            keeps_up = time.monotonic() - self._stream.progressed_at < _RECENT_SECONDS
            try:
                async with TimeLimit(_ANSWER_SECONDS):
                    position = await current_position(self._database)
                    if keeps_up and await self._is_reached(time_of(position)):
                        return None
                    if await self._database.client.is_mongos:
                        await self._advance_shards(time_of(position))
            except (TimeoutError, PyMongoError) as error:
                log.warning("cluster_present_unknown", error=type(error).__name__)
                return None
            return position

    async def _is_reached(self, cluster_time: Timestamp) -> bool:
        """Whether the stream reaches `cluster_time` in a moment."""
        ends = time.monotonic() + _CATCH_UP_SECONDS
        while True:
            position = self._stream.position
            if position is not None and time_of(position) >= cluster_time:
                return True
            if time.monotonic() > ends:
                return False
            await asyncio.sleep(_LOOK_SECONDS)

    async def _advance_shards(self, cluster_time: Timestamp) -> None:
        """Have every shard that holds executions reach `cluster_time`.

        A shard with little to do may be in the same second but count lower, and what it writes after this would have
        happened before the present.
        """
        async with self._database.client.start_session(causal_consistency=True) as session:
            session.advance_operation_time(cluster_time)
            executions = self._database.get_collection(
                WatchedCollection.EXECUTIONS, read_preference=ReadPreference.PRIMARY
            )
            await executions.find_one({}, {"_id": 1}, session=session)
