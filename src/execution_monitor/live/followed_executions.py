"""Which executions' steps and log lines the change stream brings: only those that somebody follows.

Most of what engines write are log lines, and most of those are not followed while they are written. The `$match` of the
stream names the followed executions one by one, so that MongoDB sends nothing of the rest.
"""

import asyncio
import contextlib
import time
from collections import Counter

from execution_monitor.live.resume_tokens import StreamPosition

# None stands for all executions: a longer list costs MongoDB more than what it would leave out.
FollowedIds = frozenset[str] | None

_MAX_IDS = 10_000
# A client that lost the connection, or goes back to the page, finds the recent changes still in the replay buffer.
_LINGER_SECONDS = 60.0


class FollowedExecutions:
    """Counts the followers of each execution; `must_widen` is set when the stream brings too little."""

    def __init__(self) -> None:
        self.must_widen = asyncio.Event()
        self._followers: Counter[str] = Counter()
        self._left_at: dict[str, float] = {}
        # Everything after these positions was brought: of each execution, or of all while the stream brings all.
        self._since: dict[str, StreamPosition] = {}
        self._all_since: StreamPosition | None = None
        self._stream_opened = asyncio.Event()

    def follow(self, execution_id: str) -> None:
        """Bring the steps and log lines of this execution as soon as a stream is open that does."""
        self._followers[execution_id] += 1
        self._left_at.pop(execution_id, None)
        if not self._is_brought(execution_id):
            self.must_widen.set()

    def leave(self, execution_id: str) -> None:
        """Undo one `follow`."""
        self._followers[execution_id] -= 1
        if self._followers[execution_id] <= 0:
            del self._followers[execution_id]
            self._left_at[execution_id] = time.monotonic()

    @property
    def ids(self) -> FollowedIds:
        """What the next stream should bring."""
        now = time.monotonic()
        self._left_at = {each: left for each, left in self._left_at.items() if now - left < _LINGER_SECONDS}
        wanted = frozenset(self._followers) | frozenset(self._left_at)
        return wanted if len(wanted) <= _MAX_IDS else None

    def record_stream(self, ids: FollowedIds, position: StreamPosition) -> None:
        """Record that a stream is open that brings `ids`, and that the one before it was read up to `position`."""
        if ids is None:
            self._all_since = self._all_since or position
        else:
            before, self._all_since = self._all_since, None
            self._since = {each: self._since.get(each, before or position) for each in ids}
        self._stream_opened.set()
        self._stream_opened = asyncio.Event()

    async def wait_until_brought(self, execution_id: str, seconds: float) -> None:
        """Return when a stream is open that brings this execution's steps and log lines, or after so many `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._is_brought(execution_id):
                    await self._stream_opened.wait()

    def covers(self, execution_id: str, position: StreamPosition) -> bool:
        """Whether every step and log line of this execution after `position` was brought or is still to come."""
        since = self._since.get(execution_id, self._all_since)
        return since is not None and position >= since

    def _is_brought(self, execution_id: str) -> bool:
        return self._all_since is not None or execution_id in self._since
