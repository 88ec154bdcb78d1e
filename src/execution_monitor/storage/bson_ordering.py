"""BSON comparison order: how MongoDB compares and sorts scalars of different types.

Source: MongoDB manual, "Comparison/Sort Order". A missing field counts as null. Arrays and objects are not compared.
"""

import math
import uuid
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from bson import Binary, Code, DatetimeMS, Decimal128, ObjectId, Timestamp


class TypeRank(IntEnum):
    """The rank of a BSON type in MongoDB's order; a comparison operator never leaves its type."""

    NULL = 2
    NUMBER = 3
    STRING = 4
    OBJECT = 5
    ARRAY = 6
    BINARY = 7
    OBJECT_ID = 8
    BOOLEAN = 9
    DATE = 10
    TIMESTAMP = 11
    OTHER = 12


# The order of the tests matters: to Python a bool is an int, and code a str.
_RANKS: tuple[tuple[type | tuple[type, ...], TypeRank], ...] = (
    (type(None), TypeRank.NULL),
    (Code, TypeRank.OTHER),
    (bool, TypeRank.BOOLEAN),
    ((int, float, Decimal128), TypeRank.NUMBER),
    (str, TypeRank.STRING),
    ((datetime, DatetimeMS), TypeRank.DATE),
    (ObjectId, TypeRank.OBJECT_ID),
    ((bytes, Binary, uuid.UUID), TypeRank.BINARY),
    (Timestamp, TypeRank.TIMESTAMP),
    (dict, TypeRank.OBJECT),
    (list, TypeRank.ARRAY),
)

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)

SCALAR_RANKS = frozenset(set(TypeRank) - {TypeRank.OBJECT, TypeRank.ARRAY, TypeRank.OTHER})


def rank_of(value: Any) -> TypeRank:
    """Return the rank of the type of `value`."""
    for types, rank in _RANKS:
        if isinstance(value, types):
            return rank
    return TypeRank.OTHER


def is_nan(value: Any) -> bool:
    """Whether `value` is NaN, which MongoDB sorts before all other numbers."""
    if isinstance(value, Decimal128):
        return value.to_decimal().is_nan()
    return isinstance(value, float) and math.isnan(value)


def comparable(value: Any) -> Any:
    """Return `value` in a form that Python compares as MongoDB does within one `TypeRank`; not for NaN."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, datetime | DatetimeMS):
        return milliseconds_of(value)
    return value


def milliseconds_of(time: datetime | DatetimeMS) -> int:
    """A time as BSON stores it: whole milliseconds since 1970."""
    if isinstance(time, DatetimeMS):
        return int(time)
    # Ten times as fast as the driver's conversion.
    return int(DatetimeMS(time)) if time.tzinfo is None else (time - _EPOCH) // _MILLISECOND


def equal(left: Any, right: Any) -> bool:
    """Whether two scalars are equal to MongoDB: within a type, and numbers by value whatever their width."""
    if rank_of(left) is not rank_of(right):
        return False
    if is_nan(left) or is_nan(right):
        return is_nan(left) and is_nan(right)
    return bool(comparable(left) == comparable(right))


def to_float(value: Any) -> float | None:
    """Return a stored number as a float; None for anything else, and for NaN and infinity, which JSON lacks."""
    if type(value) is not float:
        if rank_of(value) is not TypeRank.NUMBER or is_nan(value):
            return None
        value = float(value.to_decimal() if isinstance(value, Decimal128) else value)
    # Adding zero removes the sign of a zero.
    return value + 0.0 if math.isfinite(value) else None
