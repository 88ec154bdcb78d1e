"""Cursors of live updates: places in the history, sealed for one set of rights.

A cursor is base64url over a version byte, a tag and the position in cipher. The tag is a keyed hash of the position and
of what the cursor belongs to, and the key stream comes from the tag (a synthetic IV): the same event and rights always
give the same bytes, which may therefore be shared, and any other bytes or rights are refused. A resume token holds
`_id`s and the collection's identity; neither can be read here.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import IntEnum

from execution_monitor.errors import InvalidCursor
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.storage.cursors import MAX_TOKEN_LENGTH

VERSION = 1
_TAG_BYTES = 16
_BLOCK_BYTES = 64  # what blake2b yields at most
_SHORTEST = 1 + _TAG_BYTES + 1 + 9  # with a mark, and a position that is a time alone


class ResumeMode(IntEnum):
    """How to go on from a place."""

    GO_ON = 0  # with what happened behind it
    BEGIN = 1  # with the present state: it was not told completely
    END = 2  # not at all


@dataclass(frozen=True, slots=True)
class ResumePosition:
    """Where a cursor points."""

    position: StreamPosition
    mark: ResumeMode = ResumeMode.CONTINUE


class LiveCursors:
    """Seals and opens cursors; replicas with the same secret understand each other's."""

    def __init__(self, secret: bytes) -> None:
        self._tag_key = hashlib.blake2b(secret, person=b"live cursor tag", digest_size=32).digest()
        self._stream_key = hashlib.blake2b(secret, person=b"live cursor key", digest_size=32).digest()

    def encode(self, place: ResumePosition, belonging: bytes) -> str:
        """`place` as a cursor that is of use together with `belonging` alone."""
        content = bytes([place.mark]) + bytes.fromhex(place.position)
        tag = self._tag(content, belonging)
        sealed = bytes([VERSION]) + tag + self._cipher(content, tag)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def decode(self, cursor: str, belonging: bytes) -> ResumePosition:
        """The place that `cursor` points to; raises `InvalidCursor` unless it was made here for `belonging`."""
        refused = InvalidCursor(
            "This cursor is damaged or was made for another caller or subscriber; subscribe again without one."
        )
        sealed = _from_text(cursor)
        if sealed is None:
            raise refused
        if sealed[0] != VERSION:
            raise InvalidCursor("This cursor is of another version of the server; subscribe again without one.")
        if len(sealed) < _SHORTEST:
            raise refused
        tag = sealed[1 : 1 + _TAG_BYTES]
        content = self._cipher(sealed[1 + _TAG_BYTES :], tag)
        if not hmac.compare_digest(tag, self._tag(content, belonging)):
            raise refused
        return ResumePosition(StreamPosition(content[1:].hex().upper()), ResumeMode(content[0]))

    def _tag(self, content: bytes, belonging: bytes) -> bytes:
        # The length in front, or the end of one could be taken for the beginning of the other.
        text = len(belonging).to_bytes(4, "big") + belonging + content
        return hashlib.blake2b(text, key=self._tag_key, digest_size=_TAG_BYTES).digest()

    def _cipher(self, text: bytes, tag: bytes) -> bytes:
        blocks = range((len(text) + _BLOCK_BYTES - 1) // _BLOCK_BYTES)
        stream = b"".join(
            hashlib.blake2b(tag + block.to_bytes(4, "big"), key=self._stream_key).digest() for block in blocks
        )
        mixed = int.from_bytes(text, "big") ^ int.from_bytes(stream[: len(text)], "big")
        return mixed.to_bytes(len(text), "big")


def _from_text(cursor: str) -> bytes | None:
    if not 0 < len(cursor) <= MAX_TOKEN_LENGTH:
        return None
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    # Base64 has bits to spare at its end; only one spelling of a cursor is right.
    spelt = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
    return raw if raw and spelt == cursor else None
