import asyncio
import time

import pytest

from execution_monitor import turns
from execution_monitor.turns import Turns


async def count_turns(counted: list[int]) -> None:
    """Count each turn that is given to this task."""
    while True:
        counted.append(len(counted))
        await asyncio.sleep(0)


async def others_had(given: int) -> int:
    """How many turns another task had during so many calls of `give_way`."""
    counted: list[int] = []
    other = asyncio.create_task(count_turns(counted))
    work = Turns()
    for _ in range(given):
        await work.give_way()
    other.cancel()
    return len(counted)


async def test_within_a_turn_it_goes_on_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "TURN_SECONDS", 60.0)

    assert await others_had(100) == 0


async def test_a_turn_that_is_over_gives_way_each_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "TURN_SECONDS", -1.0)

    assert await others_had(100) == 100


async def test_what_happens_between_the_calls_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.001)
    counted: list[int] = []
    other = asyncio.create_task(count_turns(counted))
    work = Turns()

    time.sleep(0.01)  # noqa: ASYNC251 - work that holds the event loop
    await work.give_way()
    other.cancel()

    assert len(counted) == 1
