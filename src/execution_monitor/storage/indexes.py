"""Indexes as documents declare them: helpers to declare one, and what the declared ones are good for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

# The fields of an index with their directions: what hints, sorts and index declarations consist of.
IndexKey = Mapping[str, int]
# Fields with their directions, where that of the first is 1: an order and its reverse have the same.
OrderPattern = tuple[tuple[str, int], ...]

UNSORTABLE_INDEX = "unsortable"
# For statistics alone, which name them by hint (`facts`).
FACTS_INDEX, ODD_FACTS_INDEX = "facts", "odd_facts"
_NOT_FOR_LISTS = frozenset({UNSORTABLE_INDEX, FACTS_INDEX, ODD_FACTS_INDEX})
# An index has an entry for each element of an array, and a sort takes the least or the greatest of them; Python has
# no value for undefined; and between the ends of the order lie all bounds that there are.
_UNSORTABLE_TYPES = ("array", "undefined", "minKey", "maxKey")


@dataclass(frozen=True, eq=False)
class Index:
    """A declared index: its key, and the condition that its documents meet; None where it has all of them.

    MongoDB follows a hint to an index that lacks some documents, and leaves them out.
    """

    key: IndexKey
    condition: Mapping[str, Any] | None

    def order_behind(self, place: int) -> OrderPattern:
        """The order of the entries that have the same values in all fields before `place`."""
        return pattern_of(list(self.key.items())[place:])


def pattern_of(keys: Sequence[tuple[str, int]]) -> OrderPattern:
    """The pattern of fields with their directions."""
    return tuple((field, direction * keys[0][1]) for field, direction in keys)


def ascending(*fields: str, unique: bool = False) -> IndexModel:
    """An ascending index on `fields`, named after them."""
    return IndexModel([(field, ASCENDING) for field in fields], name="_".join(fields), unique=unique)


def newest_within(*fields: str) -> IndexModel:
    """An index on `fields` of all documents, those with the same values from the newest to the oldest."""
    keys = [*((field, ASCENDING) for field in fields), ("created", DESCENDING), ("_id", DESCENDING)]
    return IndexModel(keys, name="_".join([*fields, "newest"]))


def ascending_where(condition: Mapping[str, Any], *fields: str) -> IndexModel:
    """An ascending index on `fields` of those documents alone that meet `condition`, named after the fields."""
    keys = [(field, ASCENDING) for field in fields]
    return IndexModel(keys, name="_".join(fields), partialFilterExpression=condition)


def unsortable_index(*fields: str, of: Iterable[str]) -> IndexModel:
    """An index on `fields` of those rows alone that have no place in an order of the fields `of`; mostly empty."""
    keys = [(field, ASCENDING) for field in fields]
    return IndexModel(keys, name=UNSORTABLE_INDEX, partialFilterExpression=where_unsortable(of))


def where_unsortable(fields: Iterable[str]) -> dict[str, Any]:
    """The condition that one of `fields` holds a value that has no place in an order."""
    return {"$or": _each_unsortable(fields)}


def where_sortable(fields: Iterable[str]) -> dict[str, Any]:
    """The condition that each of `fields` is missing or holds a value that has a place in an order."""
    return {"$nor": _each_unsortable(fields)}


def is_unsortable(field: str) -> dict[str, Any]:
    """The aggregation expression for whether the value of `field` has no place in an order."""
    return {"$in": [{"$type": f"${field}"}, list(_UNSORTABLE_TYPES)]}


def _each_unsortable(fields: Iterable[str]) -> list[dict[str, Any]]:
    return [{field: {"$type": list(_UNSORTABLE_TYPES)}} for field in fields]


def indexes_of(document: type[Document]) -> list[IndexModel]:
    """The indexes that `document` declares; Beanie knows them once the database is connected."""
    return [declared.index for declared in document.get_settings().indexes]


@cache
def usable_indexes(document: type[Document]) -> tuple[Index, ...]:
    """The indexes that `document` declares for lists and lookups."""
    return tuple(
        Index(index.document["key"], index.document.get("partialFilterExpression"))
        for index in indexes_of(document)
        if index.document["name"] not in _NOT_FOR_LISTS
    )


@cache
def unsortable_key(document: type[Document]) -> IndexKey | None:
    """The key of the index of the rows that cannot be sorted; None where `document` declares none."""
    found = [index.document for index in indexes_of(document) if index.document["name"] == UNSORTABLE_INDEX]
    return dict.fromkeys(found[0]["key"], ASCENDING) if found else None
