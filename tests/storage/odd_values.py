"""Values of every BSON type, with the special ones of each, also those that PyMongo cannot represent."""

import struct
from collections.abc import Mapping
from typing import Any

import bson
from bson import Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument

from execution_monitor.storage.raw_values import RawValue, to_document
from tests.storage.strategies import SCALARS


def _text(kind: int, text: bytes) -> RawValue:
    return RawValue(kind, struct.pack("<i", len(text) + 1) + text + b"\0")


def _object(*fields: tuple[str, Any]) -> RawValue:
    return RawValue(3, to_document(fields))


_UNDEFINED, _NULL = RawValue(6, b""), RawValue(10, b"")
_POINTER = RawValue(12, _text(2, b"runs").content + bytes(12))
_SCOPED = _text(13, b"f()").content + bson.encode({"a": 1})
_WITH_SCOPE = RawValue(15, struct.pack("<i", len(_SCOPED) + 4) + _SCOPED)
_LONG = "long " * 3_000

ARRAYS: tuple[Any, ...] = (
    [],
    [None],
    [None, 5],
    [1, 10],
    [1],
    ["a", 3, MaxKey()],
    [[1, 2], [3]],
    [{"a": 1}, 5],
    [MinKey()],
    [_LONG],
)
_ENDS: tuple[Any, ...] = (MinKey(), MaxKey())
OBJECTS: tuple[Any, ...] = (
    {},
    {"run": 1},
    {"run": 1.5},
    {"run": [1, 2]},
    {"run": {"$gt": ""}},
    {"$gt": ""},
    {"$literal": 1},
    DBRef("a", 1),
    _object(("a", _UNDEFINED)),
    _object(("a", _NULL)),
    _object(("a", 1), ("a", 2)),
    _object(("a", 1)),
    _object(("a", _text(2, b"\xff"))),
    _object(("a", _POINTER)),
)
# Decoded, they become other values, or equal ones.
_BEYOND_PYTHON: tuple[Any, ...] = (
    _text(2, b"\xff"),
    _text(2, b"\xfe"),
    _text(2, "\ufffd".encode()),
    _text(14, b"a symbol"),
    _text(14, b"a"),
    _text(13, b"\xff"),
    _POINTER,
    _WITH_SCOPE,
    Code("f()"),
    Code("f()", {"a": 1}),
    Decimal128("-NaN"),
    DatetimeMS(2**62),
)
# Above 12 KB, and equal for longer than the prefix that a cursor holds.
LONG: tuple[Any, ...] = (
    _LONG,
    _LONG + "a",
    _LONG + "b",
    _text(14, (_LONG + "ab").encode()),
    _text(2, (_LONG + "\xff").encode("latin-1")),
    Code(_LONG),
    Code(_LONG, {"a": 1}),
    _LONG.encode(),
    _LONG.encode() + b"a",
    _LONG.encode() + b"b",
    {"run": _LONG},
    {"run": _LONG + "a"},
    {"run": {"deep": {"er": _LONG, "after": 1}}},
    {"run": {"deep": {"er": _LONG, "after": 2}}},
    {"run": [_LONG, _LONG]},
    {f"field {number}": number for number in range(1_000)},
    {_LONG: 1},
)
_PATTERNS: tuple[Any, ...] = (Regex(".*"), Regex("a", "i"), Regex(_LONG))

# MongoDB accepts no array, pattern or undefined value as an `_id`.
OWN_IDS: tuple[Any, ...] = (*SCALARS, *OBJECTS, *_BEYOND_PYTHON, *LONG, *_ENDS)
VALUES: tuple[Any, ...] = (*OWN_IDS, *ARRAYS, *_PATTERNS, _UNDEFINED, Timestamp(0, 1), Int64(5), ObjectId(bytes(12)))


def document(fields: Mapping[str, Any]) -> RawBSONDocument:
    """A document of `fields`, which is inserted byte by byte as it is."""
    return RawBSONDocument(to_document(fields.items()))


def embedded(fields: Mapping[str, Any]) -> RawValue:
    """An object of `fields` within a document."""
    return _object(*fields.items())
