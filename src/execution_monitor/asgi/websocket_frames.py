"""Texts as WebSocket frames, also many at once that thousands of sockets are sent: only their beginnings differ."""

from collections.abc import Sequence
from functools import lru_cache

# RFC 6455, section 5.2: a whole text, without a mask; and from which lengths on the length takes two or eight bytes.
_TEXT = b"\x81"
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 2**16


@lru_cache(maxsize=1_024)
def head_of(length: int) -> bytes:
    """What stands before a text of `length` bytes."""
    if length < _IN_TWO_BYTES:
        return _TEXT + bytes((length,))
    if length < _IN_EIGHT_BYTES:
        return _TEXT + b"\x7e" + length.to_bytes(2, "big")
    return _TEXT + b"\x7f" + length.to_bytes(8, "big")


class SharedTexts:
    """Texts that end alike for everybody; what they begin with is the same in all texts of one socket."""

    def __init__(self, endings: Sequence[bytes]) -> None:
        self._endings = endings
        self.size = sum(map(len, endings))
        self._between: dict[int, list[bytes]] = {}

    def frames(self, beginning: bytes) -> bytes:
        """All texts as frames, each of `beginning` and its ending."""
        between = self._between.get(len(beginning))
        if between is None:
            between = self._between[len(beginning)] = self._cut(len(beginning))
        # One call, however many they are: what differs is what the pieces are joined by.
        return beginning.join(between)

    def _cut(self, beginning: int) -> list[bytes]:
        heads = [head_of(beginning + len(ending)) for ending in self._endings]
        return [heads[0], *map(bytes.__add__, self._endings, heads[1:]), self._endings[-1]]
