"""Change stream events as values: changes with their pre-images and post-images, and breaks in the history."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import bson
from bson import CodecOptions, DatetimeMS, Timestamp
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from execution_monitor.live.resume_tokens import StreamPosition, position_of
from execution_monitor.storage.alert_documents import Alert
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.rows import Row

# As the client for pages decodes documents: neither a year beyond 9999 nor broken text stops the stream.
DECODED: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


class WatchedCollection(StrEnum):
    """The collections that are watched; the values are their names."""

    EXECUTIONS = Execution.Settings.name
    STEPS = Step.Settings.name
    LOGS = LogEntry.Settings.name
    ALERTS = Alert.Settings.name


class ChangeType(StrEnum):
    """How a document changed; the values are MongoDB's `operationType`."""

    INSERT = "insert"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class GapReason(StrEnum):
    """Why a subscriber must read the list again."""

    HISTORY_LOST = "history_lost"  # MongoDB has forgotten what followed the cursor
    COLLECTION_REPLACED = "collection_replaced"  # dropped, or renamed from or to
    IMAGES_MISSING = "images_missing"  # without them it is unknown who may see the change
    TOO_SLOW = "too_slow"  # the subscriber's backlog was full
    TOO_MANY_RESUMING = "too_many_resuming"  # too many others were reading old history
    UNAVAILABLE = "unavailable"  # MongoDB did not answer while old history was read
    UNREADABLE = "unreadable"  # the change stream never got past one event
    FAILED = "failed"  # a defect of this server; its log has the details


_CHANGE_TYPES = frozenset(each.value for each in ChangeType)
_WATCHED = frozenset(each.value for each in WatchedCollection)
# Images decide who may see a change, so each change must come with its own.
_WITH_BEFORE = frozenset({ChangeType.UPDATE, ChangeType.REPLACE, ChangeType.DELETE})
_WITH_AFTER = frozenset({ChangeType.INSERT, ChangeType.UPDATE, ChangeType.REPLACE})


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One document inserted, updated, replaced or deleted, with its pre-image and post-image."""

    position: StreamPosition
    collection: WatchedCollection
    type: ChangeType
    before: Row | None
    after: Row | None
    changed: frozenset[str] | None  # names of stored top-level fields; None where unknown
    cluster_time: Timestamp
    occurred_at: datetime
    size: int  # bytes of BSON
    raw: tuple[bytes, ...] = field(default=(), repr=False)  # the BSON, in fragments


@dataclass(frozen=True, slots=True)
class HistoryBroken:
    """Changes up to `position` are lost to this stream."""

    position: StreamPosition
    reason: GapReason
    # The cursor is closed: by mongod with this event, by mongos with the reply after it.
    ends_stream: bool = False


@dataclass(frozen=True, slots=True)
class Touched:
    """A document of another collection that the stream was opened for, of which only the key is read."""

    position: StreamPosition
    collection: str
    key: Any


StreamEvent = Change | HistoryBroken | Touched


class Assembler:
    """Decodes the documents of a change stream into events; an event over 16 MB comes as several fragments."""

    def __init__(self) -> None:
        self._fragments: dict[str, Any] = {}
        self._raw: tuple[bytes, ...] = ()

    @property
    def is_within_event(self) -> bool:
        """Whether fragments are missing; until then the stream's own position is not one to resume from."""
        return bool(self._fragments)

    def add(self, document: RawBSONDocument) -> StreamEvent | None:
        """The event that `document` holds or completes; None while fragments are missing."""
        try:
            # Once, by the C decoder; the raw bytes give the exact size.
            found: dict[str, Any] = bson.decode(document.raw, codec_options=DECODED)  # pyright: ignore[reportUnknownMemberType] - an overload is open
        except BSONError:
            self._fragments, self._raw = {}, ()
            return HistoryBroken(position_of(document["_id"]), GapReason.FAILED)
        fragment = found.pop("splitEvent", None)
        if fragment is None:
            self._fragments, self._raw = {}, ()
            return _event_of(found, (bytes(document.raw),))
        if fragment["fragment"] == 1:
            self._fragments, self._raw = {}, ()
        self._fragments.update(found)
        self._raw += (bytes(document.raw),)
        if fragment["fragment"] < fragment["of"]:
            return None
        found, raw = self._fragments, self._raw
        self._fragments, self._raw = {}, ()
        return _event_of(found, raw)


def decode_again(raw: Sequence[bytes]) -> Change:
    """The change that was decoded from `raw` before."""
    assembler, event = Assembler(), None
    for each in raw:
        event = assembler.add(RawBSONDocument(each, RAW))
    if not isinstance(event, Change):
        raise TypeError("These bytes are not those of a change.")
    return event


def _event_of(found: Row, raw: tuple[bytes, ...]) -> StreamEvent:
    position = position_of(found["_id"])
    if found["operationType"] not in _CHANGE_TYPES:
        invalidates = found["operationType"] == "invalidate"
        return HistoryBroken(position, GapReason.COLLECTION_REPLACED, ends_stream=invalidates)
    change_type = ChangeType(found["operationType"])
    name: str = found["ns"]["coll"]
    if name not in _WATCHED:
        return Touched(position, name, found["documentKey"]["_id"])
    before: Row | None = found.get("fullDocumentBeforeChange")
    after: Row | None = found.get("fullDocument")
    collection = WatchedCollection(name)
    # Who may see an alert never changes.
    needs_before = change_type in _WITH_BEFORE and collection is not WatchedCollection.ALERTS
    if (before is None and needs_before) or (after is None and change_type in _WITH_AFTER):
        return HistoryBroken(position, GapReason.IMAGES_MISSING)
    time: Timestamp = found["clusterTime"]
    return Change(
        position=position,
        collection=collection,
        type=change_type,
        before=before,
        after=after,
        changed=_changed_fields(found.get("updateDescription"), before or {}, after or {}),
        cluster_time=time,
        occurred_at=_wall_time(found, time),
        size=sum(map(len, raw)),
        raw=raw,
    )


def _changed_fields(description: Row | None, before: Row, after: Row) -> frozenset[str]:
    if description is None:
        names = before.keys() | after.keys()
        # `x in d` beside the values: a field that was null and is removed has changed too.
        return frozenset(
            name for name in names if (name in before) is not (name in after) or before.get(name) != after.get(name)
        )
    paths = [
        *description.get("updatedFields", ()),
        *description.get("removedFields", ()),
        *(each["field"] for each in description.get("truncatedArrays", ())),
    ]
    return frozenset(path.partition(".")[0] for path in paths)


def _wall_time(found: Row, time: Timestamp) -> datetime:
    wall = found.get("wallTime")
    if isinstance(wall, datetime):
        return wall
    return DatetimeMS(time.time * 1000).as_datetime(DECODED).astimezone(UTC)
