"""Faults of the process that reads the change stream: a cancelled task, a blocked event loop, clocks that jump."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database, open_database
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full, sized
from tests.live.factories import ADA, CURSORS
from tests.live.subscriber import CheckingSubscriber, eventually, stored_versions, writing
from tests.support.mongod import SingleNodeReplicaSet

_BLOCKED_SECONDS = 5.0 if is_full() else 2.5
_JUMPS = (timedelta(days=1), timedelta(days=-1), timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=-30))

Fault = Callable[[Live, int], Awaitable[None]]


@contextlib.asynccontextmanager
async def followed(mongod: SingleNodeReplicaSet, name: str) -> AsyncGenerator[tuple[Database, Live]]:
    async with open_database(mongod.uri, name) as database:
        await database.connect()
        await database.prepare()
        async with Live(database, mongod.uri, CURSORS, LiveLimits(lookback_seconds=0)) as live:
            yield database, live


async def cancel_the_reader(live: Live, trial: int) -> None:
    opened = live.stats.stream.opened
    for task in asyncio.all_tasks():
        if task.get_name() == "change stream reader":
            task.cancel()
    await eventually(lambda: live.stats.stream.opened > opened)


async def block_the_loop(live: Live, trial: int) -> None:
    time.sleep(_BLOCKED_SECONDS)  # noqa: ASYNC251 - the fault itself


async def jump(live: Live, trial: int) -> None:
    with time_machine.travel(datetime.now(UTC) + _JUMPS[trial % len(_JUMPS)], tick=True):
        await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("fault", "name", "small"),
    [
        pytest.param(cancel_the_reader, "the reader's task cancelled", 3, id="cancelled"),
        pytest.param(block_the_loop, "the event loop blocked for 5 s", 1, id="blocked"),
        pytest.param(jump, "the clock jumps, by 30 s to a day", 5, id="clock"),
    ],
)
async def test_no_subscriber_loses_a_change_when_the_reading_process_has_a_fault(  # noqa: PLR0913, PLR0917 - a row of the table
    mongod: SingleNodeReplicaSet,
    report: Callable[[FaultResult], None],
    request: pytest.FixtureRequest,
    fault: Fault,
    name: str,
    small: int,
):
    trials = sized(full=100, small=small)
    async with followed(mongod, request.node.callspec.id) as (database, live):
        subscriber = CheckingSubscriber()
        subscription = await live.subscribe(ADA)
        async with subscriber.receiving(subscription) as reader:
            async with writing(database, pause=0.005):
                for trial in trials:
                    received = subscriber.received
                    await eventually(lambda received=received: subscriber.received > received + 20 or reader.done())
                    await fault(live, trial)
                received = subscriber.received
                await eventually(lambda: subscriber.received > received + 20 or reader.done())
            present = await stored_versions(database, ADA)
            await eventually(lambda: subscriber.versions == present or reader.done())
        gaps = live.stats.totals.gaps

    # The subscriber has compared each event with the one version that it may have.
    lost = sum(version - subscriber.versions.get(name, 0) for name, version in present.items())
    report(FaultResult(name, len(trials), lost=lost, repeated=0))
    assert gaps == {}
