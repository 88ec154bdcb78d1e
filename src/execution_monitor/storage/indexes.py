"""Which indexes a collection lacks: told by what they hold, as MongoDB and its operators give them other names."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

# What says nothing of the rows that an index holds, or in which order.
_ASIDE = frozenset({"v", "name", "key", "ns", "background"})


async def missing_indexes(
    collection: AsyncCollection[dict[str, Any]], wanted: Sequence[IndexModel]
) -> list[IndexModel]:
    """Those of `wanted` that `collection` has under no name."""
    try:
        known = [_content_of(index) async for index in await collection.list_indexes()]
    except PyMongoError:
        # Making them tells why.
        return list(wanted)
    return [index for index in wanted if _content_of(index.document) not in known]


def _content_of(index: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """The key in its order, and the options that differ from their defaults."""
    options = {name: value for name, value in index.items() if name not in _ASIDE and value is not False}
    return list(index["key"].items()), options
