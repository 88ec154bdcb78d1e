"""Snapshots: aggregations of one instant, which together take no longer than a deadline.

The sessions of PyMongo choose the instant themselves; here it can be given, as a cluster time of the last minutes.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, ExecutionTimeout, PyMongoError, ServerSelectionTimeoutError

from execution_monitor.storage.deadlines import await_query
from execution_monitor.storage.filters import Query
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.rows import BsonDocument

_BATCH_SIZE = 1_000
# Small rows, which take 5 milliseconds to decode.
_SMALL_BATCH_SIZE = 5_000
_MILLISECONDS = 1_000


@dataclass
class Snapshot:
    """One instant of a collection, to be read until the `deadline`, a time of `time.monotonic`.

    Attributes:
        at: the cluster time of the instant; None until the first read chooses a present one.
    """

    collection: AsyncCollection[BsonDocument]
    session: AsyncClientSession
    deadline: float
    at: Timestamp | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, collection: AsyncCollection[BsonDocument], timeout_ms: float, at: Timestamp | None = None
    ) -> AsyncGenerator["Snapshot"]:
        """A snapshot of `collection`, all reads of which end within `timeout_ms`."""
        # A session that orders its reads would name a time of its own.
        async with collection.database.client.start_session(causal_consistency=False) as session:
            yield cls(collection, session, time.monotonic() + timeout_ms / _MILLISECONDS, at)

    def until(self, deadline: float) -> "Snapshot":
        """The same instant, with an earlier deadline."""
        return replace(self, deadline=min(self.deadline, deadline))

    @property
    def left_ms(self) -> int:
        """How many milliseconds are left for a query.

        Raises:
            ExecutionTimeout: None are.
        """
        left = int((self.deadline - time.monotonic()) * _MILLISECONDS)
        if left < 1:
            raise ExecutionTimeout("No time is left for this query.")
        return left

    @property
    def read_at(self) -> Timestamp:
        """The cluster time of the instant, once something was read."""
        if self.at is None:
            raise ValueError("Nothing was read yet.")
        return self.at

    async def aggregate(
        self, query: Query, pipeline: Sequence[Mapping[str, Any]], hint: IndexKey | str | None
    ) -> AsyncGenerator[BsonDocument]:
        """The rows that `pipeline` makes of the documents that match `query`, each decoded when its turn comes.

        The `hint` is the key or the name of an index. Nothing is written to disk.

        Raises:
            ExecutionTimeout: The deadline has passed.
            OperationFailure: `BAD_VALUE` where the index of `hint` is missing, and all else that MongoDB refuses.
            DatabaseUnavailable: MongoDB does not reply.
        """
        # A whole reply may take longer to decode than others may wait.
        batches = self._batches(query, pipeline, hint, _BATCH_SIZE, RawBSONDocument)
        async with contextlib.aclosing(batches):
            async for rows in batches:
                for row in rows:
                    decoded: BsonDocument = bson.decode(row.raw, self.collection.codec_options)  # pyright: ignore[reportUnknownMemberType] - an overload is open
                    yield decoded

    async def batches(
        self, query: Query, pipeline: Sequence[Mapping[str, Any]], hint: IndexKey | str | None
    ) -> AsyncGenerator[Sequence[BsonDocument]]:
        """As `aggregate`, for rows of a few short values: many at a time, which takes a third of the time."""
        batches = self._batches(query, pipeline, hint, _SMALL_BATCH_SIZE, dict)
        async with contextlib.aclosing(batches):
            async for rows in batches:
                yield rows

    async def _batches(
        self,
        query: Query,
        pipeline: Sequence[Mapping[str, Any]],
        hint: IndexKey | str | None,
        size: int,
        document_class: type[Any],
    ) -> AsyncGenerator[Sequence[Any]]:
        options: Any = self.collection.codec_options.with_options(document_class=document_class)
        command: BsonDocument = {
            "aggregate": self.collection.name,
            "pipeline": [{"$match": query}, *pipeline],
            "cursor": {"batchSize": size},
            "allowDiskUse": False,
            "maxTimeMS": self.left_ms,
            "readConcern": {"level": "snapshot"} | ({} if self.at is None else {"atClusterTime": self.at}),
        }
        if hint is not None:
            command["hint"] = hint if isinstance(hint, str) else dict(hint)
        cursor = (await self._send_again(command, query, options))["cursor"]
        if self.at is None:
            self.at = cursor["atClusterTime"]
        rows, number = cursor["firstBatch"], cursor["id"]
        try:
            while True:
                yield rows
                if not number:
                    return
                more = {"getMore": number, "collection": self.collection.name, "batchSize": size}
                cursor = (await self._send(more, query, options))["cursor"]
                rows, number = cursor["nextBatch"], cursor["id"]
        finally:
            if number:
                with contextlib.suppress(PyMongoError):
                    await self._run({"killCursors": self.collection.name, "cursors": [number]}, options)

    async def _send_again(self, command: BsonDocument, query: Query, options: Any) -> Mapping[str, Any]:
        """As the driver does with reads: once more where the connection breaks."""
        try:
            return await self._send(command, query, options)
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            if not self.collection.database.client.options.retry_reads:
                raise
            return await self._send(command, query, options)

    async def _send(self, command: BsonDocument, query: Query, options: Any) -> Mapping[str, Any]:
        return await await_query(self._run(command, options), self.collection, query, self.left_ms)

    async def _run(self, command: BsonDocument, options: Any) -> Mapping[str, Any]:
        return await self.collection.database.command(
            command, read_preference=self.collection.read_preference, codec_options=options, session=self.session
        )
