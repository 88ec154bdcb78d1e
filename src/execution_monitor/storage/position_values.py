"""The values of a position as bytes and back: the content of a cursor."""

import struct
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from execution_monitor.storage.raw_values import (
    DIGEST_BYTES,
    LONGEST_KEPT,
    UNSORTABLE,
    RawValue,
    Shortened,
    fields_of,
    to_document,
    to_raw,
    to_value,
)
from execution_monitor.storage.sorting import SortPosition

# The name of the one value in the position of a row that cannot be sorted.
_OWN_ID = "_id"
# After the beginning of a long value follow its fingerprint and its length, under the same name with this letter.
_OF_LONG = "d"
_LENGTH = struct.Struct("<I")
# MongoDB stores documents nested to 180 levels, and takes commands of 200.
_DEEPEST = 180

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


def encode_values(position: SortPosition) -> bytes:
    """Encode the values of `position` as a BSON document; long ones are shortened."""
    names = map(str, range(len(position.values))) if position.is_sortable else (_OWN_ID,)
    named = dict(zip(names, position.values, strict=True))
    if not any(isinstance(value, RawValue | Shortened) for value in position.values):
        body = bson.encode(named, codec_options=_CODEC)
        if len(body) <= LONGEST_KEPT:
            return body
    kept: list[tuple[str, Any]] = []
    for name, value in named.items():
        short = value if isinstance(value, Shortened) else to_raw(value)
        if isinstance(short, RawValue) and len(short.content) > LONGEST_KEPT:
            short = Shortened.of(short)
        if isinstance(short, Shortened):
            kept += [(name, short.beginning), (name + _OF_LONG, short.digest + _LENGTH.pack(short.length))]
        else:
            kept.append((name, short))
    return to_document(kept)


def decode_values(body: bytes) -> SortPosition | None:
    """Return the position that `encode_values` encoded as `body`; None where it did not."""
    try:
        decoded: dict[str, Any] = bson.decode(body, codec_options=_CODEC)  # pyright: ignore[reportUnknownMemberType] - an overload is open
        raw = [(name.decode("ascii"), value) for name, value in fields_of(body)]
        if _is_deeper(decoded, _DEEPEST):
            return None
    except (BSONError, ValueError, OverflowError, RecursionError):
        return None
    values = list[Any]()
    is_sortable = _OWN_ID not in decoded
    for name, value in raw:
        before = str(len(values) - 1) if is_sortable else _OWN_ID
        if values and name == before + _OF_LONG and not isinstance(values[-1], Shortened):
            known = decoded[name]
            if type(known) is not bytes or len(known) != DIGEST_BYTES + _LENGTH.size:
                return None
            (length,) = _LENGTH.unpack(known[DIGEST_BYTES:])
            values[-1] = Shortened(to_raw(values[-1]), known[:DIGEST_BYTES], length)
        elif name == (str(len(values)) if is_sortable else _OWN_ID):
            values.append(to_value(value, decoded[name]))
        else:
            return None
    if not values or (is_sortable and not all(map(_is_sortable, values[:-1]))):
        return None
    return SortPosition(tuple(values), is_sortable=is_sortable)


def _is_sortable(value: Any) -> bool:
    kept = value.beginning if isinstance(value, Shortened) else value
    return not isinstance(kept, RawValue) or kept.type not in UNSORTABLE


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in value)  # pyright: ignore[reportUnknownVariableType] - any
