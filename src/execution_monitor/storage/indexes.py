"""Indexes as documents declare them: helpers to declare one, and what the declared ones are good for."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from beanie import Document
from pymongo import ASCENDING, IndexModel

# The fields of an index with their directions: what hints, sorts and index declarations consist of.
IndexKey = Mapping[str, int]

UNSORTABLE_INDEX = "unsortable"
# An index has an entry for each element of an array, and a sort takes the least or the greatest of them; Python has
# no value for undefined; and between the ends of the order lie all bounds that there are.
_UNSORTABLE_TYPES = ("array", "undefined", "minKey", "maxKey")


def ascending(*fields: str, unique: bool = False) -> IndexModel:
    """An ascending index on `fields`, named after them."""
    return IndexModel([(field, ASCENDING) for field in fields], name="_".join(fields), unique=unique)


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
def indexed_fields(document: type[Document]) -> tuple[tuple[str, ...], ...]:
    """The fields of each index that `document` declares for all of its rows, in the order of the index."""
    return tuple(
        tuple(index.document["key"])
        for index in indexes_of(document)
        if "partialFilterExpression" not in index.document
    )


@cache
def unsortable_key(document: type[Document]) -> IndexKey | None:
    """The key of the index of the rows that cannot be sorted; None where `document` declares none."""
    found = [index.document for index in indexes_of(document) if index.document["name"] == UNSORTABLE_INDEX]
    return dict.fromkeys(found[0]["key"], ASCENDING) if found else None
