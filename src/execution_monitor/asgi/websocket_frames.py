"""WebSocket frames of texts, and of texts that many sockets share but for their beginning."""

from collections.abc import Sequence
from functools import lru_cache

# RFC 6455, section 5.2: an unmasked frame with a whole text; lengths from which the length takes two or eight bytes.
_TEXT = b"\x81"
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 2**16


@lru_cache(maxsize=1_024)
def frame_header(length: int) -> bytes:
    """The frame header of a text of `length` bytes."""
    if length < _IN_TWO_BYTES:
        return _TEXT + bytes((length,))
    if length < _IN_EIGHT_BYTES:
        return _TEXT + b"\x7e" + length.to_bytes(2, "big")
    return _TEXT + b"\x7f" + length.to_bytes(8, "big")


class SharedTexts:
    """Texts that all sockets share, but for a beginning that is the same in all texts of one socket."""

    def __init__(self, endings: Sequence[bytes]) -> None:
        self._endings = endings
        self.size = sum(map(len, endings))
        self._between: dict[int, list[bytes]] = {}

    def frames(self, beginning: bytes) -> bytes:
        """The frames of all texts: each is `beginning` and its ending."""
        between = self._between.get(len(beginning))
        if between is None:
            between = self._between[len(beginning)] = self._cut(len(beginning))
        # One call for any number of texts: the beginning joins what lies between two beginnings.
        return beginning.join(between)

    def _cut(self, beginning: int) -> list[bytes]:
        heads = [frame_header(beginning + len(ending)) for ending in self._endings]
        return [heads[0], *map(bytes.__add__, self._endings, heads[1:]), self._endings[-1]]
