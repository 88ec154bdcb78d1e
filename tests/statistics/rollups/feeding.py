"""A feeder of rollups in the process of a test."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from execution_monitor.feeder.feeder import Feeder
from execution_monitor.feeder.positions import load_position
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.statistics.rollups.consumer import NAME, Rollups
from execution_monitor.statistics.rollups.states import States
from execution_monitor.storage.database import Database
from execution_monitor.storage.leases import Lease
from execution_monitor.tasks import end_tasks


@contextlib.asynccontextmanager
async def feeding(database: Database) -> AsyncGenerator[Feeder]:
    feeder = Feeder(database, [Rollups(database)], Lease(database, "feeder", seconds=3))
    running = asyncio.create_task(feeder.run())
    try:
        yield feeder
    finally:
        await end_tasks(running)


async def caught_up(database: Database, seconds: float = 60) -> None:
    """Return when every change until now is in the rows, and all are built."""
    now = await current_position(database.handle)
    async with asyncio.timeout(seconds):
        while True:
            position = await load_position(database, NAME)
            found = [state async for state in States(database).all()]
            if position is not None and position >= now and found and all(each.is_built for each in found):
                return
            await asyncio.sleep(0.05)
