"""The loop of a sender looks for what is due when there may be something, and not after every attempt."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks import delivery_loop
from execution_monitor.webhooks.delivery_loop import DeliveryLoop
from execution_monitor.webhooks.outbox import Attempt, Outbox
from tests.webhooks.delivering import until


class Due:
    """An outbox with deliveries that are due, and attempts that end when the test says so."""

    is_out_of_reach = False

    def __init__(self, *hosts: str) -> None:
        self.waiting = list(hosts)
        self.looks = 0
        self.attempts = list[asyncio.Event]()

    async def claim(self, closed_hosts: Sequence[str]) -> BsonDocument | None:
        self.looks += 1
        host = next((each for each in self.waiting if each not in closed_hosts), None)
        if host is None:
            return None
        self.waiting.remove(host)
        return {"_id": self.looks, "host": host}

    async def attempt(self, _: BsonDocument) -> bool | None:
        self.attempts.append(asyncio.Event())
        await self.attempts[-1].wait()
        return True

    async def put_off(self, _: BsonDocument, __: Attempt) -> None:
        raise AssertionError("no attempt fails")


@contextlib.asynccontextmanager
async def sending(due: Due) -> AsyncGenerator[DeliveryLoop]:
    loop = DeliveryLoop(cast("Outbox", cast("Any", due)), due.attempt, due.put_off, idle_seconds=3_600)
    running = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        for each in due.attempts:
            each.set()
        await end_tasks(running)


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_attempt_that_ends_where_nothing_else_is_due_is_followed_by_no_look():
    due = Due("a", "b", "c")
    async with sending(due) as loop:
        await until(lambda: len(due.attempts) == 3)
        await settle()
        before = due.looks
        for each in due.attempts:
            each.set()
        await until(lambda: loop.in_flight == 0)
        await settle()
        after = due.looks
        due.waiting.append("d")
        loop.wake()
        await until(lambda: len(due.attempts) == 4)

    assert (before, after) == (4, 4)


async def test_a_host_that_has_enough_on_its_way_gets_more_as_soon_as_one_has_ended():
    due = Due(*["a"] * 9)
    async with sending(due):
        await until(lambda: len(due.attempts) == 8)
        await settle()
        due.attempts[0].set()
        await until(lambda: len(due.attempts) == 9)

    assert due.waiting == []


async def test_a_place_that_is_free_again_is_filled():
    due = Due(*(f"host-{number}" for number in range(delivery_loop.AT_ONCE + 1)))
    async with sending(due):
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE)
        await settle()
        due.attempts[0].set()
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE + 1)

    assert due.waiting == []
