"""Attributes of OpenTelemetry as Python values."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Attributes = Mapping[str, Any]

_SCALARS = frozenset({"string_value", "bool_value", "int_value", "double_value"})


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """The attributes by their keys; one without a value is None, and of two with the same key the last counts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        found[pair.key] = getattr(value, kind) if kind in _SCALARS else value_of(value)
    return found


def value_of(value: AnyValue) -> Any:
    """Text, a number, a boolean, a list, a dict or None; bytes are base64."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def text_of(attributes: Attributes, *names: str) -> str | None:
    """The first of the named attributes that is a text and not empty."""
    for name in names:
        value = attributes.get(name)
        if value and isinstance(value, str):
            return value
    return None


def count_of(attributes: Attributes, *names: str) -> int | None:
    """The first of the named attributes that is a whole number from 0 on."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
    return None
