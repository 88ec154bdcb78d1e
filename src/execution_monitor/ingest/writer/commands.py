"""Write commands: many documents or updates at once, in parts that leave room for other work of the event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from beanie import Document
from bson.raw_bson import RawBSONDocument
from pymongo.errors import AutoReconnect, DocumentTooLarge, OperationFailure, PyMongoError

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.ingest.writer.bson_encoding import RefusedWrite, encode
from execution_monitor.ingest.writer.slices import in_slices
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import UNAVAILABLE_CODES, explain, explain_code
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

DUPLICATE_KEY = 11000
_UNAUTHORIZED = 13
# Of one command. MongoDB takes 48 MB and 100,000 operations; less holds up the event loop for less.
_MAX_BYTES = 2 * 1024 * 1024
_MAX_OPERATIONS = 1_000
# MongoDB's own limit of a document.
_MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 - 16 * 1024
_TIMEOUT_MS = 10_000
# MongoDB stops waiting for a majority that is gone before we stop waiting for MongoDB.
_DURABLY: Mapping[str, Any] = {"w": "majority", "wtimeout": 8_000}


@dataclass(slots=True)
class _Batch:
    """What one command writes; `first` is the place of its first document among all."""

    first: int
    documents: list[RawBSONDocument] = field(default_factory=list[RawBSONDocument])
    size: int = 0

    def has_room_for(self, document: RawBSONDocument) -> bool:
        return len(self.documents) < _MAX_OPERATIONS and self.size + len(document.raw) <= _MAX_BYTES

    def add(self, document: RawBSONDocument) -> None:
        self.documents.append(document)
        self.size += len(document.raw)


@dataclass(slots=True)
class Outcome:
    """What became of some writes.

    Attributes:
        changed: how many documents were inserted or changed.
        duplicates: the places of documents that are stored already.
    """

    changed: int = 0
    duplicates: set[int] = field(default_factory=set[int])


async def insert(
    database: Database, document: type[Document], rows: Iterable[BsonDocument | RawBSONDocument]
) -> Outcome:
    """Insert `rows`, which may be encoded already; those that are stored already stay as they are stored.

    Raises:
        RefusedWrite: one of them can never be stored; others may have been.
        DatabaseUnavailable: MongoDB cannot write now; some may have been stored.
    """
    encoded = (row if isinstance(row, RawBSONDocument) else RawBSONDocument(encode(row)) for row in rows)
    return await _write(database, document, "insert", "documents", encoded)


async def update(database: Database, document: type[Document], statements: Iterable[RawBSONDocument]) -> Outcome:
    """Apply `statements` of an `update` command; raises as `insert` does."""
    return await _write(database, document, "update", "updates", statements)


async def _write(
    database: Database, document: type[Document], verb: str, field_name: str, documents: Iterable[RawBSONDocument]
) -> Outcome:
    outcome = Outcome()
    collection = database.collection(document).name
    sending: asyncio.Task[BsonDocument] | None = None
    sent: _Batch | None = None
    try:
        async for batch in _batches(documents):
            if sending is not None and sent is not None:
                _take(outcome, sent, await sending)
            command = {verb: collection, field_name: batch.documents, "ordered": False, "writeConcern": _DURABLY}
            # The next ones are encoded while MongoDB writes these.
            sending, sent = asyncio.create_task(_send(database, command)), batch
        if sending is not None and sent is not None:
            _take(outcome, sent, await sending)
    finally:
        if sending is not None:
            await end_tasks(sending)
    return outcome


async def _batches(documents: Iterable[RawBSONDocument]) -> AsyncIterator[_Batch]:
    batch = _Batch(0)
    place = 0
    async for document in in_slices(documents):
        if len(document.raw) > _MAX_DOCUMENT_BYTES:
            raise RefusedWrite("What was reported of one execution or step is larger than MongoDB's 16 MB.")
        if batch.documents and not batch.has_room_for(document):
            yield batch
            batch = _Batch(place)
        batch.add(document)
        place += 1
    if batch.documents:
        yield batch


async def _send(database: Database, command: BsonDocument) -> BsonDocument:
    """The reply; sent again once where a connection broke or a primary stepped down: all that we write may repeat."""
    try:
        try:
            return await await_reply(database.handle.command(command), _TIMEOUT_MS)
        except (AutoReconnect, OperationFailure) as error:
            if isinstance(error, OperationFailure) and error.code not in UNAVAILABLE_CODES:
                raise
            return await await_reply(database.handle.command(command), _TIMEOUT_MS)
    except DocumentTooLarge as error:
        raise RefusedWrite("What was reported of one execution or step is larger than MongoDB's 16 MB.") from error
    except PyMongoError as error:
        raise DatabaseUnavailable(explain(error)) from error


def _take(outcome: Outcome, batch: _Batch, reply: Mapping[str, Any]) -> None:
    if reply.get("writeConcernError"):
        raise DatabaseUnavailable("MongoDB has no majority of members to keep what was reported.")
    outcome.changed += reply.get("nModified", reply["n"])
    for error in reply.get("writeErrors", ()):
        code = error["code"]
        if code == DUPLICATE_KEY:
            outcome.duplicates.add(batch.first + error["index"])
        elif code in UNAVAILABLE_CODES or code == _UNAUTHORIZED:
            raise DatabaseUnavailable(explain_code(code, error.get("codeName")))
        else:
            log.warning("report_refused", code=code, reason=error.get("errmsg"))
            raise RefusedWrite("A value that was reported cannot be stored; see the server's log.")
