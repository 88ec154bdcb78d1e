"""BSON of statements and documents, which are encoded a few at a time, before they are sent together."""

from collections.abc import Mapping
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.rows import BsonDocument

_OPTIONS: CodecOptions[BsonDocument] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


class RefusedWrite(BadUserInput):
    """A report that cannot be stored, whoever sends it when."""


def encode(document: Mapping[str, Any]) -> bytes:
    """`document` in BSON; raises `RefusedWrite` where BSON cannot hold it."""
    try:
        return bson.encode(document, codec_options=_OPTIONS)
    except (BSONError, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise RefusedWrite("A value that was reported cannot be stored: MongoDB has no type for it.") from error
