"""An observer that records operations."""

import asyncio

from execution_monitor.asgi.operations import Operation, Outcome
from execution_monitor.errors import ExecutionMonitorError


class RecordingObserver:
    """Records the operations that begin and end, and refuses them with `refusal` if a test sets it."""

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
        """The operation that ended last, of all that began."""
        async with asyncio.timeout(10):
            while len(self.ended) < len(self.begun):
                self._changed.clear()
                await self._changed.wait()
        return self.ended[-1]
