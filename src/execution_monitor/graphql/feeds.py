"""One subscription's payloads: pushed the moment they are made, or pulled by whoever cannot keep up with that."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from execution_monitor.access.operations import Outcome
from execution_monitor.graphql.live import Activities, Updates
from execution_monitor.graphql.rendering import Render
from execution_monitor.monitoring.live.deliveries import Delivery

Push = Callable[[bytes], bool]


class Feed:
    """Renders what `events` brings and counts it in `outcome`."""

    def __init__(self, events: Updates | Activities, render: Render, outcome: Outcome) -> None:
        self._events = events
        self._render = render
        self._outcome = outcome
        self._push: Push | None = None
        self._is_awaited = False

    def push_to(self, push: Push) -> None:
        """Give payloads to `push` while nothing older is on its way; it must not wait, and says whether it took one.

        A task that is woken for every payload costs several times what this does.
        """
        if isinstance(self._events, Updates):
            self._push = push
            self._events.subscription.receive = self._take

    async def payloads(self) -> AsyncGenerator[bytes]:
        """What was not pushed, as JSON. It must be asked for the next payload as soon as one is sent."""
        self._is_awaited = True
        async for event in self._events:
            self._is_awaited = False
            rendered = self._render(event.delivery)
            payload, codes = rendered if isinstance(rendered, tuple) else await asyncio.shield(rendered)
            self._outcome.deliver(event.delivery.execution_id, codes)
            yield payload
            self._is_awaited = True

    def _take(self, delivery: Delivery) -> bool:
        if not self._is_awaited or self._push is None:
            return False
        try:
            rendered = self._render(delivery)
        except Exception:  # noqa: BLE001 - whoever pulls meets it again, and only their operation ends with it
            return False
        if not isinstance(rendered, tuple) or not self._push(rendered[0]):
            return False
        self._outcome.deliver(delivery.execution_id, rendered[1])
        return True
