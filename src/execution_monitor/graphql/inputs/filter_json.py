"""The JSON of an input that was given as an argument, such as a filter: what its owner reads and may send again."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from strawberry import UNSET
from strawberry.types.base import get_object_definition


def json_of(given: object | None) -> Mapping[str, Any] | None:
    """The input `given` as JSON with the names of the API; None where none is given."""
    return None if not given else cast("Mapping[str, Any]", _to_json(given))


def _to_json(value: Any) -> Any:
    definition = get_object_definition(type(value))
    if definition is not None:
        values = {each: getattr(value, each.python_name) for each in definition.fields}
        return {
            each.graphql_name or _camel_case(each.python_name): _to_json(found)
            for each, found in values.items()
            if found is not UNSET
        }
    if isinstance(value, list):
        return [_to_json(each) for each in cast("list[Any]", value)]
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, datetime) else value


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
