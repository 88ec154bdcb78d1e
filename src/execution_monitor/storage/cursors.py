"""Cursors of pages and global ids: opaque, versioned tokens.

A token is base64url over a version byte, a digest of what it belongs to, a BSON document and a checksum. It is neither
a secret nor a permission: its values are only compared, under the visibility of the caller.

The cursor of a row holds its sort values and its `_id`, of any type; of a long value it holds the beginning and a
fingerprint, by which the value is found again. That of a row that cannot be sorted holds its `_id` alone. Where a list
speaks of now, its cursors begin with the instant of its first page, and say whether their row still runs.
"""

import base64
import binascii
import hashlib
import struct
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from execution_monitor.errors import InvalidCursor
from execution_monitor.storage.bson_ordering import SCALAR_RANKS, rank_of
from execution_monitor.storage.digests import DIGEST_BYTES
from execution_monitor.storage.position_values import decode_values, encode_values
from execution_monitor.storage.running_time import RunningPosition, is_time, milliseconds_of
from execution_monitor.storage.sorting import Order, SortPosition

VERSION = 1
CHECKSUM_BYTES = 4  # detects a token that was damaged on its way
# More than the shortened values of a position need; far below what is costly to decode.
MAX_TOKEN_LENGTH = 16_384

# Milliseconds since 1970, and whether the row still runs.
_INSTANT = struct.Struct("<q?")
_EPOCH = datetime.fromtimestamp(0, UTC)

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


def encode_token(digest: bytes, values: tuple[Any, ...]) -> str:
    """Encode `values` as an opaque token that belongs to `digest`."""
    return _seal(digest, bson.encode({str(index): value for index, value in enumerate(values)}, codec_options=_CODEC))


def decode_token(token: str) -> tuple[bytes, tuple[Any, ...]]:
    """Return the digest and the values of `token`; raises `InvalidCursor` unless `encode_token` made it."""
    digest, body = _unseal(token)
    values = _decode_values(body)
    if values is None:
        raise _damaged()
    return digest, values


def _damaged() -> InvalidCursor:
    return InvalidCursor("This cursor is damaged; pass one exactly as the server gave it.")


def _seal(digest: bytes, body: bytes) -> str:
    content = bytes([VERSION]) + digest + body
    return _to_text(content + _checksum_of(content))


def _unseal(token: str) -> tuple[bytes, bytes]:
    """The digest and the body of `token`; raises `InvalidCursor` unless `_seal` made it."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise _damaged()
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise _damaged() from error
    # The last letter of base64 has spare bits; only one form of a token is valid.
    if not raw or _to_text(raw) != token:
        raise _damaged()
    if raw[0] != VERSION:
        raise InvalidCursor("This cursor is of another version of the server; start again from the first page.")
    content, checksum = raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]
    if checksum != _checksum_of(content):
        raise _damaged()
    return content[1 : 1 + DIGEST_BYTES], content[1 + DIGEST_BYTES :]


def _decode_values(body: bytes) -> tuple[Any, ...] | None:
    """The values of a BSON document with the keys "0", "1", ...; None unless each value may be an `_id`."""
    try:
        decoded: dict[str, Any] = bson.decode(body, codec_options=_CODEC)  # pyright: ignore[reportUnknownMemberType] - an overload is open
        values = tuple(decoded.values())
        # So no decoded value can become an operator.
        if list(decoded) != list(map(str, range(len(values)))) or not all(map(_may_be_an_id, values)):
            return None
    except (BSONError, ValueError, OverflowError, RecursionError):
        return None
    return values


def _may_be_an_id(value: Any) -> bool:
    """Whether `value` is a scalar, or an object without the names that MongoDB allows in no `_id`."""
    return rank_of(value) in SCALAR_RANKS or (isinstance(value, dict) and _has_plain_names(value))


def _has_plain_names(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_has_plain_names, cast("list[Any]", value)))
    if not isinstance(value, dict):
        return True
    fields = cast("dict[str, Any]", value)
    return not any(name.startswith("$") for name in fields) and all(map(_has_plain_names, fields.values()))


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _checksum_of(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECKSUM_BYTES).digest()


def encode_position(position: SortPosition, digest: bytes) -> str:
    """Encode the cursor of the row at `position`, in the list with this `digest`."""
    return _seal(digest, encode_values(position))


def decode_position(cursor: str, order: Order, digest: bytes) -> SortPosition:
    """Return the position that `cursor` holds; raises `InvalidCursor` if it was made for another list or caller."""
    found, body = _unseal(cursor)
    if found != digest:
        raise _foreign()
    return _position_in(body, order)


def encode_relative(position: SortPosition, digest: bytes, now: datetime) -> str:
    """As `encode_position`, for a list that is relative to the instant `now`, which the cursor carries."""
    instant = _INSTANT.pack(milliseconds_of(now), isinstance(position, RunningPosition))
    return _seal(digest, instant + encode_values(position))


def decode_relative(cursor: str, order: Order, digest: bytes) -> tuple[SortPosition, datetime]:
    """As `decode_position`, with the instant that `encode_relative` put into the cursor."""
    found, body = _unseal(cursor)
    if found != digest:
        raise _foreign()
    position = _position_in(body[_INSTANT.size :], order)
    now, is_running = _instant_in(body)
    if is_running and not (position.is_sortable and is_time(position.values[0])):
        raise _damaged()
    return RunningPosition(position.values) if is_running else position, now


def instant_of(cursor: str) -> datetime:
    """The instant in a `cursor` that `encode_relative` made; raises `InvalidCursor` if it has none."""
    return _instant_in(_unseal(cursor)[1])[0]


def _instant_in(body: bytes) -> tuple[datetime, bool]:
    try:
        now, is_running = _INSTANT.unpack_from(body)
        return _EPOCH + timedelta(milliseconds=now), is_running
    except (struct.error, OverflowError) as error:
        raise _damaged() from error


def _position_in(body: bytes, order: Order) -> SortPosition:
    position = decode_values(body)
    if position is None:
        raise _damaged()
    if position.is_sortable and len(position.values) != len(order.fields):
        raise _foreign()
    return position


def _foreign() -> InvalidCursor:
    return InvalidCursor(
        "This cursor belongs to another query; use it with the filter, the sort and the caller it came from, "
        "or start again from the first page."
    )
