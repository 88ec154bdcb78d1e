"""Payloads of one subscription: pushed the moment an event happens, or iterated by a transport that is busy."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Protocol

from execution_monitor.asgi.operations import Outcome
from execution_monitor.graphql.execution.event_renderer import Payload, Payloads, Rendering
from execution_monitor.live.events import Block, Deliveries, Delivery


class Sink(Protocol):
    """Where payloads are pushed; it must not wait, and returns whether it took what it was given."""

    def push(self, payload: bytes) -> bool:
        """Take `payload`."""
        ...

    def push_all(self, payloads: Payloads) -> bool:
        """Take all of `payloads` or none."""
        ...


class SubscriptionPump:
    """Renders deliveries and counts them in `outcome`; the `Receiver` of deliveries while a sink is set."""

    def __init__(self, deliveries: Deliveries, rendering: Rendering, outcome: Outcome) -> None:
        self._deliveries = deliveries
        self._rendering = rendering
        self._outcome = outcome
        self._sink: Sink | None = None
        self._is_awaited = False

    def push_to(self, sink: Sink) -> None:
        """Push payloads to `sink` while no older one is on its way.

        Waking a task for each payload costs several times what this does.
        """
        self._sink = sink
        self._deliveries.push_to(self)

    async def payloads(self) -> AsyncGenerator[bytes]:
        """What was not pushed, as JSON. Ask for the next payload as soon as one is sent."""
        self._is_awaited = True
        async for delivery in self._deliveries:
            self._is_awaited = False
            rendered = self._rendering.one(delivery)
            payload = rendered if isinstance(rendered, tuple) else await asyncio.shield(rendered)
            self._count(delivery, payload)
            yield payload.content
            self._is_awaited = True

    def receive(self, delivery: Delivery) -> bool:
        """Push the payload of `delivery`, unless it must be awaited or the sink has no room."""
        if not self._is_awaited or self._sink is None:
            return False
        try:
            rendered = self._rendering.one(delivery)
        except Exception:  # noqa: BLE001 - the iteration meets it again, and ends this operation alone
            return False
        if not isinstance(rendered, tuple) or not self._sink.push(rendered.content):
            return False
        self._count(delivery, rendered)
        return True

    def receive_block(self, block: Block) -> bool:
        """Push the payloads of all deliveries of `block`, or none."""
        if not self._is_awaited or self._sink is None:
            return False
        try:
            rendered = self._rendering.block(block)
        except Exception:  # noqa: BLE001 - as with one
            return False
        if rendered is None or not self._sink.push_all(rendered):
            return False
        self._outcome.deliver_all(len(rendered.payloads), rendered.execution_ids, rendered.codes)
        return True

    def _count(self, delivery: Delivery, payload: Payload) -> None:
        self._outcome.deliver(delivery.execution_id, payload.codes)
        if payload.other_ids:
            self._outcome.answer_with(*payload.other_ids)
