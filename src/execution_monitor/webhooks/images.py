"""Images of executions in the outbox: what a delivery shows of an execution, and what decides whether it may."""

from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.bodies import PAYLOAD_FIELDS

# Of engines and of the writer of reports: no filter reads it, and no body shows it.
_NEVER = frozenset({"ingest", "performance_data"})
# A row of the outbox has 16 MB at most, and an execution may have as many.
MAX_IMAGE_BYTES = 4 * 1024 * 1024

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


def encode_image(row: Row, *, with_payloads: bool) -> bytes:
    """The BSON of `row`, without its payloads where they make it larger than 4 MB."""
    for left_out in (_NEVER, _NEVER | frozenset(PAYLOAD_FIELDS)) if with_payloads else (_NEVER | {*PAYLOAD_FIELDS},):
        image = _encode({name: value for name, value in row.items() if name not in left_out})
        if len(image) <= MAX_IMAGE_BYTES:
            return image
    # Something else is that large: what filters read of it stays.
    return _encode({name: value for name, value in row.items() if len(_encode({name: value})) <= MAX_IMAGE_BYTES // 32})


def decode_image(image: bytes) -> dict[str, Any]:
    """The row that `encode_image` was given, without what it left out."""
    return bson.decode(image, codec_options=_CODEC)  # pyright: ignore[reportUnknownMemberType] - an overload is open


def _encode(row: Row) -> bytes:
    try:
        return bson.encode(dict(row), codec_options=_CODEC)
    except (BSONError, OverflowError, ValueError):
        # What was decoded may hold a value that cannot be encoded again.
        return bson.encode({name: value for name, value in row.items() if _is_encodable(value)}, codec_options=_CODEC)


def _is_encodable(value: Any) -> bool:
    try:
        bson.encode({"": value}, codec_options=_CODEC)
    except (BSONError, OverflowError, ValueError):
        return False
    return True
