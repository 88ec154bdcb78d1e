"""Creates what a database lacks: collections with pre- and post-images, indexes, and the expiry of audit events.

Each function returns or reports what stands in the way, a sentence each, and goes on with the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from beanie import Document
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from execution_monitor.storage.mongodb_errors import explain, reason_of
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import EXPIRY_INDEX

log = structlog.get_logger()

_COLLECTION_EXISTS = 48
_INDEX_NOT_FOUND = 27
_INDEX_OPTIONS_CONFLICT = 85
_SECONDS_PER_DAY = 86_400
# These options do not change which rows an index holds, or in which order.
_INSIGNIFICANT = frozenset({"v", "name", "key", "ns", "background"})


def report(what: str, error: PyMongoError) -> str:
    """Log `error` in MongoDB's own words, which may name hosts and values, and return a sentence for everybody."""
    log.warning("database_not_prepared", what=what, reason=reason_of(error))
    return f"{what}: {explain(error)}"


async def create_collection(handle: AsyncDatabase[BsonDocument], document: type[Document]) -> None:
    """Create the collection of `document` unless it is there, and let it keep pre- and post-images.

    Raises:
        PyMongoError: MongoDB refused it.
    """
    name = document.get_collection_name()
    images = {"enabled": True}
    try:
        # Without a look first: two servers that start together would both find nothing, and one of them fail.
        await handle.create_collection(name, check_exists=False, changeStreamPreAndPostImages=images)
    except OperationFailure as error:
        if error.code != _COLLECTION_EXISTS:
            raise
        await handle.command("collMod", name, changeStreamPreAndPostImages=images)


async def missing_indexes(collection: AsyncCollection[BsonDocument], wanted: Sequence[IndexModel]) -> list[IndexModel]:
    """Return those of `wanted` that `collection` lacks, whatever their names: operators and MongoDB choose others."""
    try:
        known = [_content_of(index) async for index in await collection.list_indexes()]
    except PyMongoError:
        # Creating them reports the reason.
        return list(wanted)
    return [index for index in wanted if _content_of(index.document) not in known]


def _content_of(index: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """The key in its order, and the options that differ from their defaults."""
    options = {name: value for name, value in index.items() if name not in _INSIGNIFICANT and value is not False}
    return list(index["key"].items()), options


async def is_empty(collection: AsyncCollection[BsonDocument]) -> bool:
    """Whether `collection` has no document, or cannot be read."""
    try:
        return await collection.find_one({}, {"_id": 1}) is None
    except PyMongoError:
        # Creating its indexes reports the reason.
        return True


async def create_indexes(collection: AsyncCollection[BsonDocument], indexes: Sequence[IndexModel]) -> list[str]:
    """Create `indexes`, and return a sentence for each that cannot be created."""
    name = collection.name
    try:
        # All at once reads a large collection once.
        await collection.create_indexes(indexes)
    except OperationFailure as error:
        log.info("indexes_not_built_at_once", collection=name, reason=reason_of(error))
    except PyMongoError as error:
        return [report(f"{name}, indexes", error)]
    else:
        return []
    # One by one shows which of them cannot be created, and creates the others.
    found: list[str] = []
    for index in indexes:
        try:
            await collection.create_indexes([index])
        except PyMongoError as error:
            found.append(report(f"{name}, index {index.document['name']}", error))
    return found


async def drop_indexes(collection: AsyncCollection[BsonDocument], retired: Sequence[IndexModel]) -> list[str]:
    """Drop those of `retired` that `collection` has, and return a sentence for each that cannot be dropped.

    An index of another name, key or option is somebody else's, and stays.
    """
    found: list[str] = []
    try:
        known = {index["name"]: _content_of(index) async for index in await collection.list_indexes()}
    except PyMongoError as error:
        return [report(f"{collection.name}, indexes", error)]
    for index in retired:
        name = index.document["name"]
        if known.get(name) != _content_of(index.document):
            continue
        try:
            await collection.drop_index(name)
        except PyMongoError as error:
            # Another server has dropped it.
            if not isinstance(error, OperationFailure) or error.code != _INDEX_NOT_FOUND:
                found.append(report(f"{collection.name}, former index {name}", error))
        else:
            log.info("index_dropped", collection=collection.name, index=name)
    return found


async def expire_audit_events(collection: AsyncCollection[BsonDocument], days: int) -> list[str]:
    """Let MongoDB delete events older than `days`, also where another number of days applied before."""
    name, after = collection.name, days * _SECONDS_PER_DAY
    index = IndexModel([(EXPIRY_INDEX, ASCENDING)], name=EXPIRY_INDEX, expireAfterSeconds=after)
    try:
        try:
            await collection.create_indexes([index])
        except OperationFailure as error:
            if error.code != _INDEX_OPTIONS_CONFLICT:
                raise
            # By its key: it may have another name.
            change = {"keyPattern": {EXPIRY_INDEX: ASCENDING}, "expireAfterSeconds": after}
            await collection.database.command("collMod", name, index=change)
    except PyMongoError as error:
        return [report(f"{name}, index {EXPIRY_INDEX}", error)]
    return []
