"""The connection to MongoDB: opened once a process, prepared in the background, closed at the end."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from beanie import Document, init_beanie  # pyright: ignore[reportUnknownVariableType] - its generics are open
from pymongo import ASCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConfigurationError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.monitoring import CommandListener, ConnectionPoolListener
from pymongo.write_concern import WriteConcern

from execution_monitor.errors import DatabaseUnavailable, SetupError
from execution_monitor.storage.deadlines import await_reply, is_sharded, require_shards
from execution_monitor.storage.documents import DOCUMENTS, indexes_of
from execution_monitor.storage.indexes import missing_indexes
from execution_monitor.storage.mongodb_errors import explain, reason_of
from execution_monitor.storage.multikey import MultikeyFields
from execution_monitor.storage.own_documents import SERVER_DOCUMENTS
from execution_monitor.storage.server_documents import EXPIRY_INDEX, AuditEvent

Row = dict[str, Any]
Listener = CommandListener | ConnectionPoolListener

log = structlog.get_logger()

# So that whoever asks knows within two seconds that there is no server.
SERVER_SELECTION_TIMEOUT_MS = 1_500
# A year and a month, so that whoever reviews a year finds all of it.
DEFAULT_AUDIT_DAYS = 400
_RETRY_SECONDS = (0.5, 1, 2, 5, 10)
_COLLECTION_EXISTS = 48
_INDEX_OPTIONS_CONFLICT = 85
_SECONDS_PER_DAY = 86_400
# To connect, or to make a collection; not an index, which may take hours.
_SETUP_MS = 10_000
# Whoever asks whether the server is ready waits for 1 to 10 s.
_PING_MS = 500


@dataclass
class Database:
    """A client, its database, and how far the preparation has come."""

    client: AsyncMongoClient[Row]
    handle: AsyncDatabase[Row]
    trouble: str | None = "The database has not answered yet."
    audit_days: int = DEFAULT_AUDIT_DAYS  # after which MongoDB deletes events of the audit trail
    _shard_trouble: str | None = field(default=None, init=False)
    _unprepared: list[str] = field(default_factory=list[str], init=False)
    _is_laid_out: bool = field(default=False, init=False)  # whether what can be made at once has been
    multikey: MultikeyFields = field(default_factory=MultikeyFields, init=False, repr=False)
    _rows: dict[type[Document], AsyncCollection[Row]] = field(
        default_factory=dict[type[Document], AsyncCollection[Row]], init=False, repr=False
    )

    @classmethod
    def at(
        cls, uri: str, name: str, listeners: Sequence[Listener] = (), *, audit_days: int = DEFAULT_AUDIT_DAYS
    ) -> "Database":
        """The database `name` at `uri`, not connected yet; raises `SetupError` for a bad `uri`.

        `listeners` are told what its driver does.
        """
        try:
            client: AsyncMongoClient[Row] = AsyncMongoClient(
                uri,
                appname="execution-monitor",
                event_listeners=listeners,
                tz_aware=True,
                # A year beyond Python's 9999 or broken text in one document must not fail a whole page.
                datetime_conversion="DATETIME_AUTO",
                unicode_decode_error_handler="replace",
                uuidRepresentation="standard",
                serverSelectionTimeoutMS=SERVER_SELECTION_TIMEOUT_MS,
            )
        except (ConfigurationError, InvalidURI, ValueError) as error:
            reason = str(error).rstrip(".")
            raise SetupError(f"EXECUTION_MONITOR_MONGODB_URI is not a MongoDB connection string: {reason}.") from error
        # w:1 lost acknowledged writes in 6 of 6 kills of a primary.
        return cls(client, client.get_database(name, write_concern=WriteConcern("majority")), audit_days=audit_days)

    @property
    def warnings(self) -> list[str]:
        """What makes answers slow, or some of them fail, a sentence each."""
        return [*self._unprepared, *([self._shard_trouble] if self._shard_trouble else [])]

    async def close(self) -> None:
        """Let go of every connection."""
        await self.client.close()

    def collection(self, document: type[Document]) -> AsyncCollection[Row]:
        """The collection that keeps `document`s; raises `DatabaseUnavailable` before the first connection."""
        if self.trouble is not None:
            raise DatabaseUnavailable(self.trouble)
        return self.handle.get_collection(document.get_collection_name())

    def rows(self, document: type[Document]) -> AsyncCollection[Row]:
        """As `collection`, for reading lists: dates have no time zone, and are in UTC.

        To give each of them its time zone takes a third of the time of a page.
        """
        if self.trouble is not None:
            raise DatabaseUnavailable(self.trouble)
        found = self._rows.get(document)
        if found is None:
            options = self.handle.codec_options.with_options(tz_aware=False, tzinfo=None)
            found = self._rows[document] = self.collection(document).with_options(codec_options=options)
        return found

    async def connect(self) -> None:
        """Bind the documents to the database, or raise `DatabaseUnavailable` with a sentence that says why."""
        try:
            models = [*DOCUMENTS, *SERVER_DOCUMENTS]
            binding = init_beanie(database=self.handle, document_models=models, skip_indexes=True)
            await await_reply(binding, _SETUP_MS)
        except PyMongoError as error:
            self.trouble = explain(error)
            raise DatabaseUnavailable(self.trouble) from error
        except DatabaseUnavailable as error:
            self.trouble = error.message
            raise
        self.trouble = None

    async def prepare(self) -> None:
        """Create what is missing: collections, pre- and post-images, indexes; trouble goes to `warnings`."""
        found: list[str] = []
        for document in DOCUMENTS:
            try:
                await await_reply(self._ensure_collection(document), _SETUP_MS)
            except PyMongoError as error:
                found.append(self._report(document.get_collection_name(), error))
        missing: list[tuple[type[Document], list[IndexModel]]] = []
        for document in (*DOCUMENTS, *SERVER_DOCUMENTS):
            indexes = await await_reply(missing_indexes(self.collection(document), indexes_of(document)), _SETUP_MS)
            if indexes and await await_reply(_is_empty(self.collection(document)), _SETUP_MS):
                found.extend(await self._build_indexes(document, indexes))
            elif indexes:
                missing.append((document, indexes))
        # Those with rows take as long as they take; what is asked meanwhile is answered.
        self._is_laid_out = True
        if missing and not self._unprepared:
            # What stood in the way before is still worth telling, until it is known that it no longer does.
            self._unprepared = ["Indexes are being made; lists are slow until they are there."]
        for document, indexes in missing:
            found.extend(await self._build_indexes(document, indexes))
        found.extend(await self._let_audit_events_expire())
        self._unprepared = found

    async def prepare_until_done(self) -> None:
        """`connect` and `prepare`, again and again with growing pauses, until nothing is left to report."""
        attempt = 0
        while True:
            try:
                await self.connect()
                await self.prepare()
            except DatabaseUnavailable as error:
                log.warning("database_unavailable", reason=error.message)
            else:
                if not self.warnings:
                    return
                log.warning("database_not_fully_prepared", reasons=self.warnings)
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1

    async def check(self) -> None:
        """Raise `DatabaseUnavailable` unless MongoDB answers now, and has what is asked for."""
        if self.trouble is not None:
            raise DatabaseUnavailable(self.trouble)
        if not self._is_laid_out:
            raise DatabaseUnavailable("The collections are being made.")
        try:
            await await_reply(self.client.admin.command("ping"), _PING_MS)
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        if is_sharded(self.client):
            await self._check_shards()

    async def _check_shards(self) -> None:
        """Warn of a shard that does not answer: the others do, so that others can be served."""
        checked = (require_shards(self.collection(document), {}) for document in DOCUMENTS)
        results = await asyncio.gather(*checked, return_exceptions=True)
        self._shard_trouble = next((each.message for each in results if isinstance(each, DatabaseUnavailable)), None)

    async def _build_indexes(self, document: type[Document], indexes: Sequence[IndexModel]) -> list[str]:
        """Build `indexes`; a sentence for each that something stands in the way of."""
        name, collection = document.get_collection_name(), self.collection(document)
        try:
            # All at once reads a large collection once.
            await collection.create_indexes(indexes)
        except OperationFailure as error:
            log.info("indexes_not_built_at_once", collection=name, reason=reason_of(error))
        except PyMongoError as error:
            return [self._report(f"{name}, indexes", error)]
        else:
            return []
        # One by one tells which of them cannot be built, and builds the others.
        found: list[str] = []
        for index in indexes:
            try:
                await collection.create_indexes([index])
            except PyMongoError as error:
                found.append(self._report(f"{name}, index {index.document['name']}", error))
        return found

    async def _let_audit_events_expire(self) -> list[str]:
        """Let MongoDB delete what is older than `audit_days`, also where another number of days held before."""
        name, after = AuditEvent.get_collection_name(), self.audit_days * _SECONDS_PER_DAY
        index = IndexModel([(EXPIRY_INDEX, ASCENDING)], name=EXPIRY_INDEX, expireAfterSeconds=after)
        try:
            try:
                await self.collection(AuditEvent).create_indexes([index])
            except OperationFailure as error:
                if error.code != _INDEX_OPTIONS_CONFLICT:
                    raise
                # By its key: it may have another name.
                change = {"keyPattern": {EXPIRY_INDEX: ASCENDING}, "expireAfterSeconds": after}
                await self.handle.command("collMod", name, index=change)
        except PyMongoError as error:
            return [self._report(f"{name}, index {EXPIRY_INDEX}", error)]
        return []

    @staticmethod
    def _report(what: str, error: PyMongoError) -> str:
        """A sentence for everybody; MongoDB's own words, which may name hosts and values, go to the log."""
        log.warning("database_not_prepared", what=what, reason=reason_of(error))
        return f"{what}: {explain(error)}"

    async def _ensure_collection(self, document: type[Document]) -> None:
        name = document.get_collection_name()
        images = {"enabled": True}
        try:
            # Not looked for first: two servers that start together would both find nothing, and one then fail.
            await self.handle.create_collection(name, check_exists=False, changeStreamPreAndPostImages=images)
        except OperationFailure as error:
            if error.code != _COLLECTION_EXISTS:
                raise
            await self.handle.command("collMod", name, changeStreamPreAndPostImages=images)


async def _is_empty(collection: AsyncCollection[Row]) -> bool:
    try:
        return await collection.find_one({}, {"_id": 1}) is None
    except PyMongoError:
        # Making its indexes tells why.
        return True


@contextlib.asynccontextmanager
async def open_database(uri: str, name: str) -> AsyncGenerator[Database]:
    """A `Database` that is closed at the end; raises `SetupError` for a bad `uri`."""
    database = Database.at(uri, name)
    try:
        yield database
    finally:
        await database.close()
