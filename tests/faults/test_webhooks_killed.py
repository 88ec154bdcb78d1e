"""Webhooks and `kill -9`: every change is enqueued once and delivered, and what is repeated was on its way."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from execution_monitor.storage.database import Database
from tests.faults.results import FaultResult
from tests.faults.scenes import full_only, sized
from tests.faults.webhook_process import POINTS
from tests.faults.webhook_scene import webhook_scene

_FEEDER_POINTS, _SENDER_POINTS = list(POINTS)[:3], list(POINTS)[3:]
# Of processes that are started with fork.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def test_kill_9_at_any_point_loses_no_change_and_enqueues_none_twice(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None]
):
    trials = sized(full=200, small=1)
    async with webhook_scene(database, mongodb_uri) as staged:
        for _ in trials:
            # Two at a time, a feeder and a sender.
            for points in zip(_FEEDER_POINTS, _SENDER_POINTS, strict=True):
                await asyncio.gather(*map(staged.die, points))
        staged.start()
        await staged.finish()
        fault = "`kill -9` of feeder or sender at each of six points; the receiver fails, stalls, is late and lies"
        result = await staged.result(fault, len(trials) * len(POINTS))

    report(result)


@pytest.mark.parametrize("count", [pytest.param(2, marks=full_only), 3])
async def test_feeders_of_which_one_loses_its_lease_amid_a_batch_enqueue_nothing_twice(
    database: Database, mongodb_uri: str, report: Callable[[FaultResult], None], count: int
):
    trials = len(sized(full=100, small=1))
    async with webhook_scene(database, mongodb_uri) as staged:
        for number in range(count):
            # The last one's clock is wrong.
            ahead = timedelta(hours=number == count - 1)
            process = staged.start("between outbox and position", freezes=True, ahead=ahead)
            # What is on its way in a process that stands still is as that of one that was killed.
            staged.dead.add(int(process.name))
        await staged.change_terms(trials)
        await staged.finish()
        fault = f"{count} feeders and senders, the lease lost amid a batch, one clock an hour ahead"
        result = await staged.result(fault, trials)

    report(result)
