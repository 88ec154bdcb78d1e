"""BSON of statements and documents, which are encoded a few at a time, before they are sent together."""

import struct
from collections.abc import Mapping
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.rows import BsonDocument

_OPTIONS: CodecOptions[BsonDocument] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

_LENGTH = struct.Struct("<i")
_LENGTH_AND_END = _LENGTH.size + 1
_TIME = struct.Struct("<q")
_TYPE_OF_TIME = b"\x09"
_END = b"\0"


class RefusedWrite(BadUserInput):
    """A report that cannot be stored, whoever sends it when."""


def encode(document: Mapping[str, Any]) -> bytes:
    """`document` in BSON; raises `RefusedWrite` where BSON cannot hold it."""
    try:
        return bson.encode(document, codec_options=_OPTIONS)
    except (BSONError, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise RefusedWrite("A value that was reported cannot be stored: MongoDB has no type for it.") from error


def elements_of(document: Mapping[str, Any]) -> bytes:
    """The elements of `document` in BSON, which those of others can follow; raises as `encode` does."""
    return encode(document)[_LENGTH.size : -1]


def element_of_time(name: str, milliseconds: int) -> bytes:
    """The element of a time since 1970."""
    return _TYPE_OF_TIME + name.encode() + _END + _TIME.pack(milliseconds)


def document_of(*elements: bytes) -> RawBSONDocument:
    """The document that has all these elements, whose names must differ."""
    content = b"".join(elements)
    return RawBSONDocument(_LENGTH.pack(len(content) + _LENGTH_AND_END) + content + _END)
