"""Bulk writes where duplicate keys are expected: what many processes report is stored by the first of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import InsertOne, UpdateMany, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from execution_monitor.storage.rows import BsonDocument

_DUPLICATE_KEY = 11000
# Encoding so many documents takes a few milliseconds, in which nothing else runs.
_AT_ONCE = 250


@dataclass(slots=True)
class Written:
    """What bulk writes did.

    Attributes:
        duplicates: the places of those that met a stored document with the same key.
        changed: how many documents were inserted or changed.
    """

    duplicates: list[int] = field(default_factory=list[int])
    changed: int = 0


async def write_all(
    collection: AsyncCollection[BsonDocument],
    writes: Sequence[InsertOne[BsonDocument] | UpdateOne | UpdateMany],
) -> Written:
    """Run `writes` in any order, each as if it were alone.

    Raises:
        PyMongoError: one of them failed, though not for a duplicate key; others may have been done.
    """
    written = Written()
    for start in range(0, len(writes), _AT_ONCE):
        try:
            result = await collection.bulk_write(writes[start : start + _AT_ONCE], ordered=False)
            counts: Mapping[str, Any] = result.bulk_api_result
        except BulkWriteError as error:
            counts = error.details or {}
            errors: list[dict[str, Any]] = counts["writeErrors"]
            if counts["writeConcernErrors"] or any(each["code"] != _DUPLICATE_KEY for each in errors):
                raise
            written.duplicates.extend(start + each["index"] for each in errors)
        written.changed += counts["nInserted"] + counts["nUpserted"] + counts["nModified"]
    return written
