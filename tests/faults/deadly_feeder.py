"""A feeder of rollups in a process of its own, which kills itself at random at each point of its work.

The processes are forked from one that has imported all, so that they begin in no time.
"""

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import Awaitable, Callable
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.feeder import feed
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.statistics.rollups import building, consumer
from execution_monitor.statistics.rollups.consumer import Rollups
from execution_monitor.statistics.rollups.states import States
from execution_monitor.storage.database import open_database
from execution_monitor.storage.leases import Lease

P = ParamSpec("P")
R = TypeVar("R")

# Short, so that another takes over soon.
_LEASE_SECONDS = 1.0
_PIECE = 20


def start(uri: str, database: str, seed: int, share: float) -> BaseProcess:
    """Start a feeder that dies before or after each step with the probability `share`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run, args=(uri, database, seed, share), daemon=True)
    process.start()
    return process


def _run(uri: str, database: str, seed: int, share: float) -> None:
    _make_deadly(random.Random(seed), share)  # noqa: S311 - no secret
    asyncio.run(_feed(uri, database))


async def _feed(uri: str, name: str) -> None:
    async with open_database(uri, name) as database:
        await database.connect()
        await Feeder(database, [Rollups(database)], Lease(database, "feeder", seconds=_LEASE_SECONDS)).run()


def _make_deadly(random_: random.Random, share: float) -> None:
    def deadly(step: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        async def may_die(*args: P.args, **kwargs: P.kwargs) -> R:
            _die(random_, share)
            result = await step(*args, **kwargs)
            _die(random_, share)
            return result

        return may_die

    steps: list[tuple[Any, str]] = [
        (States, "write"),
        (States, "mark_lost"),
        (AsyncCollection, "bulk_write"),  # within the transaction
        (feed, "save_position"),
        (consumer, "clear_older_rows"),
        (consumer, "clear_empty_rows"),
    ]
    for owner, name in steps:
        setattr(owner, name, deadly(getattr(owner, name)))
    for module, name, value in ((building, "_PIECE", _PIECE), (consumer, "_SECONDS_BETWEEN_CLEARINGS", 1.0)):
        setattr(module, name, value)


def _die(random_: random.Random, share: float) -> None:
    if random_.random() < share:
        os.kill(os.getpid(), signal.SIGKILL)
