"""Multikey fields: those of an index in which MongoDB once found an array, and no longer relies on their order."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.predicates import as_list, as_mapping
from execution_monitor.storage.rows import BsonDocument

# The command takes MongoDB 1 ms; its result changes once in the life of an index.
_SECONDS = 10.0
_TIMEOUT_MS = 1_000

_Key = tuple[str, tuple[str, ...]]


class MultikeyFields:
    """The multikey fields of the indexes of one database, remembered for some seconds."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[float, frozenset[str]]] = {}

    async def of(self, collection: AsyncCollection[BsonDocument], key: IndexKey) -> frozenset[str]:
        """The fields of the index `key` in which MongoDB found an array, as of some seconds ago."""
        index = (collection.name, tuple(key))
        read_at, fields = self._known.get(index, (None, frozenset[str]()))
        now = time.monotonic()
        if read_at is None or now - read_at > _SECONDS:
            # Before the reply arrives: others go on with what is known.
            self._known[index] = (now, fields)
            fields = await _read(collection, key, fields)
            self._known[index] = (now, fields)
        return fields


async def _read(collection: AsyncCollection[BsonDocument], key: IndexKey, known: frozenset[str]) -> frozenset[str]:
    find = {"find": collection.name, "hint": key, "limit": 1, "maxTimeMS": _TIMEOUT_MS}
    try:
        reply = await collection.database.command("explain", find, verbosity="queryPlanner")
    except PyMongoError:
        # The page itself reports what is wrong.
        return known
    return frozenset(field for paths in _multikey_paths(reply) for field, arrays in paths.items() if arrays)


def _multikey_paths(reply: Any) -> Iterator[Mapping[str, Any]]:
    node = as_mapping(reply)
    if node is None:
        for each in as_list(reply):
            yield from _multikey_paths(each)
        return
    for name, value in node.items():
        if name == "multiKeyPaths":
            yield cast("Mapping[str, Any]", value)
        else:
            yield from _multikey_paths(value)
