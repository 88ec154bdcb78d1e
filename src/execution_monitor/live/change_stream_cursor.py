"""A cursor of a change stream: how it is opened, what it yields, and which errors mean what."""

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
from execution_monitor.live.changes import RAW, Assembler, ChangeType, HistoryBroken, StreamEvent, WatchedCollection
from execution_monitor.live.followed_executions import FollowedIds
from execution_monitor.live.resume_tokens import StreamPosition, position_after, position_of, start_time, time_of
from execution_monitor.turns import Turns

Stage = Mapping[str, Any]

# An idle stream replies at least this often, so that its silence can be told from that of a dead one.
AWAIT_MS = 200
# Those whose history ends when they are dropped. Nobody drops the one of alerts but with the whole database.
_NAMES = [each.value for each in WatchedCollection if each is not WatchedCollection.ALERTS]
_CHILDREN = [WatchedCollection.STEPS.value, WatchedCollection.LOGS.value]
_CHANGE_TYPES = [each.value for each in ChangeType]
_REPLACING = ["drop", "rename", "dropDatabase", "invalidate"]
# ChangeStreamHistoryLost, CappedPositionLost
_HISTORY_LOST = frozenset({286, 136})
# ChangeStreamFatalError, InvalidResumeToken, BSONObjectTooLarge
_HOPELESS = frozenset({280, 260, 10334})
_UNAUTHORIZED = frozenset({13, 18, 391})
_RESUMABLE = "ResumableChangeStreamError"


class ChangeStreamCursor:
    """An open stream. Do not use it again after `next` was cancelled."""

    def __init__(self, stream: AsyncDatabaseChangeStream[RawBSONDocument], since: StreamPosition) -> None:
        self._stream = stream
        self._assembler = Assembler()
        self._batch = BatchSize()
        # Events of a reply are there at once; without turns they would hold up everything else in the process.
        self._turns = Turns()
        self.position = since  # everything up to here was yielded
        self.is_caught_up = False  # whether the last reply was empty

    @property
    def is_open(self) -> bool:
        """Whether more events can come; a dropped database ends the stream."""
        return self._stream.alive

    @property
    def is_read_out(self) -> bool:
        """Whether the last reply brought all that there was, and it was yielded."""
        return not (self._batch.is_within_reply or self._batch.is_full)

    async def next_batch(self, limit: int) -> Sequence[StreamEvent]:
        """Up to `limit` events that one reply brings; a break in the history is always the last of them."""
        event = await self._next_in_turn()
        events = [] if event is None else [event]
        while len(events) < limit and self._batch.is_within_reply and not isinstance(event, HistoryBroken):
            event = await self._next_in_turn()
            if event is not None:
                events.append(event)
        return events

    async def _next_in_turn(self) -> StreamEvent | None:
        """The next event, after others had their turn if it is time; what a caller does with a batch counts as well."""
        await self._turns.give_way()
        return await self.next()

    async def next(self) -> StreamEvent | None:
        """The next event after `position`, or None after a reply without one."""
        document = await self._batch.next(self._stream)
        self.is_caught_up = document is None
        event = None if document is None else self._assembler.add(document)
        if event is not None:
            if event.position <= self.position:
                return None
            self.position = event.position
            if isinstance(event, HistoryBroken) and event.ends_stream:
                # After everything of that time, which includes the drop that would end the next stream too. Whether the
                # cursor is alive does not say so: mongos closes it one reply later than mongod.
                self.position = position_after(time_of(self.position))
        elif not self._assembler.is_within_event and self._stream.resume_token is not None:
            # The token advances while other collections are written to, or the oplog would roll past an idle stream.
            self.position = max(self.position, position_of(self._stream.resume_token))
        return event


@dataclass(frozen=True, slots=True)
class UnreadableChange:
    """A change without its images."""

    position: StreamPosition
    operation: str
    collection: str | None
    key: Mapping[str, Any]


@contextlib.asynccontextmanager
async def open_change_stream(
    database: AsyncDatabase[Any],
    since: StreamPosition,
    followed: FollowedIds,
    stages: Sequence[Stage] = (),
    touched: Stage | None = None,
) -> AsyncGenerator[ChangeStreamCursor]:
    """Open a stream of the events after `since`, with alerts, and steps and log lines of the `followed` executions.

    `stages` narrow it further. What `touched` matches in other collections comes as `Touched`.
    """
    raw = database.with_options(codec_options=RAW)
    stream = await raw.watch(
        [match_stage(followed, touched), *stages, {"$changeStreamSplitLargeEvent": {}}],
        # The images of the event itself. `updateLookup` would show a later document, perhaps of another tenant.
        full_document="whenAvailable",
        full_document_before_change="whenAvailable",
        start_at_operation_time=start_time(since),
        max_await_time_ms=AWAIT_MS,
        batch_size=FIRST_BATCH,
    )
    async with stream:
        yield ChangeStreamCursor(stream, since)


def match_stage(followed: FollowedIds, touched: Stage | None = None) -> Stage:
    """The `$match` of executions, what ends their history, steps and log lines of the `followed` ones, and alerts.

    And of what `touched` matches.
    """
    any_of: list[Stage] = [
        {"ns.coll": WatchedCollection.EXECUTIONS.value, "operationType": {"$in": _CHANGE_TYPES}},
        {"ns.coll": {"$in": _NAMES}, "operationType": {"$in": _REPLACING}},
        {"to.coll": {"$in": _NAMES}, "operationType": "rename"},
        {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
    ]
    # No event says that a step, a log line or an alert was deleted.
    writes = ["insert", "update", "replace"]
    any_of.append({"ns.coll": WatchedCollection.ALERTS.value, "operationType": {"$in": writes}})
    children: dict[str, Any] = {"ns.coll": {"$in": _CHILDREN}, "operationType": {"$in": writes}}
    if followed is None:
        any_of.append(children)
    elif followed:
        # Sorted, so that equal sets are equal pipelines. Without an image it is unknown whose step or line it is.
        of_followed = [{"fullDocument.execution_id": {"$in": sorted(followed)}}, {"fullDocument": None}]
        any_of.append({**children, "$or": of_followed})
    if touched is not None:
        any_of.append(touched)
    return {"$match": {"$or": any_of}}


def tenant_stage(tenant: str) -> Stage:
    """The `$match` of what may concern `tenant`: its documents before or after a change, and breaks in the history."""
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
    database: AsyncDatabase[Any], since: StreamPosition, followed: FollowedIds
) -> UnreadableChange | None:
    """The first event after `since` without its images, which may be what cannot be read; None when there is none."""
    raw = database.with_options(codec_options=RAW)
    stream = await raw.watch(
        [match_stage(followed), {"$project": {"operationType": 1, "ns": 1, "documentKey": 1}}],
        start_at_operation_time=start_time(since),
        max_await_time_ms=AWAIT_MS,
        batch_size=1,
    )
    async with stream:
        while (document := await stream.try_next()) is not None:
            position = position_of(document["_id"])
            # Each fragment of a large event has a position; this is the first.
            if position > since:
                namespace: Mapping[str, Any] = document.get("ns") or {}
                key: Mapping[str, Any] = document.get("documentKey") or {}
                return UnreadableChange(position, document["operationType"], namespace.get("coll"), dict(key))
    return None


async def cluster_time(database: AsyncDatabase[Any]) -> Timestamp:
    """The newest time the cluster knows: no snapshot and no event that it has returned is later."""
    answer = await _ping(database)
    return max(answer["operationTime"], answer["$clusterTime"]["clusterTime"])


async def current_position(database: AsyncDatabase[Any]) -> StreamPosition:
    """The position after everything that has happened."""
    return position_after((await _ping(database))["operationTime"])


async def _ping(database: AsyncDatabase[Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = await database.command("ping")
    if "operationTime" not in answer:
        # A replica set that has just begun; trying again helps, as after any lost connection.
        raise AutoReconnect("MongoDB knows no time yet.")
    return answer


def is_history_lost(error: BaseException) -> bool:
    """Whether the oplog no longer has the requested history."""
    return isinstance(error, OperationFailure) and error.code in _HISTORY_LOST


def is_permanent(error: BaseException) -> bool:
    """Whether the same read can never succeed: MongoDB says so, or the defect is ours."""
    if isinstance(error, OperationFailure):
        return error.code in _HOPELESS
    return not isinstance(error, PyMongoError | OSError | asyncio.CancelledError)


def is_transient(error: BaseException) -> bool:
    """Whether the fault is with the server or the network for now, and not with the request."""
    if isinstance(error, OperationFailure):
        return error.has_error_label(_RESUMABLE) or error.timeout or error.code in _UNAUTHORIZED
    return isinstance(error, ConnectionFailure | asyncio.CancelledError)
