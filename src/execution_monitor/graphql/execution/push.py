"""One subscription's payloads: pushed the moment they are made, or pulled by whoever cannot keep up with that."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Protocol

from execution_monitor.asgi.operations import Outcome
from execution_monitor.graphql.execution.event_renderer import Payloads, Rendering
from execution_monitor.graphql.types.updates import Activities, Updates
from execution_monitor.live.events import Block, Delivery


class Sink(Protocol):
    """Where payloads are pushed; it must not wait, and says whether it took what it was given."""

    def push(self, payload: bytes) -> bool:
        """Take `payload`."""
        ...

    def push_all(self, payloads: Payloads) -> bool:
        """Take all of `payloads` or none."""
        ...


class SubscriptionPump:
    """Renders what `events` brings and counts it in `outcome`."""

    def __init__(self, events: Updates | Activities, render: Rendering, outcome: Outcome) -> None:
        self._events = events
        self._render = render
        self._outcome = outcome
        self._sink: Sink | None = None
        self._is_awaited = False

    def push_to(self, sink: Sink) -> None:
        """Give payloads to `sink` while nothing older is on its way.

        A task that is woken for every payload costs several times what this does.
        """
        if isinstance(self._events, Updates):
            self._sink = sink
            self._events.subscription.receive = self._take
            self._events.subscription.receive_all = self._take_all

    async def payloads(self) -> AsyncGenerator[bytes]:
        """What was not pushed, as JSON. It must be asked for the next payload as soon as one is sent."""
        self._is_awaited = True
        async for event in self._events:
            self._is_awaited = False
            rendered = self._render.one(event.delivery)
            payload, codes = rendered if isinstance(rendered, tuple) else await asyncio.shield(rendered)
            self._outcome.deliver(event.delivery.execution_id, codes)
            yield payload
            self._is_awaited = True

    def _take(self, delivery: Delivery) -> bool:
        if not self._is_awaited or self._sink is None:
            return False
        try:
            rendered = self._render.one(delivery)
        except Exception:  # noqa: BLE001 - whoever pulls meets it again, and only their operation ends with it
            return False
        if not isinstance(rendered, tuple) or not self._sink.push(rendered[0]):
            return False
        self._outcome.deliver(delivery.execution_id, rendered[1])
        return True

    def _take_all(self, block: Block) -> bool:
        if not self._is_awaited or self._sink is None:
            return False
        try:
            rendered = self._render.all(block)
        except Exception:  # noqa: BLE001 - as with one
            return False
        if rendered is None or not self._sink.push_all(rendered):
            return False
        self._outcome.deliver_all(len(rendered.payloads), rendered.execution_ids, rendered.codes)
        return True
