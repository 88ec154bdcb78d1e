"""Cursors of pages and global ids: opaque, versioned tokens.

A token is base64url over a version byte, a digest of what it belongs to, a BSON document and a checksum. It is neither
a secret nor a permission: its values are only compared, under the visibility of the caller.

The cursor of a row holds its sort values and its `_id`, of any type; of a long value it holds the beginning and a
fingerprint, by which the value is found again. That of a row that cannot be sorted holds its `_id` alone.
"""

import base64
import binascii
import hashlib
from typing import Any, cast

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from execution_monitor.errors import InvalidCursor
from execution_monitor.storage.bson_ordering import SCALAR_RANKS, rank_of
from execution_monitor.storage.digests import DIGEST_BYTES
from execution_monitor.storage.position_values import decode_values, encode_values
from execution_monitor.storage.sorting import Order, SortPosition

VERSION = 1
CHECKSUM_BYTES = 4  # detects a token that was damaged on its way
# More than the shortened values of a position need; far below what is costly to decode.
MAX_TOKEN_LENGTH = 16_384

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
    position = decode_values(body)
    if position is None:
        raise _damaged()
    if found != digest or (position.is_sortable and len(position.values) != len(order.fields)):
        raise InvalidCursor(
            "This cursor belongs to another query; use it with the filter, the sort and the caller it came from, "
            "or start again from the first page."
        )
    return position
