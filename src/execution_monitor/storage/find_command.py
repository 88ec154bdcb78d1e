"""The find command: read all rows of a search in one round trip.

PyMongo's cursor takes half as long again, for what a page has no use for: fetching more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from execution_monitor.errors import ResponseTooLarge
from execution_monitor.storage.deadlines import await_query
from execution_monitor.storage.filters import Query
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.payloads import mark_too_large, projection_within, shows_payloads
from execution_monitor.storage.query_planning import IndexRange
from execution_monitor.storage.rows import BsonDocument, Row, StoredRow, as_stored

UNLIMITED = 2**63 - 1
BAD_VALUE = 2  # such as a hint at an index that does not exist
_EMPTY_RANGE = 51175  # its end is its beginning, or lies before it


@dataclass(frozen=True, slots=True)
class Search:
    """What to find: `fields` None reads whole documents, `sort` is a sort document, times are milliseconds.

    `hint` is the key of the index to use, and `range` where in it the rows are. Where that index is missing, MongoDB
    chooses another.
    """

    query: Query
    fields: frozenset[str] | None
    sort: Mapping[str, int] | None = None
    skip: int = 0
    limit: int = 1
    timeout_ms: int = field(kw_only=True)
    hint: IndexKey | None = None
    range: IndexRange | None = None
    max_bytes: int = UNLIMITED  # of all rows together where payloads are selected, and of each payload
    computed: Mapping[str, Any] | None = None  # expressions by the name they have in each row, beside `fields`

    @property
    def projection(self) -> Mapping[str, Any] | None:
        """The projection document."""
        if self.fields is None:
            return None
        stored = _projection_of(self.fields, self.max_bytes)
        return stored if self.computed is None else {**stored, **self.computed}


@lru_cache(maxsize=1_024)
def _projection_of(fields: frozenset[str], max_bytes: int) -> Mapping[str, Any]:
    return projection_within({"_id", *fields}, max_bytes)


async def find_rows(
    collection: AsyncCollection[BsonDocument], search: Search, session: AsyncClientSession | None = None
) -> list[Row]:
    """Return the rows that `search` finds.

    As the driver does with reads, a command whose connection breaks is sent once more, to the server that is primary
    then.

    Raises:
        DatabaseUnavailable: No reply came in time.
        ResponseTooLarge: Together the rows have payloads of more bytes than allowed.
        PyMongoError: Any other failure.
    """
    rows = await _find_all(collection, search, session)
    if shows_payloads(search.fields):
        mark_too_large(rows, search.max_bytes)
    return list(rows)


async def _find_all(
    collection: AsyncCollection[BsonDocument], search: Search, session: AsyncClientSession | None
) -> list[BsonDocument]:
    return await await_query(_find_hinted(collection, search, session), collection, search.query, search.timeout_ms)


async def _find_hinted(
    collection: AsyncCollection[BsonDocument], search: Search, session: AsyncClientSession | None
) -> list[BsonDocument]:
    try:
        return await _find(collection, search, session)
    except OperationFailure as error:
        if search.range is not None and error.code == _EMPTY_RANGE:
            return await _find(collection, replace(search, range=None), session)
        if search.hint is None or error.code != BAD_VALUE:
            raise
        return await _find(collection, replace(search, hint=None, range=None), session)


async def find_stored_rows(
    collection: AsyncCollection[BsonDocument],
    search: Search,
    kept: Sequence[str],
    session: AsyncClientSession | None = None,
) -> list[StoredRow]:
    """As `find_rows`, with the stored values of the fields `kept`."""
    options: Any = collection.codec_options.with_options(document_class=RawBSONDocument)
    found: list[Any] = await _find_all(collection.with_options(codec_options=options), search, session)
    rows = [as_stored(bytes(each.raw), collection.codec_options, kept) for each in found]
    mark_too_large(rows, search.max_bytes)
    return rows


async def _find(
    collection: AsyncCollection[BsonDocument], search: Search, session: AsyncClientSession | None
) -> list[BsonDocument]:
    if (rows := await _find_at_once(collection, search, search.projection, session)) is not None:
        return rows
    if search.max_bytes != UNLIMITED and shows_payloads(search.fields):
        await _require_room(collection, search, session)
    cursor = collection.find(
        search.query,
        search.projection,
        sort=None if search.sort is None else list(search.sort.items()),
        skip=search.skip,
        limit=search.limit,
        batch_size=search.limit + 1,
        max_time_ms=search.timeout_ms,
        hint=None if search.hint is None else list(search.hint.items()),
        session=session,
    )
    return list(await cursor.to_list())


async def _require_room(
    collection: AsyncCollection[BsonDocument], search: Search, session: AsyncClientSession | None
) -> None:
    """Raise `ResponseTooLarge` where the rows have more bytes than may be sent, before they are read."""
    shown: Any = "$$ROOT" if search.fields is None else {field: f"${field}" for field in search.fields}
    sizes = await _find_at_once(collection, search, {"_id": 0, "bytes": {"$bsonSize": shown}}, session)
    # A larger document is read with the sizes of its payloads in their place, which is small.
    total = sum(row["bytes"] for row in sizes or () if row["bytes"] <= search.max_bytes)
    if total > search.max_bytes:
        raise ResponseTooLarge(total, search.max_bytes)


async def _find_at_once(
    collection: AsyncCollection[BsonDocument],
    search: Search,
    projection: Mapping[str, Any] | None,
    session: AsyncClientSession | None,
) -> list[BsonDocument] | None:
    """The rows; None where they do not fit into one reply, which has 16 MB at most."""
    entries = search.range
    command: dict[str, Any] = {
        "find": collection.name,
        "filter": search.query if entries is None else entries.query,
        "projection": projection,
        "sort": search.sort if entries is None or entries.sort is None else entries.sort,
        "hint": search.hint,
        "min": None if entries is None else entries.lower,
        "max": None if entries is None else entries.upper,
        "skip": search.skip,
        "limit": search.limit,
        # By default MongoDB stops at 101 rows. With one more than there can be it sees that nothing follows:
        # a full batch may leave a cursor open, as it does while MongoDB compares plans.
        "batchSize": search.limit + 1,
        "maxTimeMS": search.timeout_ms,
        # The driver adds that of a session.
        "readConcern": (collection.read_concern.document or None) if session is None else None,
    }
    command = {name: value for name, value in command.items() if value is not None}
    try:
        reply = await _run(collection, command, session)
    except ServerSelectionTimeoutError:
        raise
    except AutoReconnect:
        if not collection.database.client.options.retry_reads:
            raise
        reply = await _run(collection, command, session)
    cursor = reply["cursor"]
    if not cursor["id"]:
        return cursor["firstBatch"]
    await _run(collection, {"killCursors": collection.name, "cursors": [cursor["id"]]})
    return None


async def _run(
    collection: AsyncCollection[BsonDocument], command: BsonDocument, session: AsyncClientSession | None = None
) -> BsonDocument:
    return await collection.database.command(
        command, read_preference=collection.read_preference, codec_options=collection.codec_options, session=session
    )
