"""Cursors of live updates: positions to resume from, encrypted and tied to one visibility.

A cursor is base64url over a version byte, a tag and the encrypted position. The tag is a keyed hash of the position and
of what the cursor is sealed for, and the key stream comes from the tag (a synthetic IV). So the same event and
visibility always give the same bytes, which subscribers can share, and any other bytes or visibility are refused. A
resume token holds `_id`s and the collection's identity; a client can read neither from a cursor.
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
_BLOCK_BYTES = 64  # the largest digest of blake2b
_SHORTEST = 1 + _TAG_BYTES + 1 + 9  # with a mode, and a position that is only a time


class ResumeMode(IntEnum):
    """How a subscription resumes from a cursor; the values are part of cursors that clients keep."""

    CONTINUE = 0  # with the changes after it
    RESTART = 1  # with the present state, which was not sent completely
    ENDED = 2  # not at all: there is nothing more


@dataclass(frozen=True, slots=True)
class ResumePosition:
    """What a cursor holds: where a subscription resumes, and how."""

    position: StreamPosition
    mode: ResumeMode = ResumeMode.CONTINUE


class LiveCursors:
    """Encrypts and decrypts cursors; servers with the same secret accept each other's."""

    def __init__(self, secret: bytes) -> None:
        self._tag_key = hashlib.blake2b(secret, person=b"live cursor tag", digest_size=32).digest()
        self._stream_key = hashlib.blake2b(secret, person=b"live cursor key", digest_size=32).digest()

    def encode(self, resume: ResumePosition, sealed_for: bytes) -> str:
        """The cursor of `resume`; only `decode` with an equal `sealed_for` accepts it."""
        content = bytes([resume.mode]) + bytes.fromhex(resume.position)
        tag = self._tag(content, sealed_for)
        sealed = bytes([VERSION]) + tag + self._cipher(content, tag)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def decode(self, cursor: str, sealed_for: bytes) -> ResumePosition:
        """What `cursor` holds.

        Raises:
            InvalidCursor: `encode` did not make it with this secret and `sealed_for`.
        """
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
        if not hmac.compare_digest(tag, self._tag(content, sealed_for)):
            raise refused
        return ResumePosition(StreamPosition(content[1:].hex().upper()), ResumeMode(content[0]))

    def _tag(self, content: bytes, sealed_for: bytes) -> bytes:
        # The length comes first, or the end of one could be taken for the beginning of the other.
        text = len(sealed_for).to_bytes(4, "big") + sealed_for + content
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
    # Base64 has spare bits at its end; only one form of a cursor is right.
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
    return raw if raw and canonical == cursor else None
