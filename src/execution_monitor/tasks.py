"""Cancel tasks and time limits that survive a lost cancellation, by cancelling again.

PyMongo sends with `asyncio.wait_for`, which before Python 3.12 loses a cancellation that arrives as the sending ends.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

# Long enough for a clean-up that waits once or twice: another cancellation ends its next wait.
_RETRY_SECONDS = 0.5


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel `tasks` and wait until all have ended; their results and errors are ignored.

    Tasks that go on are cancelled again: after a lost cancellation a task, and who awaits it, would wait for ever.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_RETRY_SECONDS)
    # Or asyncio logs an exception that was never retrieved.
    await asyncio.gather(*tasks, return_exceptions=True)


class TimeLimit:
    """As `asyncio.timeout`, for calls of PyMongo: cancels the body after `seconds`, repeatedly until it ends.

    Raises `TimeoutError` in place of the cancellation.
    """

    __slots__ = ("_before", "_cancellations", "_handle", "_loop", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._cancellations = 0

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A time limit needs a task.")
        self._loop = asyncio.get_running_loop()
        self._task = task
        self._before = task.cancelling()
        self._handle: asyncio.TimerHandle | None = self._loop.call_later(self._seconds, self._cancel)
        return self

    def extend(self, seconds: float | None) -> None:
        """Set the limit to `seconds` from now, or remove it with None."""
        self._stop()
        if seconds is not None:
            self._handle = self._loop.call_later(seconds, self._cancel)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if not self._cancellations:
            return
        left = 0
        for _ in range(self._cancellations):
            left = self._task.uncancel()
        if left <= self._before and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _cancel(self) -> None:
        self._cancellations += 1
        self._task.cancel()
        self._handle = self._loop.call_later(_RETRY_SECONDS, self._cancel)

    def _stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
