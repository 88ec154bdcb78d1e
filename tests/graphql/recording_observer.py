"""An observer of operations that records what it sees."""

import asyncio

from execution_monitor.asgi.operations import Operation, Outcome
from execution_monitor.errors import ExecutionMonitorError


class RecordingObserver:
    """Records operations and their outcomes, and refuses operations with `refusal` where a test sets it."""

    def __init__(self) -> None:
        self.begun: list[Operation] = []
        self.ended: list[tuple[Operation, Outcome]] = []
        self.refusal: ExecutionMonitorError | None = None
        self._changed = asyncio.Event()

    async def begin(self, operation: Operation) -> None:
        self.begun.append(operation)
        if self.refusal is not None:
            raise self.refusal

    async def end(self, operation: Operation, outcome: Outcome) -> None:
        self.ended.append((operation, outcome))
        self._changed.set()

    async def last(self) -> tuple[Operation, Outcome]:
        """The last operation and its outcome, once all that began have ended."""
        async with asyncio.timeout(10):
            while len(self.ended) < len(self.begun):
                self._changed.clear()
                await self._changed.wait()
        return self.ended[-1]
