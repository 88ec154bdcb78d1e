"""One watch over the monitored collections: how it is opened, what it yields, and which errors end a history."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.change_stream import AsyncDatabaseChangeStream
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, ConnectionFailure, OperationFailure, PyMongoError

from execution_monitor.live.batch_size import FIRST_BATCH, BatchSize
from execution_monitor.live.changes import RAW, Assembler, ChangeType, Event, HistoryBroken, WatchedCollection
from execution_monitor.live.followed_executions import Scope
from execution_monitor.live.resume_tokens import StreamPosition, position_after, position_of, start_time, time_of

Stage = Mapping[str, Any]

# The silence of an idle stream is never longer, so a watchdog can tell it from a dead one.
AWAIT_MS = 200
_NAMES = [each.value for each in WatchedCollection]
_PARTS = [WatchedCollection.STEPS.value, WatchedCollection.LOGS.value]
_CHANGE_TYPES = [each.value for each in ChangeType]
_REPLACING = ["drop", "rename", "dropDatabase", "invalidate"]
# ChangeStreamHistoryLost, CappedPositionLost
_HISTORY_LOST = frozenset({286, 136})
# ChangeStreamFatalError, InvalidResumeToken, BSONObjectTooLarge
_HOPELESS = frozenset({280, 260, 10334})
_UNAUTHORIZED = frozenset({13, 18, 391})
_RESUMABLE = "ResumableChangeStreamError"


class ChangeStreamCursor:
    """An open stream; `next` must not be cancelled while the stream is to be used again."""

    def __init__(self, stream: AsyncDatabaseChangeStream[RawBSONDocument], since: StreamPosition) -> None:
        self._stream = stream
        self._assembler = Assembler()
        self._batch = BatchSize()
        self.position = since  # everything up to here has been yielded
        self.is_caught_up = False  # whether the last reply was empty

    @property
    def is_open(self) -> bool:
        """Whether more can come; a dropped database ends it."""
        return self._stream.alive

    async def next_together(self, limit: int) -> Sequence[Event]:
        """The next events that are there at once, as `next` returns them; a break in the history is always the last."""
        event = await self.next()
        events = [] if event is None else [event]
        while len(events) < limit and self._batch.is_within_reply and not isinstance(event, HistoryBroken):
            event = await self.next()
            if event is not None:
                events.append(event)
        return events

    async def next(self) -> Event | None:
        """The next event behind `position`, or None when there was none for now."""
        document = await self._batch.next(self._stream)
        self.is_caught_up = document is None
        event = None if document is None else self._assembler.add(document)
        if event is not None:
            if event.position <= self.position:
                return None
            self.position = event.position
            if isinstance(event, HistoryBroken) and event.ends_stream:
                # Behind all of that time: it holds the drop that would end the next stream too. Whether the cursor is
                # alive does not tell: mongos closes it one reply later than mongod.
                self.position = position_after(time_of(self.position))
        elif not self._assembler.is_within_event and self._stream.resume_token is not None:
            # It moves on while the database is busy with other things, or the oplog would roll past an idle stream.
            self.position = max(self.position, position_of(self._stream.resume_token))
        return event


@dataclass(frozen=True, slots=True)
class UnreadableChange:
    """A change by its name alone."""

    position: StreamPosition
    operation: str
    collection: str | None
    key: Mapping[str, Any]


@contextlib.asynccontextmanager
async def open_change_stream(
    database: AsyncDatabase[Any], since: StreamPosition, scope: Scope, stages: Sequence[Stage] = ()
) -> AsyncGenerator[ChangeStreamCursor]:
    """The events behind `since` with the steps and log lines in `scope`, narrowed by `stages`."""
    raw = database.with_options(codec_options=RAW)
    stream = await raw.watch(
        [match_stage(scope), *stages, {"$changeStreamSplitLargeEvent": {}}],
        # Images of the event itself. A look-up would show a later document, whose tenant may be another.
        full_document="whenAvailable",
        full_document_before_change="whenAvailable",
        start_at_operation_time=start_time(since),
        max_await_time_ms=AWAIT_MS,
        batch_size=FIRST_BATCH,
    )
    async with stream:
        yield ChangeStreamCursor(stream, since)


def match_stage(scope: Scope) -> Stage:
    """Executions, what ends their history, and the steps and log lines of the executions in `scope`."""
    alternatives: list[Stage] = [
        {"ns.coll": WatchedCollection.EXECUTIONS.value, "operationType": {"$in": _CHANGE_TYPES}},
        {"ns.coll": {"$in": _NAMES}, "operationType": {"$in": _REPLACING}},
        {"to.coll": {"$in": _NAMES}, "operationType": "rename"},
        {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
    ]
    # Nobody is told of one that is deleted.
    parts: dict[str, Any] = {"ns.coll": {"$in": _PARTS}, "operationType": {"$in": ["insert", "update", "replace"]}}
    if scope is None:
        alternatives.append(parts)
    elif scope:
        # In order, so that equal scopes are equal pipelines. Without an image nobody can tell whose it is.
        followed = [{"fullDocument.execution_id": {"$in": sorted(scope)}}, {"fullDocument": None}]
        alternatives.append({**parts, "$or": followed})
    return {"$match": {"$or": alternatives}}


def tenant_stage(tenant: str) -> Stage:
    """What may concern callers of `tenant`: its documents before or after, and whatever breaks the history."""
    images = ("fullDocument", "fullDocumentBeforeChange")
    return {
        "$match": {
            "$or": [
                *({f"{image}.tenant_id": tenant} for image in images),
                {"operationType": {"$in": _REPLACING}},
                {"operationType": {"$in": ["update", "replace", "delete"]}, "fullDocumentBeforeChange": None},
                {"operationType": {"$in": ["update", "replace"]}, "fullDocument": None},
            ]
        }
    }


async def first_event_after(
    database: AsyncDatabase[Any], since: StreamPosition, scope: Scope
) -> UnreadableChange | None:
    """What lies first behind `since`, without its images, which may be what cannot be read; None when nothing does."""
    raw = database.with_options(codec_options=RAW)
    stream = await raw.watch(
        [match_stage(scope), {"$project": {"operationType": 1, "ns": 1, "documentKey": 1}}],
        start_at_operation_time=start_time(since),
        max_await_time_ms=AWAIT_MS,
        batch_size=1,
    )
    async with stream:
        while (document := await stream.try_next()) is not None:
            position = position_of(document["_id"])
            # A large event has a position for each fragment, of which this is the beginning.
            if position > since:
                namespace: Mapping[str, Any] = document.get("ns") or {}
                key: Mapping[str, Any] = document.get("documentKey") or {}
                return UnreadableChange(position, document["operationType"], namespace.get("coll"), dict(key))
    return None


async def cluster_time(database: AsyncDatabase[Any]) -> Timestamp:
    """The newest time that the cluster knows of: no snapshot and no event it has shown is later."""
    answer = await _ping(database)
    return max(answer["operationTime"], answer["$clusterTime"]["clusterTime"])


async def current_position(database: AsyncDatabase[Any]) -> StreamPosition:
    """The position behind everything that has happened."""
    return position_after((await _ping(database))["operationTime"])


async def _ping(database: AsyncDatabase[Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = await database.command("ping")
    if "operationTime" not in answer:
        # A replica set that has just begun; asking again helps, as after any lost connection.
        raise AutoReconnect("MongoDB knows no time yet.")
    return answer


def is_history_lost(error: BaseException) -> bool:
    """Whether MongoDB says that it has forgotten what was asked for."""
    return isinstance(error, OperationFailure) and error.code in _HISTORY_LOST


def is_permanent(error: BaseException) -> bool:
    """Whether the same read can never succeed: MongoDB says so, or this is a defect of ours."""
    if isinstance(error, OperationFailure):
        return error.code in _HOPELESS
    return not isinstance(error, PyMongoError | OSError | asyncio.CancelledError)


def is_transient(error: BaseException) -> bool:
    """Whether the server, or the way to it, is at fault for now, and not what was asked for."""
    if isinstance(error, OperationFailure):
        return error.has_error_label(_RESUMABLE) or error.timeout or error.code in _UNAUTHORIZED
    return isinstance(error, ConnectionFailure | asyncio.CancelledError)
