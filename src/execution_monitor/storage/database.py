"""The connection to MongoDB: opened once per process, prepared in the background, closed at the end."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog
from beanie import Document, init_beanie  # pyright: ignore[reportUnknownVariableType] - its generics are open
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
from pymongo.monitoring import CommandListener, ConnectionPoolListener
from pymongo.write_concern import WriteConcern

from execution_monitor.errors import DatabaseUnavailable, SetupError
from execution_monitor.storage.alert_documents import Alert
from execution_monitor.storage.database_setup import (
    create_collection,
    create_indexes,
    drop_indexes,
    expire_audit_events,
    is_empty,
    missing_indexes,
    report,
)
from execution_monitor.storage.deadlines import await_reply, is_sharded, require_shards
from execution_monitor.storage.documents import DOCUMENTS
from execution_monitor.storage.indexes import indexes_of
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.multikey import MultikeyFields
from execution_monitor.storage.retired_indexes import RETIRED_INDEXES
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import SERVER_DOCUMENTS, AuditEvent

Listener = CommandListener | ConnectionPoolListener

log = structlog.get_logger()

# A client learns within two seconds that there is no server.
SERVER_SELECTION_TIMEOUT_MS = 1_500
# A year and a month, so that a yearly review finds all of it.
DEFAULT_AUDIT_DAYS = 400
_RETRY_SECONDS = (0.5, 1, 2, 5, 10)
# To connect, or to create a collection; not an index, which may take hours.
_SETUP_MS = 10_000
# Readiness probes wait for 1 to 10 s.
_PING_MS = 500


@dataclass
class Database:
    """A MongoDB client, its database, and how far the preparation has come.

    `trouble` says why nothing can be read, and is None once MongoDB has answered.
    """

    client: AsyncMongoClient[BsonDocument]
    handle: AsyncDatabase[BsonDocument]
    trouble: str | None = "The database has not answered yet."
    audit_days: int = DEFAULT_AUDIT_DAYS  # after which MongoDB deletes events of the audit trail
    hosts: str = ""  # as the connection string names them, for the log
    _shard_trouble: str | None = field(default=None, init=False)
    _unprepared: list[str] = field(default_factory=list[str], init=False)
    _is_laid_out: bool = field(default=False, init=False)  # whether all that takes no time has been created
    multikey: MultikeyFields = field(default_factory=MultikeyFields, init=False, repr=False)
    _rows: dict[type[Document], AsyncCollection[BsonDocument]] = field(
        default_factory=dict[type[Document], AsyncCollection[BsonDocument]], init=False, repr=False
    )

    @classmethod
    def at(
        cls, uri: str, name: str, listeners: Sequence[Listener] = (), *, audit_days: int = DEFAULT_AUDIT_DAYS
    ) -> "Database":
        """The database `name` at `uri`, not connected yet.

        Args:
            uri: A MongoDB connection string.
            name: The name of the database.
            listeners: They receive the events of the driver.
            audit_days: After so many days MongoDB deletes events of the audit trail.

        Raises:
            SetupError: The `uri` is not a connection string.
        """
        try:
            client: AsyncMongoClient[BsonDocument] = AsyncMongoClient(
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
        handle = client.get_database(name, write_concern=WriteConcern("majority"))
        hosts = urlsplit(uri).netloc.rpartition("@")[2]  # without user and password
        return cls(client, handle, audit_days=audit_days, hosts=hosts)

    @property
    def warnings(self) -> list[str]:
        """What makes responses slow, or some of them fail: a sentence each."""
        return [*self._unprepared, *([self._shard_trouble] if self._shard_trouble else [])]

    async def close(self) -> None:
        """Close every connection."""
        await self.client.close()

    def collection(self, document: type[Document]) -> AsyncCollection[BsonDocument]:
        """The collection of `document`; raises `DatabaseUnavailable` before the first connection."""
        if self.trouble is not None:
            raise DatabaseUnavailable(self.trouble)
        return self.handle.get_collection(document.get_collection_name())

    def rows(self, document: type[Document]) -> AsyncCollection[BsonDocument]:
        """As `collection`, for reading lists: dates have no time zone, and are in UTC.

        Giving each date its time zone takes a third of the time of a page.
        """
        if self.trouble is not None:
            raise DatabaseUnavailable(self.trouble)
        found = self._rows.get(document)
        if found is None:
            options = self.handle.codec_options.with_options(tz_aware=False, tzinfo=None)
            found = self._rows[document] = self.collection(document).with_options(codec_options=options)
        return found

    async def connect(self) -> None:
        """Bind the documents to the database; raises `DatabaseUnavailable` with the reason in a sentence."""
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

    @property
    def is_usable(self) -> bool:
        """Whether it has answered, and has its collections and the indexes that take no time to create."""
        return self.trouble is None and self._is_laid_out

    async def prepare(self) -> None:
        """Create what is missing: collections, pre- and post-images, indexes; then drop the indexes of old versions.

        What fails is in `warnings`.
        """
        found: list[str] = []
        for document in (*DOCUMENTS, Alert):
            try:
                await await_reply(create_collection(self.handle, document), _SETUP_MS)
            except PyMongoError as error:
                found.append(report(document.get_collection_name(), error))
        missing: list[tuple[type[Document], list[IndexModel]]] = []
        for document in (*DOCUMENTS, *SERVER_DOCUMENTS):
            indexes = await await_reply(missing_indexes(self.collection(document), indexes_of(document)), _SETUP_MS)
            if indexes and await await_reply(is_empty(self.collection(document)), _SETUP_MS):
                found.extend(await create_indexes(self.collection(document), indexes))
            elif indexes:
                missing.append((document, indexes))
        # Indexes of collections with rows may take hours; the server answers meanwhile.
        self._is_laid_out = True
        if missing and not self._unprepared:
            # Earlier warnings stay until it is known that they no longer hold.
            self._unprepared = ["Indexes are being made; lists are slow until they are there."]
        for document, indexes in missing:
            found.extend(await create_indexes(self.collection(document), indexes))
        found.extend(await expire_audit_events(self.collection(AuditEvent), self.audit_days))
        for document, retired in RETIRED_INDEXES.items():
            collection = self.collection(document)
            # Until the new ones are there, these serve what they can.
            if not await await_reply(missing_indexes(collection, indexes_of(document)), _SETUP_MS):
                found.extend(await drop_indexes(collection, retired))
        self._unprepared = found

    async def prepare_until_done(self) -> None:
        """Repeat `connect` and `prepare`, with growing pauses, until there are no warnings."""
        attempt = 0
        while True:
            try:
                await self.connect()
                await self.prepare()
            except DatabaseUnavailable as error:
                log.warning("database_unavailable", reason=error.message, hosts=self.hosts)
            else:
                if not self.warnings:
                    return
                log.warning("database_not_fully_prepared", reasons=self.warnings)
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1

    async def check(self) -> None:
        """Raise `DatabaseUnavailable` unless MongoDB answers now and has the collections."""
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
        """Warn of a shard that does not answer; tenants on the other shards are still served."""
        checked = (require_shards(self.collection(document), {}) for document in DOCUMENTS)
        results = await asyncio.gather(*checked, return_exceptions=True)
        self._shard_trouble = next((each.message for each in results if isinstance(each, DatabaseUnavailable)), None)


@contextlib.asynccontextmanager
async def open_database(uri: str, name: str) -> AsyncGenerator[Database]:
    """A `Database` that is closed at the end; raises `SetupError` for a bad `uri`."""
    database = Database.at(uri, name)
    try:
        yield database
    finally:
        await database.close()
