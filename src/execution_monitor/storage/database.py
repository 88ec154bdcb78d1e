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
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.monitoring import CommandListener, ConnectionPoolListener
from pymongo.topology_description import TOPOLOGY_TYPE
from pymongo.write_concern import WriteConcern

from execution_monitor.errors import DatabaseUnavailable, SetupError
from execution_monitor.storage.audit_events import EXPIRY_INDEX, AuditEvent
from execution_monitor.storage.documents import DOCUMENTS, indexes_of
from execution_monitor.storage.multikey import MultikeyFields
from execution_monitor.storage.own_documents import OWN_DOCUMENTS

Row = dict[str, Any]
Listener = CommandListener | ConnectionPoolListener

log = structlog.get_logger()

# Long enough for an election, short enough that a request fails before its client gives up.
SERVER_SELECTION_TIMEOUT_MS = 5_000
# A year and a month, so that whoever reviews a year finds all of it.
DEFAULT_AUDIT_DAYS = 400
# Behind a balancer as behind `mongos` itself.
_ROUTED = frozenset({TOPOLOGY_TYPE.Sharded, TOPOLOGY_TYPE.LoadBalanced})
_RETRY_SECONDS = (0.5, 1, 2, 5, 10)
_UNAUTHORIZED = 13
_COLLECTION_EXISTS = 48
_INDEX_OPTIONS_CONFLICT = 85
_SECONDS_PER_DAY = 86_400
_INDEX_CONFLICTS = frozenset({67, 85, 86, 11000})


@dataclass
class Database:
    """A client, its database, and how far the preparation has come."""

    client: AsyncMongoClient[Row]
    handle: AsyncDatabase[Row]
    trouble: str | None = "The database has not answered yet."
    warnings: list[str] = field(default_factory=list[str])
    audit_days: int = DEFAULT_AUDIT_DAYS  # after which MongoDB deletes events of the audit trail
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

    @property
    def is_sharded(self) -> bool:
        """Whether answers may be put together from those of several servers."""
        return self.client.topology_description.topology_type in _ROUTED

    async def connect(self) -> None:
        """Bind the documents to the database, or raise `DatabaseUnavailable` with a sentence that says why."""
        try:
            models = [*DOCUMENTS, *OWN_DOCUMENTS]
            await init_beanie(database=self.handle, document_models=models, skip_indexes=True)
        except PyMongoError as error:
            self.trouble = explain(error)
            raise DatabaseUnavailable(self.trouble) from error
        self.trouble = None

    async def prepare(self) -> None:
        """Create what is missing: collections, pre- and post-images, indexes; trouble goes to `warnings`."""
        found: list[str] = []
        for document in DOCUMENTS:
            try:
                await self._ensure_collection(document)
            except PyMongoError as error:
                found.append(f"{document.get_collection_name()}: {explain(error)}")
            found.extend(await self._build_indexes(document))
        for document in OWN_DOCUMENTS:
            found.extend(await self._build_indexes(document))
        found.extend(await self._let_audit_events_expire())
        self.warnings = found

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
        """Raise `DatabaseUnavailable` unless MongoDB answers now."""
        if self.trouble is not None:
            raise DatabaseUnavailable(self.trouble)
        try:
            await self.client.admin.command("ping")
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error

    async def _build_indexes(self, document: type[Document]) -> list[str]:
        """Build what is missing; a sentence for each index that something stands in the way of."""
        name, collection, indexes = document.get_collection_name(), self.collection(document), indexes_of(document)
        # What stood in the way before is still worth telling, until it is known that it no longer does.
        if not self.warnings and await _lacks(collection, indexes):
            self.warnings = ["Indexes are being made; lists are slow until they are there."]
        try:
            # All at once reads a large collection once.
            await collection.create_indexes(indexes)
        except OperationFailure as error:
            log.warning("indexes_not_built", collection=name, reason=str(error))
        except PyMongoError as error:
            return [f"{name}, indexes: {explain(error)}"]
        else:
            return []
        # One by one tells which of them cannot be built, and builds the others.
        found: list[str] = []
        for index in indexes:
            try:
                await collection.create_indexes([index])
            except PyMongoError as error:
                found.append(f"{name}, index {index.document['name']}: {explain(error)}")
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
                await self.handle.command("collMod", name, index={"name": EXPIRY_INDEX, "expireAfterSeconds": after})
        except PyMongoError as error:
            return [f"{name}, index {EXPIRY_INDEX}: {explain(error)}"]
        return []

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


async def _lacks(collection: AsyncCollection[dict[str, Any]], indexes: Sequence[IndexModel]) -> bool:
    try:
        known = await collection.index_information()
    except PyMongoError:
        # Making them tells why.
        return False
    return any(index.document["name"] not in known for index in indexes)


def explain(error: PyMongoError) -> str:
    """One sentence for people about what MongoDB answered; it names no host and no credential."""
    if isinstance(error, ConnectionFailure | ConfigurationError):
        return "MongoDB cannot be reached; check that it runs and that EXECUTION_MONITOR_MONGODB_URI is right."
    if isinstance(error, OperationFailure):
        if error.code == _UNAUTHORIZED:
            return "The MongoDB user lacks a permission; grant it the roles readWrite and dbAdmin on the database."
        if error.code == 18:  # noqa: PLR2004 - AuthenticationFailed
            return "MongoDB refused the user or password in EXECUTION_MONITOR_MONGODB_URI."
        if error.code in _INDEX_CONFLICTS:
            return "An index or document that exists already stands in the way; see the server's log."
    return f"MongoDB answered with {type(error).__name__}; see the server's log."


@contextlib.asynccontextmanager
async def open_database(uri: str, name: str) -> AsyncGenerator[Database]:
    """A `Database` that is closed at the end; raises `SetupError` for a bad `uri`."""
    database = Database.at(uri, name)
    try:
        yield database
    finally:
        await database.close()
