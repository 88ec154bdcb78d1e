"""Rollups are what a recount gives, though feeders are killed at each point, two run at once, and history is lost."""

import asyncio
import random
import signal
from collections import Counter

import pytest

from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.server_documents import FeedPosition
from tests.faults import deadly_feeder
from tests.faults.scenes import is_full
from tests.statistics.rollups.checking import Checker
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import change_at_random, differences

# Writes; some of them insert 20 executions, or change all that run.
_ROUNDS, _WRITES = (250, 100) if is_full() else (6, 25)
_SHARE = 0.02 if is_full() else 0.04


async def test_rows_are_what_a_recount_gives_after_feeders_were_killed_at_every_point(
    database: Database, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch
):
    random_ = random.Random(18)  # noqa: S311
    name = database.handle.name
    await change_at_random(collection_of(Execution), random_, _WRITES)
    ends = Counter[int]()
    stopping = asyncio.Event()
    # Keeps sums all the time.
    checker = Checker(database)
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    # Of 100,000 changes more leave an odd execution than rows answer beside: path A would answer instead.
    monkeypatch.setattr("execution_monitor.statistics.rollups.path_b._MOST_ODD", 1_000_000)
    pair = [asyncio.create_task(keep_one_running(mongodb_uri, name, seed, ends, stopping)) for seed in (1, 2)]
    for number in range(_ROUNDS):
        await change_at_random(collection_of(Execution), random_, _WRITES)
        if number % 20 == 3:
            # What a feeder that starts now has to begin from nothing.
            await collection_of(FeedPosition).delete_many({"_id": "rollups"})
        await asyncio.sleep(random_.random() * 0.5)
        await checker.check_some()
    stopping.set()
    await asyncio.gather(*pair)

    assert ends[-signal.SIGKILL] >= _ROUNDS // 3
    async with open_database(mongodb_uri, name) as other:
        await other.connect()
        async with feeding(other):
            await caught_up(other, seconds=600)
            assert await differences(other) == []
            await checker.check()


async def keep_one_running(uri: str, name: str, seed: int, ends: Counter[int], stopping: asyncio.Event) -> None:
    """Start a feeder again whenever it has ended, or kill it after some time."""
    random_ = random.Random(seed)  # noqa: S311
    while not stopping.is_set():
        process = await asyncio.to_thread(deadly_feeder.start, uri, name, random_.getrandbits(32), _SHARE)
        await asyncio.to_thread(process.join, random_.uniform(0.2, 4))
        process.kill()
        await asyncio.to_thread(process.join)
        ends[process.exitcode or 0] += 1
