"""Sockets and streams that outlive their request: each ends when the token that opened it does."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from execution_monitor.access.caller import Caller
from execution_monitor.access.revocations import REVOKED, Revocations

EXPIRED = "Your token has expired; get a new one."

# What a caller is told when the token ends.
Ended = asyncio.Future[str]

# Timers count seconds that this machine is awake; after a sleep, or a change of its clock, they would be late.
_LONGEST_TIMER_SECONDS = 60.0


class Sessions:
    """Everybody who holds a socket or a stream open."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    @contextmanager
    def hold(self, caller: Caller) -> Generator[Ended]:
        """A future that is set, with what to tell the caller, once the token has expired or is revoked."""
        session = _Session(caller, self._revocations)
        stop_listening = self._revocations.listen(session.look)
        session.look()
        try:
            yield session.ended
        finally:
            stop_listening()
            session.close()


class _Session:
    def __init__(self, caller: Caller, revocations: Revocations) -> None:
        self._caller = caller
        self._revocations = revocations
        self._timer: asyncio.TimerHandle | None = None
        self.ended: Ended = asyncio.get_running_loop().create_future()

    def look(self) -> None:
        """End the session when its token has ended; else look again in time."""
        self.close()
        if self.ended.done():
            return
        if self._revocations.hold(self._caller):
            self.ended.set_result(REVOKED)
            return
        if self._caller.expires_at is None:
            return
        left = (self._caller.expires_at - datetime.now(UTC)).total_seconds()
        if left <= 0:
            self.ended.set_result(EXPIRED)
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left, _LONGEST_TIMER_SECONDS), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
