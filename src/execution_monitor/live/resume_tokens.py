"""Places in the history of the cluster: texts that order as its events do.

A resume token's `_data` is hexadecimal of a format that sorts bytewise: cluster time, kind of token (one that marks a
time before one that marks an event), place within a transaction, collection, key. Tests pin what is relied on.
"""

from collections.abc import Mapping
from typing import Any, NewType

from bson import Timestamp

StreamPosition = NewType("StreamPosition", str)

_TIMESTAMP = "82"
_TIME = slice(2, 10)
_INCREMENT = slice(10, 18)
# No token goes on with this byte, so the position is behind all of its time.
_BEHIND_ALL = "FF"
_BEHIND_ALL_LENGTH = 20


def position_of(token: Mapping[str, Any]) -> StreamPosition:
    """The position that a resume token stands for."""
    data: str = token["_data"]
    if not data.startswith(_TIMESTAMP):
        raise ValueError("This is not how a resume token of MongoDB 6 to 8 begins.")
    return StreamPosition(data)


def position_after(time: Timestamp) -> StreamPosition:
    """The position behind every event of cluster time `time` or earlier, as a snapshot of that time is."""
    return StreamPosition(f"{_TIMESTAMP}{time.time:08X}{time.inc:08X}{_BEHIND_ALL}")


def time_of(position: StreamPosition) -> Timestamp:
    """The cluster time of a position."""
    return Timestamp(int(position[_TIME], 16), int(position[_INCREMENT], 16))


def start_time(position: StreamPosition) -> Timestamp:
    """The cluster time to start a stream at that is to show everything behind `position`.

    What it shows up to `position` is to be skipped. Starting at a time asks nothing of the server but history: a resume
    token must be found again, and is not when the stream's pipeline is another or the collection is gone.
    """
    time = time_of(position)
    if len(position) == _BEHIND_ALL_LENGTH and position.endswith(_BEHIND_ALL):
        return Timestamp(time.time, time.inc + 1)
    return time
