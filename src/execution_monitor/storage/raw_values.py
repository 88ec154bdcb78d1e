"""Raw BSON values: the bytes of a stored value, for positions where Python's form of it is not exact or too long.

PyMongo decodes an undefined value as None, replaces text that is not UTF-8, and drops a second field of the same name.
A position in an order needs the exact value. Source: bsonspec.org, version 1.1.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

# Three sort keys and an `_id` of so many bytes make a cursor that fits into a URL.
LONGEST_KEPT = 2_048
DIGEST_BYTES = 16
# MongoDB stores no longer value.
_LONGEST_STORED = 16 * 1024 * 1024

_STRING, _OBJECT, _ARRAY, _BINARY, _UNDEFINED = 0x02, 0x03, 0x04, 0x05, 0x06
_REGEX, _DB_POINTER, _CODE, _SYMBOL, _CODE_WITH_SCOPE = 0x0B, 0x0C, 0x0D, 0x0E, 0x0F
MIN_KEY, MAX_KEY = 0xFF, 0x7F
_TEXTS = frozenset({_STRING, _SYMBOL, _CODE})
# Types of a fixed length in bytes: numbers, ids, dates, and those without content.
_FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0xFF: 0, 0x7F: 0}
# Types that Python's form encodes to the same value again, if their text is UTF-8.
_FAITHFUL = frozenset({*_FIXED, _STRING, _BINARY} - {_UNDEFINED, MIN_KEY, MAX_KEY})
# An index and a sort hold something else than values of these types, so that they have no position of their own.
UNSORTABLE = frozenset({_ARRAY, _UNDEFINED, MIN_KEY, MAX_KEY})

_EMPTY_DOCUMENT = b"\x05\0\0\0\0"
# Bytes that are not UTF-8 are decoded as this.
REPLACEMENT = "\ufffd"
_LENGTH = struct.Struct("<i")
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=UuidRepresentation.STANDARD)


@dataclass(frozen=True, slots=True)
class RawValue:
    """A stored value: the number of its BSON type, and its bytes."""

    type: int
    content: bytes

    @property
    def digest(self) -> bytes:
        """A fingerprint of the type and the bytes."""
        return hashlib.blake2b(bytes([self.type]) + self.content, digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Shortened:
    """The short form of a long value: its beginning, which sorts before it, a fingerprint, and its length in bytes."""

    beginning: RawValue
    digest: bytes
    length: int

    @classmethod
    def of(cls, value: RawValue) -> "Shortened":
        """Shorten `value`."""
        return cls(_begin(value, LONGEST_KEPT), value.digest, len(value.content))

    @property
    def lowest(self) -> RawValue:
        """A value just before the long one: as close as its beginning allows."""
        if self.beginning.type == _BINARY:
            return self._filled(b"\0")
        return self.beginning

    @property
    def highest(self) -> RawValue:
        """A value just after the long one: as close as its beginning allows."""
        if self.beginning.type == _BINARY:
            return self._filled(b"\xff")
        return _end(self.beginning)

    def _filled(self, padding: bytes) -> RawValue:
        # Of binary values the longer one is the greater.
        known = self.beginning.content[4:]
        missing = max(0, min(self.length, _LONGEST_STORED) - len(known) - 4)
        content = known + padding * missing
        return RawValue(_BINARY, _LENGTH.pack(len(content) - 1) + content)


def fields_of(document: bytes) -> Iterator[tuple[bytes, RawValue]]:
    """Iterate over the fields of a BSON document in their order; raises `ValueError` if it is not one."""
    if len(document) < len(_EMPTY_DOCUMENT) or _LENGTH.unpack_from(document)[0] != len(document) or document[-1]:
        raise ValueError("no document")
    offset = 4
    while offset < len(document) - 1:
        kind, name_end = document[offset], document.index(0, offset + 1)
        start = name_end + 1
        end = start + _length_of(kind, document, start)
        if end >= len(document):
            raise ValueError("a field beyond the end")
        yield document[offset + 1 : name_end], RawValue(kind, document[start:end])
        offset = end


def _length_of(kind: int, document: bytes, start: int) -> int:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind == _REGEX:
        return document.index(0, document.index(0, start) + 1) + 1 - start
    try:
        (length,) = _LENGTH.unpack_from(document, start)
    except struct.error as error:
        raise ValueError("no length") from error
    # The length does not count itself, the subtype of a binary or the id of a pointer.
    extra = {_BINARY: 5, _DB_POINTER: 16}.get(kind, 4 if kind in _TEXTS else 0)
    if length < 0 or kind not in {*_TEXTS, _OBJECT, _ARRAY, _BINARY, _DB_POINTER, _CODE_WITH_SCOPE}:
        raise ValueError("no value")
    return length + extra


def to_document(fields: Iterable[tuple[str, Any]]) -> bytes:
    """Encode `fields`, raw values or Python's, as a BSON document."""
    return _assemble((name.encode(), to_raw(value)) for name, value in fields)


def to_raw(value: Any) -> RawValue:
    """Encode `value` as it would be stored."""
    if isinstance(value, RawValue):
        return value
    ((_, raw),) = fields_of(bson.encode({"": value}, codec_options=_CODEC))
    return raw


def to_value(raw: RawValue, decoded: Any) -> Any:
    """Return `decoded`, Python's form of `raw`, where that is the same value; else `raw`."""
    if raw.type not in _FAITHFUL or (isinstance(decoded, str) and REPLACEMENT in decoded):
        return raw
    return decoded


def embeddable(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `fields` as a part of a command, also where one of them is a `RawValue`."""
    if any(isinstance(value, RawValue) for value in fields.values()):
        return RawBSONDocument(to_document(fields.items()))
    return fields


def _assemble(fields: Iterable[tuple[bytes, RawValue]]) -> bytes:
    content = b"".join(bytes([value.type]) + name + b"\0" + value.content for name, value in fields)
    return _LENGTH.pack(len(content) + 5) + content + b"\0"


def _text(kind: int, text: bytes) -> RawValue:
    return RawValue(kind, _LENGTH.pack(len(text) + 1) + text + b"\0")


def _begin(value: RawValue, room: int) -> RawValue:
    """Return `value` if it has about `room` bytes, else its beginning, which sorts before it."""
    if len(value.content) <= room:
        return value
    if value.type in _TEXTS:
        return _text(value.type, value.content[4 : 4 + room])
    if value.type in {_OBJECT, _ARRAY}:
        return RawValue(value.type, _assemble(_begin_fields(value.content, room)))
    if value.type == _BINARY:
        kept = value.content[4 : 5 + room]
        return RawValue(_BINARY, _LENGTH.pack(len(kept) - 1) + kept)
    if value.type == _CODE_WITH_SCOPE:
        code = _text(_CODE, value.content[8 : 8 + room]).content
        return RawValue(value.type, _LENGTH.pack(len(code) + 9) + code + _EMPTY_DOCUMENT)
    # A pattern, or a pointer to another collection.
    pattern = value.content[:room] if value.type == _REGEX else b""
    return RawValue(_REGEX, pattern + b"\0\0")


def _begin_fields(document: bytes, room: int) -> Iterator[tuple[bytes, RawValue]]:
    for name, value in fields_of(document):
        room -= len(name)
        if room <= 0:
            return
        yield name, _begin(value, room)
        room -= len(value.content)


def _end(beginning: RawValue) -> RawValue:
    """A value after all that begin like this."""
    if beginning.type in _TEXTS:
        # No text has such a byte.
        return _text(beginning.type, beginning.content[4:-1] + b"\xff")
    fields = list(fields_of(beginning.content)) if beginning.type == _OBJECT else []
    if not fields:
        return RawValue(MAX_KEY, b"")
    *others, (name, last) = fields
    return RawValue(_OBJECT, _assemble([*others, (name, _end(last))]))
