"""A feed pushes while nothing older is on its way, and loses no place in the order when it cannot."""

import asyncio

from execution_monitor.asgi.operations import Outcome
from execution_monitor.graphql.execution.event_renderer import Payload, Payloads, Render, Rendering
from execution_monitor.graphql.execution.push import SubscriptionPump
from execution_monitor.graphql.types.updates import Updates
from execution_monitor.live.events import Block, Delivery, EventKind
from execution_monitor.live.subscriber import Subscriber
from tests.live.test_subscriber import delivery, subscriber


def name_of(each: Delivery) -> Payload:
    return (each.execution_id or "").encode(), ()


def names_of(block: Block) -> Payloads:
    names = [each.execution_id or "" for each in block.deliveries]
    return Payloads([name.encode() for name in names], names, ())


class Pipe:
    """What is pushed arrives, unless the pipe is full."""

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


def feed_of(source: Subscriber, pipe: Pipe, render: Render = name_of) -> tuple[SubscriptionPump, Outcome]:
    outcome = Outcome()
    feed = SubscriptionPump(Updates(source), Rendering(render, names_of), outcome)
    feed.push_to(pipe)
    return feed, outcome


def happen(source: Subscriber, *names: str) -> None:
    for name in names:
        source.offer(delivery(int(name), EventKind.ENTERED, name))


async def test_what_happens_while_it_is_awaited_is_pushed():
    source, pipe = subscriber(), Pipe()
    feed, outcome = feed_of(source, pipe)
    pulled = asyncio.ensure_future(anext(feed.payloads()))
    await asyncio.sleep(0)

    happen(source, "1", "2")

    assert pipe.arrived == [b"1", b"2"]
    assert (outcome.payloads, outcome.execution_ids) == (2, ["1", "2"])
    assert not pulled.done()
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


def block_of(*names: str) -> Block:
    return Block([delivery(int(name), EventKind.ENTERED, name) for name in names])


async def test_what_happens_together_is_pushed_together():
    source, pipe = subscriber(), Pipe()
    feed, outcome = feed_of(source, pipe)
    pulled = asyncio.ensure_future(anext(feed.payloads()))
    await asyncio.sleep(0)

    source.offer_all(block_of("1", "2", "3"))

    assert (pipe.arrived, pipe.blocks) == ([b"1", b"2", b"3"], 1)
    assert (outcome.payloads, outcome.executions, outcome.execution_ids) == (3, 3, ["1", "2", "3"])
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


async def test_together_nothing_overtakes_what_the_pipe_did_not_take_either():
    source, pipe = subscriber(), Pipe()
    feed, outcome = feed_of(source, pipe)
    payloads = feed.payloads()
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    pipe.is_full = True
    source.offer_all(block_of("1", "2"))
    pipe.is_full = False
    source.offer_all(block_of("3", "4"))
    found = [await pulled, *[await anext(payloads) for _ in range(3)]]

    assert (found, pipe.arrived) == ([b"1", b"2", b"3", b"4"], [])
    assert outcome.execution_ids == ["1", "2", "3", "4"]


async def test_of_events_together_those_that_were_heard_are_not_repeated():
    source, pipe = subscriber(), Pipe()
    feed, _ = feed_of(source, pipe)
    pulled = asyncio.ensure_future(anext(feed.payloads()))
    await asyncio.sleep(0)

    happen(source, "1", "2")
    source.offer_all(block_of("2", "3"))

    assert pipe.arrived == [b"1", b"2", b"3"]
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


async def test_nothing_overtakes_what_the_pipe_did_not_take():
    source, pipe = subscriber(), Pipe()
    feed, outcome = feed_of(source, pipe)
    payloads = feed.payloads()
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


async def test_it_pushes_again_when_all_has_been_pulled():
    source, pipe = subscriber(), Pipe()
    feed, _ = feed_of(source, pipe)
    payloads = feed.payloads()
    happen(source, "1")
    assert await anext(payloads) == b"1"
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    happen(source, "2")

    assert pipe.arrived == [b"2"]
    source.close()
    await asyncio.gather(pulled, return_exceptions=True)


async def test_what_must_be_read_first_is_pulled():
    async def read(each: Delivery) -> Payload:
        return name_of(each)

    def render(each: Delivery) -> asyncio.Task[Payload]:
        return each.once("read", lambda: asyncio.create_task(read(each)))

    source, pipe = subscriber(), Pipe()
    feed, _ = feed_of(source, pipe, render)
    payloads = feed.payloads()
    pulled = asyncio.ensure_future(anext(payloads))
    await asyncio.sleep(0)

    happen(source, "1", "2")

    assert [await pulled, await anext(payloads)] == [b"1", b"2"]
    assert pipe.arrived == []


async def test_what_cannot_be_rendered_fails_where_it_is_pulled():
    def fail(each: Delivery) -> Payload:
        raise LookupError(each.execution_id)

    source, pipe = subscriber(), Pipe()
    feed, _ = feed_of(source, pipe, fail)
    pulled = asyncio.ensure_future(anext(feed.payloads()))
    await asyncio.sleep(0)

    happen(source, "1")

    assert isinstance((await asyncio.gather(pulled, return_exceptions=True))[0], LookupError)
