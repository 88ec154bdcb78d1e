"""Resume tokens of change streams, read as positions: strings that order as the events do.

The `_data` of a resume token is hexadecimal of a format that sorts bytewise: cluster time, kind of token (one that
marks a time before one that marks an event), index within a transaction, collection, key.
`tests/live/test_resume_tokens.py` checks against a real server what is relied on here.
"""

from collections.abc import Mapping
from typing import Any, NewType

from bson import Timestamp

StreamPosition = NewType("StreamPosition", str)

_TIMESTAMP = "82"
_TIME = slice(2, 10)
_INCREMENT = slice(10, 18)
# No token goes on with this byte, so the position is after everything of its time.
_AFTER_ALL = "FF"
_AFTER_ALL_LENGTH = 20
_LAST_INCREMENT = 2**32 - 1


def position_of(token: Mapping[str, Any]) -> StreamPosition:
    """The position of a resume token, such as the `_id` of an event.

    Raises:
        ValueError: the token has not the format of MongoDB 6 to 8.
    """
    data: str = token["_data"]
    if not data.startswith(_TIMESTAMP):
        raise ValueError("This is not how a resume token of MongoDB 6 to 8 begins.")
    return StreamPosition(data)


def position_after(time: Timestamp) -> StreamPosition:
    """The position after every event of cluster time `time` or earlier: that of a snapshot read at `time`."""
    return StreamPosition(f"{_TIMESTAMP}{time.time:08X}{time.inc:08X}{_AFTER_ALL}")


def position_before(time: Timestamp) -> StreamPosition:
    """The position after every event that is earlier than cluster time `time`."""
    if time.inc == 0:
        return position_after(Timestamp(time.time - 1, _LAST_INCREMENT))
    return position_after(Timestamp(time.time, time.inc - 1))


def is_after_all(position: StreamPosition) -> bool:
    """Whether a position is one after every event of its time, as `position_after` makes them."""
    return len(position) == _AFTER_ALL_LENGTH and position.endswith(_AFTER_ALL)


def time_of(position: StreamPosition) -> Timestamp:
    """The cluster time of a position."""
    return Timestamp(int(position[_TIME], 16), int(position[_INCREMENT], 16))


def start_time(position: StreamPosition) -> Timestamp:
    """The `startAtOperationTime` of a stream that must show everything after `position`.

    The stream may also show events up to `position`; the reader skips them. A start time needs nothing from the server
    but history. A resume token must be found again, and is not when the stream has another pipeline or the collection
    is gone.
    """
    time = time_of(position)
    if is_after_all(position):
        return Timestamp(time.time, time.inc + 1)
    return time
