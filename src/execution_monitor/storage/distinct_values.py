"""Distinct values: text searches in a field that has few, such as the name of the workflow, become lists of them.

MongoDB finds the distinct values of an indexed field by jumping from one to the next, and reads no document. So a
search for a text that is nowhere takes a millisecond, where to test each document of a tenant takes seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from beanie import Document
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ExecutionTimeout, OperationFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_query
from execution_monitor.storage.filters import (
    AllOf,
    AnyOf,
    Contains,
    Filter,
    Not,
    OneOf,
    Query,
    StartsWith,
)
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.storage.indexes import IndexKey, usable_indexes
from execution_monitor.storage.raw_values import REPLACEMENT

# Reading 1,000 values takes 10 ms; a list in a filter holds as many.
_MOST_VALUES = 1_000
# Beyond it the field has too many values, or the machine too much to do: the search itself is not much slower.
_TIMEOUT_MS = 100

_Text = StartsWith | Contains
# What is known of a field: its texts, or None where they are too many.
_Texts = Mapping[str, list[str] | None]


async def resolve_texts(
    database: Database,
    document: type[Document],
    where: Filter,
    *,
    session: AsyncClientSession | None,
    timeout_ms: int,
) -> Filter:
    """Replace text searches in `where` by lists of the stored values that match; what it finds stays the same.

    A search stays as it is where the field has no index behind the tenant, holds an array somewhere or has over 1,000
    values, and for callers who see one user's executions alone: those are few, and a tenant's values are many.

    Args:
        database: The database.
        document: The document whose collection is searched.
        where: The filter, whose conjunction names the tenant.
        session: The values are those of its snapshot; without one, those of now.
        timeout_ms: The time limit of a query; here it is 100 ms at most.
    """
    fields = {text.field for text in _texts_in(where)}
    if not fields:
        return where
    fixed = _fixed_in(where)
    if "tenant_id" not in fixed or "user_id" in fixed:
        return where
    found: dict[str, list[str] | None] = {}
    # A session takes one command at a time.
    for field in sorted(fields):
        key = _index_of(document, field)
        if key is not None:
            found[field] = await _read_texts(
                database, document, key, fixed["tenant_id"], session=session, timeout_ms=min(timeout_ms, _TIMEOUT_MS)
            )
    return _resolved(where, found)


def _texts_in(where: Filter) -> Iterator[_Text]:
    if isinstance(where, AllOf | AnyOf):
        for part in where.parts:
            yield from _texts_in(part)
    elif isinstance(where, Not):
        yield from _texts_in(where.part)
    elif isinstance(where, _Text):
        yield where


def _fixed_in(where: Filter) -> Query:
    """The fields that have one value in all that `where` finds."""
    if isinstance(where, AllOf):
        return {name: value for part in where.parts for name, value in _fixed_in(part).items()}
    if isinstance(where, OneOf) and len(where.values) == 1:
        return {where.field: where.values[0]}
    return {}


def _index_of(document: type[Document], field: str) -> IndexKey | None:
    keys = (index.key for index in usable_indexes(document))
    return next((key for key in keys if list(key)[:2] == ["tenant_id", field]), None)


async def _read_texts(  # noqa: PLR0913 - what one query is made of
    database: Database,
    document: type[Document],
    key: IndexKey,
    tenant: Any,
    *,
    session: AsyncClientSession | None,
    timeout_ms: int,
) -> list[str] | None:
    """The texts that the second field of the index `key` holds in a tenant; None if they cannot be read quickly."""
    rows = database.rows(document)
    _, field, *_ = key
    if await database.multikey.of(rows, key):
        return None
    # Within texts; a partial index has all of these.
    query: Query = {"tenant_id": tenant, field: {"$gte": ""}}
    pipeline = [{"$match": query}, {"$group": {"_id": f"${field}"}}, {"$limit": _MOST_VALUES + 1}]

    async def read() -> list[Any]:
        options: dict[str, Any] = {"hint": dict(key), "maxTimeMS": timeout_ms, "session": session}
        async with await rows.aggregate(pipeline, batchSize=_MOST_VALUES + 2, **options) as cursor:
            return [row["_id"] async for row in cursor]

    try:
        values = await await_query(read(), rows, query, timeout_ms)
    except ExecutionTimeout:
        return None
    except OperationFailure as error:
        if error.code != BAD_VALUE:
            raise
        # The index is missing.
        return None
    # An array is there since a moment ago; and what is no valid text cannot be searched for by its value.
    is_exact = all(isinstance(value, str) and REPLACEMENT not in value for value in values)
    return values if is_exact and len(values) <= _MOST_VALUES else None


def _resolved(where: Filter, known: _Texts) -> Filter:
    if isinstance(where, AllOf | AnyOf):
        return replace(where, parts=tuple(_resolved(part, known) for part in where.parts))
    if isinstance(where, Not):
        return Not(_resolved(where.part, known))
    if not isinstance(where, _Text):
        return where
    texts = known.get(where.field)
    if texts is None:
        return where
    matching = tuple(text for text in sorted(texts) if where.matches(_document_with(where.field, text)))
    return OneOf(where.field, matching) if matching else AnyOf()


def _document_with(path: str, value: Any) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    return {head: _document_with(rest, value) if rest else value}
