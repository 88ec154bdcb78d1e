"""A subscription of live statistics: it holds the newest answer alone, so that a slow reader has no backlog."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from execution_monitor.live.events import Delivery, Receiver
from execution_monitor.statistics.requests import StatisticsAnswer


@dataclass(eq=False, kw_only=True)
class StatisticsDelivery(Delivery):
    """An answer for everyone who follows one question."""

    answer: StatisticsAnswer = field(repr=False)


class StatisticsSubscription:
    """Answers to one question for one reader, who closes it in the end; `leave` is called once then.

    Attributes:
        latest: the last answer that was offered; None until there is one.
        offered_at: when, by the clock of the event loop.
    """

    def __init__(self, leave: Callable[["StatisticsSubscription"], None]) -> None:
        self.latest: StatisticsDelivery | None = None
        self.offered_at = float("-inf")
        self.is_closed = False
        self._leave = leave
        self._pending: StatisticsDelivery | None = None
        self._more: asyncio.Future[None] | None = None
        self._receiver: Receiver | None = None
        self._error: Exception | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        """Wait for the next answer; cancelling the wait loses none."""
        while self._pending is None:
            if self._error is not None:
                raise self._error
            if self.is_closed:
                raise StopAsyncIteration
            self._more = asyncio.get_running_loop().create_future()
            await self._more
        delivery, self._pending = self._pending, None
        return delivery

    def push_to(self, receiver: Receiver) -> None:
        """Offer each answer to `receiver` first, while none is waiting."""
        self._receiver = receiver

    def offer(self, delivery: StatisticsDelivery) -> None:
        """Push the answer, or let it wait in place of an older one."""
        if self.is_closed:
            return
        self.latest = delivery
        self.offered_at = asyncio.get_running_loop().time()
        if self._receiver is not None and self._pending is None and self._receiver.receive(delivery):
            return
        self._pending = delivery
        self._wake()

    def fail(self, error: Exception) -> None:
        """End the iteration with `error`."""
        self._error = error
        self._wake()

    def close(self) -> None:
        """End the iteration, and take no more."""
        if self.is_closed:
            return
        self.is_closed = True
        self._pending = None
        self._leave(self)
        self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)
