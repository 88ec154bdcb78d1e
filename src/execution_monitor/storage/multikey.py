"""The fields of an index in which MongoDB has ever found an array, and so no longer believes in their order."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from execution_monitor.storage.filters import as_list, as_mapping

# MongoDB is asked for 1 ms; what it says changes once in the life of an index, and costs time until it is known.
_SECONDS = 10.0
_TIMEOUT_MS = 1_000

_Key = tuple[str, tuple[str, ...]]


class MultikeyFields:
    """What is known of the indexes of one database."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[float, frozenset[str]]] = {}

    async def of(self, collection: AsyncCollection[dict[str, Any]], key: Mapping[str, int]) -> frozenset[str]:
        """The fields of the index `key` that an array was found in, as of the last seconds."""
        place = (collection.name, tuple(key))
        asked_at, fields = self._known.get(place, (None, frozenset[str]()))
        now = time.monotonic()
        if asked_at is None or now - asked_at > _SECONDS:
            # Before the answer is there, so that one asks and others go on.
            self._known[place] = (now, fields)
            fields = await _ask(collection, key, fields)
            self._known[place] = (now, fields)
        return fields


async def _ask(
    collection: AsyncCollection[dict[str, Any]], key: Mapping[str, int], known: frozenset[str]
) -> frozenset[str]:
    find = {"find": collection.name, "hint": key, "limit": 1, "maxTimeMS": _TIMEOUT_MS}
    try:
        answer = await collection.database.command("explain", find, verbosity="queryPlanner")
    except PyMongoError:
        # Whatever is wrong, the page itself tells of.
        return known
    return frozenset(field for paths in _multikey_paths(answer) for field, arrays in paths.items() if arrays)


def _multikey_paths(answer: Any) -> Iterator[Mapping[str, Any]]:
    node = as_mapping(answer)
    if node is None:
        for each in as_list(answer):
            yield from _multikey_paths(each)
        return
    for name, value in node.items():
        if name == "multiKeyPaths":
            yield cast("Mapping[str, Any]", value)
        else:
            yield from _multikey_paths(value)
