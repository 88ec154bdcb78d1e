"""Facts: the fields that statistics read, and the index that has them all, so that no document is fetched.

One array in a field of an index makes MongoDB fetch the documents of everyone. So the index has the plain documents
alone, no fact of which is an array; a second, mostly empty one has the others. A query of either must hold the
condition of its index word for word; MongoDB then finds it met by every entry. That of plain documents has no `$or`,
of which MongoDB would make and try ten plans for each query.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import DatetimeMS
from pymongo import ASCENDING, IndexModel

from execution_monitor.storage.indexes import FACTS_INDEX, ODD_FACTS_INDEX, IndexKey
from execution_monitor.storage.predicates import Stored, as_mapping

_TEXTS = ("tenant_id", "workflow_name", "user_id")
_NUMBERS = ("total_duration", "total_cost", "tokens_used")
_CREATED, _ERROR = "created", "error_details"

# In an order that lets conditions on the first ones end a scan early.
FACTS_KEY: IndexKey = dict.fromkeys(
    ("tenant_id", _CREATED, "status", "workflow_name", "user_id", "error_details.code", *_NUMBERS), ASCENDING
)
ODD_FACTS_KEY: IndexKey = dict.fromkeys(("tenant_id", _CREATED), ASCENDING)

# What every document has, and the types that Python reads alike.
_ALWAYS: Mapping[str, tuple[str, ...]] = {
    _CREATED: ("date",),
    **dict.fromkeys(("tenant_id", "workflow_name", "user_id"), ("string", "symbol")),
}
_ALL_TYPES = (
    *("double", "string", "object", "array", "binData", "undefined", "objectId", "bool", "date", "null", "regex"),
    *("dbPointer", "javascript", "symbol", "javascriptWithScope", "int", "timestamp", "long", "decimal"),
    *("minKey", "maxKey"),
)
# What may be missing, or of any type but an array.
_SOMETIMES = ("status", "error_details.code", *_NUMBERS, _ERROR)

# A condition that a value is null is met by a missing one, too. At the path of a field, scalars have a missing value
# and arrays of scalars none at all; at the place 0 each array has an element. So an array with an object in it, which
# lacks both, is the one that passes for plain; it is odd as well. Objects with such fields are taken for arrays.
_NAMES = ("0", "no field")
PLAIN: Mapping[str, Any] = {
    **{field: {"$type": list(types)} for field, types in _ALWAYS.items()},
    **{f"{field}.{name}": None for field in (*_ALWAYS, *_SOMETIMES) for name in _NAMES},
}
ODD: Mapping[str, Any] = {
    "$or": [
        *({field: {"$type": [each for each in _ALL_TYPES if each not in types]}} for field, types in _ALWAYS.items()),
        *({field: None} for field in _ALWAYS),
        *({field: {"$type": "array"}} for field in _SOMETIMES),
        *({f"{field}.{name}": {"$exists": True}} for field in _SOMETIMES for name in _NAMES),
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
    error = document.get(_ERROR)
    return (
        isinstance(document.get(_CREATED), datetime | DatetimeMS)
        and all(type(document.get(field)) is str for field in _TEXTS)
        and not any(_is_like_array(document.get(field)) for field in ("status", *_NUMBERS))
        and not _is_like_array(error)
        and not _is_like_array((as_mapping(error) or {}).get("code"))
    )


def _is_like_array(value: Any) -> bool:
    return isinstance(value, list) or any(name in (as_mapping(value) or {}) for name in _NAMES)
