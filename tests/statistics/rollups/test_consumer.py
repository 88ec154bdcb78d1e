"""The rows of rollups are what a recount of the executions gives, whatever changes."""

import random

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import change_at_random, differences


async def test_rows_follow_random_changes(database: Database):
    random_ = random.Random(1)  # noqa: S311
    await change_at_random(collection_of(Execution), random_, 100)
    async with feeding(database):
        for _ in range(3):
            await change_at_random(collection_of(Execution), random_, 150)
            await caught_up(database)
            assert await differences(database) == []
