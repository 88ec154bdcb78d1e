"""The dispatcher: takes what the change stream reads to the replay buffer and the hub."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from execution_monitor.live.changes import Change, GapReason, HistoryBroken, StreamEvent
from execution_monitor.live.hub import Hub
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.resume_tokens import StreamPosition

log = structlog.get_logger()


class Dispatcher:
    """Keeps each change for clients that come back, and publishes it to those that are here.

    `on_break` is called with the reason of each break in the history.
    """

    def __init__(self, buffer: ReplayBuffer, hub: Hub, on_break: Callable[[GapReason], None]) -> None:
        self._buffer = buffer
        self._hub = hub
        self._on_break = on_break
        self._replied_at = time.monotonic()
        self.changes = 0  # since the process started
        self.commit_to_arrival = 0.0  # seconds, of the last change

    @property
    def silence(self) -> float:
        """Seconds since MongoDB last sent a reply, with or without an event."""
        return time.monotonic() - self._replied_at

    def take(self, events: Sequence[StreamEvent]) -> None:
        """Take the next events; a break in the history is the last of them."""
        self._replied_at = time.monotonic()
        changes = [event for event in events if isinstance(event, Change)]
        if changes:
            self.changes += len(changes)
            self.commit_to_arrival = max(0.0, (datetime.now(UTC) - changes[-1].occurred_at).total_seconds())
            for change in changes:
                self._buffer.add(change)
            try:
                self._hub.publish(changes)
            except Exception:
                log.exception("delivery_failed")
                self._break(HistoryBroken(changes[-1].position, GapReason.FAILED))
        if events and isinstance(broken := events[-1], HistoryBroken):
            self._break(broken)

    def advance(self, position: StreamPosition) -> None:
        """Record that nothing happened up to `position`."""
        self._replied_at = time.monotonic()
        self._buffer.advance(position)

    def _break(self, broken: HistoryBroken) -> None:
        log.warning("history_broken", reason=broken.reason)
        self._buffer.begin(broken.position)
        self._hub.send_gap(broken)
        self._on_break(broken.reason)
