"""Facts: the fields that statistics read, and the index that has them all, so that no document is fetched.

One array in a field of an index makes MongoDB fetch the documents of everyone. So the index has the plain documents
alone, whose facts are texts, numbers and dates as they should be; a second, mostly empty one has the others. A query
of either must hold the condition of its index word for word; MongoDB then finds it met by every entry.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import DatetimeMS, Decimal128
from pymongo import ASCENDING, IndexModel

from execution_monitor.storage.indexes import FACTS_INDEX, ODD_FACTS_INDEX, IndexKey
from execution_monitor.storage.predicates import Stored, as_mapping

# Those of the key in an order that lets conditions on the first ones end a scan early.
_TEXTS = ("tenant_id", "status", "workflow_name", "user_id", "error_details.code")
_NUMBERS = ("total_duration", "total_cost", "tokens_used")
_CREATED, _ERROR = "created", "error_details"

FACTS_KEY: IndexKey = dict.fromkeys(("tenant_id", _CREATED, *_TEXTS[1:], *_NUMBERS), ASCENDING)
ODD_FACTS_KEY: IndexKey = dict.fromkeys(("tenant_id", _CREATED), ASCENDING)

# The types of each fact in a plain document, beside null and a missing value: of those that Python reads alike, all.
_PLAIN_TYPES: Mapping[str, tuple[str, ...]] = {
    _CREATED: ("date", "undefined"),
    **dict.fromkeys(_TEXTS, ("string", "symbol", "undefined")),
    **dict.fromkeys(_NUMBERS, ("double", "int", "long", "decimal", "undefined")),
}
_ALL_TYPES = (
    *("double", "string", "object", "array", "binData", "undefined", "objectId", "bool", "date", "null", "regex"),
    *("dbPointer", "javascript", "symbol", "javascriptWithScope", "int", "timestamp", "long", "decimal"),
    *("minKey", "maxKey"),
)

# Where an array is what spoils the index, and names of fields that would be taken for the places of one.
_PATHS = (*_PLAIN_TYPES, _ERROR)
# A condition that a value is null is met by a missing one, too. At the path of a field, scalars have a missing value
# and arrays of scalars none at all; at the place 0 each array has an element. So an array with an object in it, which
# lacks both, and mostly another value of the right type, is the one that passes for plain, and is odd as well.
_NO_FIELD = "no field"
PLAIN: Mapping[str, Any] = {
    **{f"{path}.{name}": None for path in _PATHS for name in ("0", _NO_FIELD)},
    "$and": [{"$or": [{field: None}, {field: {"$type": list(types)}}]} for field, types in _PLAIN_TYPES.items()],
}
ODD: Mapping[str, Any] = {
    "$or": [
        *(
            {field: {"$type": [each for each in _ALL_TYPES if each not in types and each != "null"]}}
            for field, types in _PLAIN_TYPES.items()
        ),
        {_ERROR: {"$type": "array"}},
        *({f"{_ERROR}.{name}": {"$exists": True}} for name in ("0", _NO_FIELD)),
    ]
}


def facts_indexes() -> list[IndexModel]:
    """The index of the facts of plain documents, and that of the odd ones."""
    return [
        IndexModel(list(FACTS_KEY.items()), name=FACTS_INDEX, partialFilterExpression=PLAIN),
        IndexModel(list(ODD_FACTS_KEY.items()), name=ODD_FACTS_INDEX, partialFilterExpression=ODD),
    ]


def is_plain(document: Stored) -> bool:
    """Whether no fact of a stored document is odd: exactly the documents that `ODD` does not find."""
    stored = document.get(_ERROR)
    error = as_mapping(stored) or {}
    return (
        not isinstance(stored, list)
        and "0" not in error
        and _NO_FIELD not in error
        and _is_text(error.get("code"))
        and _is_date(document.get(_CREATED))
        and all(_is_text(document.get(field)) for field in _TEXTS[:-1])
        and all(_is_number(document.get(field)) for field in _NUMBERS)
    )


def _is_date(value: Any) -> bool:
    return value is None or isinstance(value, datetime | DatetimeMS)


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal128) and not isinstance(value, bool))
