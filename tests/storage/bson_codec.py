"""BSON with the codec options of the server's client."""

from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion

CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """`row` as it is read from a collection."""
    return bson.decode(bson.encode(row, codec_options=CODEC), codec_options=CODEC)  # pyright: ignore[reportUnknownMemberType] - an overload is open
