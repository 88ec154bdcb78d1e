"""Turns to search: two at once for each caller, eight that wait, and no more."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from execution_monitor.errors import RateLimited
from execution_monitor.executions.search_turns import SearchTurns


class Searches:
    """Searches of callers that run until they are ended."""

    def __init__(self) -> None:
        self.turns = SearchTurns()
        self.running: list[str] = []
        self.tasks = list[asyncio.Task[None]]()
        self._end = asyncio.Event()

    async def begin(self, *callers: str) -> None:
        """Begin a search for each of `callers`, and let it come as far as it can."""
        self.tasks += [asyncio.create_task(self._search(caller)) for caller in callers]
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def end_all(self) -> None:
        self._end.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _search(self, caller: str) -> None:
        async with self.turns.of(caller):
            self.running.append(caller)
            try:
                await self._end.wait()
            finally:
                self.running.remove(caller)


@pytest.fixture
async def searches() -> AsyncGenerator[Searches]:
    """Searches that end with the test."""
    searches = Searches()
    yield searches
    await searches.end_all()


async def test_a_third_search_of_a_caller_waits_and_others_do_not(searches: Searches):
    await searches.begin("ada", "ada", "ada", "grace")

    assert sorted(searches.running) == ["ada", "ada", "grace"]

    await searches.end_all()
    assert [task.exception() for task in searches.tasks] == [None] * 4


async def test_the_eleventh_search_of_a_caller_is_refused_with_when_to_try_again(searches: Searches):
    await searches.begin(*["ada"] * 10)

    with pytest.raises(RateLimited, match="10 searches of yours run or wait; try again in 2 seconds") as refused:
        async with searches.turns.of("ada"):
            pytest.fail("it ran")

    assert refused.value.retry_after == 2
    async with searches.turns.of("grace"):
        assert searches.running == ["ada", "ada"]


@pytest.mark.parametrize("cancelled", [0, 2], ids=["one that runs", "one that waits"])
async def test_a_cancelled_search_frees_its_turn(searches: Searches, cancelled: int):
    await searches.begin(*["ada"] * 10)

    searches.tasks[cancelled].cancel()
    await searches.settle()

    assert searches.running == ["ada", "ada"]
    await searches.begin("ada")
    assert not searches.tasks[-1].done()
