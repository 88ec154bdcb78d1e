"""An observer of operations that records what it sees."""

import asyncio

from typing_extensions import override

from execution_monitor.asgi.operations import Observation, Operation, Outcome
from execution_monitor.errors import ExecutionMonitorError


class RecordingObserver:
    """Records operations and their outcomes, and refuses operations with `refusal` where a test sets it."""

    def __init__(self) -> None:
        self.begun: list[Operation] = []
        self.ended: list[tuple[Operation, Outcome]] = []
        self.refusal: ExecutionMonitorError | None = None
        self.changed = asyncio.Event()

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        return _Seen(self, operation, outcome)

    async def last(self) -> tuple[Operation, Outcome]:
        """The last operation and its outcome, once all that began have ended."""
        async with asyncio.timeout(10):
            while len(self.ended) < len(self.begun):
                self.changed.clear()
                await self.changed.wait()
        return self.ended[-1]


class _Seen(Observation):
    def __init__(self, observer: RecordingObserver, operation: Operation, outcome: Outcome) -> None:
        self._witness = observer
        self._operation = operation
        self._outcome = outcome

    @override
    async def __aenter__(self) -> None:
        self._witness.begun.append(self._operation)
        if self._witness.refusal is not None:
            raise self._witness.refusal

    @override
    async def __aexit__(self, *_: object) -> None:
        self._witness.ended.append((self._operation, self._outcome))
        self._witness.changed.set()

    @override
    async def refused(self) -> None:
        await self.__aexit__()
