"""The pump pushes while nothing older is on its way, and keeps the order when it cannot."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from execution_monitor.asgi.operations import Outcome
from execution_monitor.graphql.execution.event_renderer import Payload, Payloads
from execution_monitor.graphql.execution.push import SubscriptionPump
from execution_monitor.live.events import Block, Delivery, EventKind
from execution_monitor.live.subscriber import Subscriber
from tests.live.test_subscriber import delivery, subscriber


def name_of(each: Delivery) -> Payload:
    return Payload((each.execution_id or "").encode())


def names_of(block: Block) -> Payloads:
    names = [each.execution_id or "" for each in block.deliveries]
    return Payloads([name.encode() for name in names], names, ())


class Pipe:
    """A sink: what is pushed arrives, unless it is full."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.blocks = 0
        self.is_full = False

    def push(self, payload: bytes) -> bool:
        if not self.is_full:
            self.arrived.append(payload)
        return not self.is_full

    def push_all(self, payloads: Payloads) -> bool:
        if not self.is_full:
            self.blocks += 1
            self.arrived.extend(payloads.payloads)
        return not self.is_full


Render = Callable[[Delivery], Payload | asyncio.Task[Payload]]


@dataclass
class Names:
    """A rendering of the names of executions."""

    render: Render

    def one(self, delivery: Delivery) -> Payload | asyncio.Task[Payload]:
        return self.render(delivery)

    def block(self, block: Block) -> Payloads:
        return names_of(block)


def pump_of(source: Subscriber, pipe: Pipe, render: Render = name_of) -> tuple[SubscriptionPump, Outcome]:
    outcome = Outcome()
    pump = SubscriptionPump(source, Names(render), outcome)
    pump.push_to(pipe)
    return pump, outcome


def happen(source: Subscriber, *names: str) -> None:
    for name in names:
        source.offer(delivery(int(name), EventKind.ENTERED, name))


async def test_events_that_happen_while_it_is_awaited_are_pushed():
    source, pipe = subscriber(), Pipe()
    pump, outcome = pump_of(source, pipe)
    pulled = asyncio.ensure_future(anext(pump.payloads()))
    await asyncio.sleep(0)

    happen(source, "1", "2")

    assert pipe.arrived == [b"1", b"2"]
    assert (outcome.payloads, outcome.execution_ids) == (2, ["1", "2"])
    assert not pulled.done()
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


def block_of(*names: str) -> Block:
    return Block([delivery(int(name), EventKind.ENTERED, name) for name in names])


async def test_events_of_a_block_are_pushed_together():
    source, pipe = subscriber(), Pipe()
    pump, outcome = pump_of(source, pipe)
    pulled = asyncio.ensure_future(anext(pump.payloads()))
    await asyncio.sleep(0)

    source.offer_block(block_of("1", "2", "3"))

    assert (pipe.arrived, pipe.blocks) == ([b"1", b"2", b"3"], 1)
    assert (outcome.payloads, outcome.executions, outcome.execution_ids) == (3, 3, ["1", "2", "3"])
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


async def test_no_block_overtakes_one_that_the_sink_refused():
    source, pipe = subscriber(), Pipe()
    pump, outcome = pump_of(source, pipe)
    payloads = pump.payloads()
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    pipe.is_full = True
    source.offer_block(block_of("1", "2"))
    pipe.is_full = False
    source.offer_block(block_of("3", "4"))
    found = [await pulled, *[await anext(payloads) for _ in range(3)]]

    assert (found, pipe.arrived) == ([b"1", b"2", b"3", b"4"], [])
    assert outcome.execution_ids == ["1", "2", "3", "4"]


async def test_events_of_a_block_that_were_pushed_before_are_not_repeated():
    source, pipe = subscriber(), Pipe()
    pump, _ = pump_of(source, pipe)
    pulled = asyncio.ensure_future(anext(pump.payloads()))
    await asyncio.sleep(0)

    happen(source, "1", "2")
    source.offer_block(block_of("2", "3"))

    assert pipe.arrived == [b"1", b"2", b"3"]
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


async def test_no_event_overtakes_one_that_the_sink_refused():
    source, pipe = subscriber(), Pipe()
    pump, outcome = pump_of(source, pipe)
    payloads = pump.payloads()
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    pipe.is_full = True
    happen(source, "1")
    pipe.is_full = False
    happen(source, "2")
    first = await pulled
    # It is being sent: nothing is pushed past it.
    happen(source, "3")
    following = [await anext(payloads), await anext(payloads)]

    assert (first, following, pipe.arrived) == (b"1", [b"2", b"3"], [])
    assert outcome.execution_ids == ["1", "2", "3"]


async def test_it_pushes_again_when_nothing_is_left_to_iterate():
    source, pipe = subscriber(), Pipe()
    pump, _ = pump_of(source, pipe)
    payloads = pump.payloads()
    happen(source, "1")
    assert await anext(payloads) == b"1"
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    happen(source, "2")

    assert pipe.arrived == [b"2"]
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


async def test_events_that_need_a_read_are_iterated():
    async def read(each: Delivery) -> Payload:
        return name_of(each)

    def render(each: Delivery) -> asyncio.Task[Payload]:
        return each.rendered.once("read", lambda: asyncio.create_task(read(each)))

    source, pipe = subscriber(), Pipe()
    pump, _ = pump_of(source, pipe, render)
    payloads = pump.payloads()
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    happen(source, "1", "2")

    assert [await pulled, await anext(payloads)] == [b"1", b"2"]
    assert pipe.arrived == []


async def test_an_event_that_cannot_be_rendered_fails_the_iteration():
    def fail(each: Delivery) -> Payload:
        raise LookupError(each.execution_id)

    source, pipe = subscriber(), Pipe()
    pump, _ = pump_of(source, pipe, fail)
    pulled = asyncio.ensure_future(anext(pump.payloads()))
    await asyncio.sleep(0)

    happen(source, "1")

    assert isinstance((await asyncio.gather(pulled, return_exceptions=True))[0], LookupError)
