"""Callers that come at the same time share a query, and each gets what was read after its call."""

import asyncio
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

import pytest

from execution_monitor.webhooks.grouped_reads import GroupedReads


class Slow:
    """Reads what is stored when a query begins, and answers when it is told to."""

    def __init__(self) -> None:
        self.stored = {"a": 1, "b": 2}
        self.queries = list[set[str]]()
        self.answer = asyncio.Event()
        self.error: Exception | None = None

    async def read(self, keys: AbstractSet[str]) -> Mapping[str, int]:
        self.queries.append(set(keys))
        found = {key: self.stored[key] for key in keys if key in self.stored}
        await self.answer.wait()
        if self.error is not None:
            raise self.error
        return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)


async def test_what_comes_while_a_query_is_on_its_way_is_one_more_query():
    slow = Slow()
    reads = GroupedReads(slow.read)
    first = asyncio.create_task(reads.find("a"))
    await until(lambda: len(slow.queries) == 1)
    slow.stored["a"] = 5
    later = [asyncio.create_task(reads.find(key)) for key in ("a", "b", "a", "missing")]
    await asyncio.sleep(0)
    slow.answer.set()

    assert await first == 1
    # What was changed before they came, they see.
    assert await asyncio.gather(*later) == [5, 2, 5, None]
    assert slow.queries == [{"a"}, {"a", "b", "missing"}]


async def test_an_error_is_that_of_all_who_wait_and_of_none_who_come_later():
    slow = Slow()
    slow.error = ZeroDivisionError()
    slow.answer.set()
    reads = GroupedReads(slow.read)

    failed = await asyncio.gather(reads.find("a"), reads.find("b"), return_exceptions=True)
    slow.error = None

    assert [type(each) for each in failed] == [ZeroDivisionError, ZeroDivisionError]
    assert await reads.find("a") == 1


async def test_a_caller_that_is_cancelled_leaves_the_others_their_answer():
    slow = Slow()
    reads = GroupedReads(slow.read)
    gone, other = [asyncio.create_task(reads.find("a")) for _ in range(2)]
    await until(lambda: len(slow.queries) == 1)

    gone.cancel()
    slow.answer.set()

    assert await other == 1
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_closing_ends_the_query_and_who_waits_for_it():
    slow = Slow()
    reads = GroupedReads(slow.read)
    waiting = asyncio.create_task(reads.find("a"))
    await until(lambda: len(slow.queries) == 1)

    await reads.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
