"""The loop of a sender looks for what is due when there may be something, and not after every attempt."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, cast

import pytest

from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks import delivery_loop
from execution_monitor.webhooks.delivery_loop import DeliveryLoop
from execution_monitor.webhooks.outbox import Attempt, Outbox
from tests.webhooks.delivering import until


class Due:
    """An outbox with deliveries that are due, and attempts that end when the test says so.

    A delivery has the name of its host before a hyphen.
    """

    is_usable = True

    def __init__(self, *ids: str) -> None:
        self.waiting = list(ids)
        self.taken = set[str]()
        self.looks = 0
        self.claims = 0
        self.attempts = list[asyncio.Event]()
        self.answers = list[Callable[[bool], None]]()

    async def find_due(self, closed_hosts: Sequence[str], most: int) -> Sequence[tuple[str, str]]:
        self.looks += 1
        return [(each, host_of(each)) for each in self.waiting if host_of(each) not in closed_hosts][:most]

    async def claim(self, ids: Sequence[str]) -> Sequence[BsonDocument]:
        self.claims += 1
        self.waiting = [each for each in self.waiting if each not in ids]
        return [delivery(each) for each in ids if each not in self.taken]

    async def attempt(self, _: BsonDocument, answer: Callable[[bool], None]) -> bool | None:
        self.answers.append(answer)
        self.attempts.append(asyncio.Event())
        await self.attempts[-1].wait()
        return True

    async def put_off(self, _: BsonDocument, __: Attempt) -> None:
        raise AssertionError("no attempt fails")


def host_of(delivery_id: str) -> str:
    return delivery_id.partition("-")[0]


def delivery(delivery_id: str) -> BsonDocument:
    return {"_id": delivery_id, "host": host_of(delivery_id)}


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


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are filled as they get free."""
    monkeypatch.setattr(delivery_loop, "_GATHERING_SECONDS", 0)


async def test_places_that_get_free_within_a_moment_are_filled_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery_loop, "_GATHERING_SECONDS", 0.1)
    due = Due(*(f"host{number}" for number in range(delivery_loop.AT_ONCE + 5)))
    async with sending(due):
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE)
        await settle()
        before = due.claims
        for each in due.attempts[:5]:
            each.set()
            await settle()
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE + 5)

    assert due.claims == before + 1


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

    # What is due is claimed together, and another look finds that nothing is left.
    assert (before, after, due.claims) == (2, 2, 2)


async def test_a_host_that_has_enough_on_its_way_gets_more_as_soon_as_one_has_ended():
    due = Due(*(f"a-{number}" for number in range(9)))
    async with sending(due):
        await until(lambda: len(due.attempts) == 8)
        await settle()
        due.attempts[0].set()
        await until(lambda: len(due.attempts) == 9)

    assert due.waiting == []


async def test_a_host_that_has_answered_gets_more_before_that_is_recorded():
    due = Due(*(f"a-{number}" for number in range(9)))
    async with sending(due) as loop:
        await until(lambda: len(due.attempts) == 8)
        await settle()
        due.answers[0](True)  # noqa: FBT003 - as an attempt says it
        loop.wake()
        await until(lambda: len(due.attempts) == 9)
        due.attempts[0].set()
        await until(lambda: loop.in_flight == 8)

        # Its place was given back once.
        assert loop.keep_places(["a"]) == [False]


async def test_a_place_that_is_free_again_is_filled():
    due = Due(*(f"host{number}" for number in range(delivery_loop.AT_ONCE + 1)))
    async with sending(due):
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE)
        await settle()
        due.attempts[0].set()
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE + 1)

    assert due.waiting == []


async def test_places_for_what_another_sender_was_faster_with_are_free_again():
    due = Due(*(f"a-{number}" for number in range(8)))
    due.taken.update(due.waiting)
    async with sending(due) as loop:
        await until(lambda: due.claims == 1)
        await settle()
        due.waiting.extend(f"a-{number}" for number in range(8, 16))
        loop.wake()
        await until(lambda: len(due.attempts) == 8)

    assert due.claims == 2


async def test_what_is_handed_over_is_sent_without_a_look_as_far_as_there_are_places():
    due = Due()
    async with sending(due) as loop:
        await until(lambda: due.looks == 1)
        await settle()
        kept = loop.keep_places([*["a"] * 9, "b"])
        for number in range(7):
            loop.send(delivery(f"a-{number}"))
        loop.free_places(["a"])
        await until(lambda: len(due.attempts) == 7)
        again = loop.keep_places(["b", "a"])

        assert kept == [*[True] * 8, False, True]
        assert (loop.in_flight, due.looks, due.claims) == (7, 1, 0)
        # Something of that host waits, as far as this sender knows.
        assert again == [True, False]
        loop.free_places(["b", "b"])
        loop.wake()
        await until(lambda: due.looks == 2)
        await settle()
        assert loop.keep_places(["a"]) == [True]
        loop.free_places(["a"])


async def test_what_is_new_does_not_overtake_what_waits_for_a_place():
    due = Due(*(f"host{number}" for number in range(delivery_loop.AT_ONCE + 1)))
    async with sending(due) as loop:
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE)
        await settle()
        due.attempts[0].set()
        await until(lambda: len(due.attempts) == delivery_loop.AT_ONCE + 1)
        for each in due.attempts:
            each.set()
        await until(lambda: loop.in_flight == 0)
        await settle()

        assert loop.keep_places(["other"]) == [True]
        loop.free_places(["other"])
        due.waiting = [f"host{number}" for number in range(delivery_loop.AT_ONCE + 1)]
        loop.wake()
        await until(lambda: loop.in_flight == delivery_loop.AT_ONCE)
        await settle()
        assert loop.keep_places(["other"]) == [False]


async def test_a_process_that_does_not_send_keeps_no_places():
    due = Due()
    loop = DeliveryLoop(cast("Outbox", cast("Any", due)), due.attempt, due.put_off, idle_seconds=3_600)

    assert loop.keep_places(["a"]) == [False]
