"""Rows: stored documents as they are read, and those that also keep how some of their values are stored.

Where a cursor is made of a row, Python's form of a value may differ from the stored one; a `StoredRow` has both.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import bson
from bson import Decimal128, Int64, ObjectId, Timestamp
from bson.codec_options import CodecOptions
from bson.datetime_ms import DatetimeMS

from execution_monitor.storage.raw_values import REPLACEMENT, RawValue, fields_of, to_value

# A stored document, or the part of it that was read.
Row = Mapping[str, Any]
# A document that is written, an update or a command: what PyMongo's collections hold.
BsonDocument = dict[str, Any]

# Python types that no stored value of another type is decoded as. None stands for a missing value, too.
_FAITHFUL: frozenset[type] = frozenset(
    {type(None), bool, int, Int64, float, Decimal128, ObjectId, Timestamp, datetime, DatetimeMS, UUID}
)
_LONGEST_FAITHFUL = 500


class StoredRow(BsonDocument):
    """A row together with some of its values as they are stored."""

    __slots__ = ("is_sortable", "stored")

    def __init__(self, row: Row, stored: Mapping[str, RawValue]) -> None:
        super().__init__(row)
        self.stored = stored
        self.is_sortable = True  # else it comes after all others, whatever its values

    def value_of(self, field: str) -> Any:
        """The value of `field`, in Python's form where that is the same; None where it is missing."""
        raw = self.stored.get(field)
        return None if raw is None else to_value(raw, self[field])


def as_stored(raw: bytes, options: CodecOptions[BsonDocument], kept: Sequence[str]) -> StoredRow:
    """Decode the BSON document `raw`, and keep the stored values of the fields `kept`."""
    names = {name.encode(): name for name in kept}
    stored = {names[name]: value for name, value in fields_of(raw) if name in names}
    decoded: BsonDocument = bson.decode(raw, codec_options=options)  # pyright: ignore[reportUnknownMemberType] - an overload is open
    return StoredRow(decoded, stored)


def are_faithful(rows: Sequence[Row], fields: Sequence[str]) -> bool:
    """Whether the decoded values of `fields` in `rows` are certainly what is stored, and short enough for cursors."""
    for field in fields:
        values = [row.get(field) for row in rows]
        # Nearly always true, and without a call for each value.
        if not _FAITHFUL.issuperset(map(type, values)) and not all(map(_is_faithful, values)):
            return False
    return True


def _is_faithful(value: object) -> bool:
    if type(value) in _FAITHFUL:
        return True
    if type(value) is str:
        return len(value) <= _LONGEST_FAITHFUL and REPLACEMENT not in value
    return type(value) is bytes and len(value) <= _LONGEST_FAITHFUL
