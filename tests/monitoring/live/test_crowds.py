"""Subscribers that do not keep up, and more of them than can be served at once."""

import asyncio

import pytest

from execution_monitor.monitoring.live.catch_up import CatchUpLimits
from execution_monitor.monitoring.live.changes import GapReason
from execution_monitor.monitoring.live.deliveries import Kind
from execution_monitor.monitoring.live.live import Live, LiveLimits
from execution_monitor.monitoring.live.subscription import QueueLimits
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.monitoring.live.following import PATIENCE, Follower, eventually, read_page, stored_versions, writing
from tests.monitoring.live.making import ADA, BEN, CURSORS, execution


@pytest.fixture
def live_limits() -> LiveLimits:
    return LiveLimits(lookback_seconds=0, queue=QueueLimits(conflate_from=60, most=120))


async def test_a_subscriber_that_never_reads_is_bounded_and_the_others_hear_all(database: Database, live: Live):
    follower = Follower()
    stuck, reading = await live.subscribe(ADA), await live.subscribe(ADA)
    most = 0
    async with follower.hearing(reading) as reader:
        async with writing(database, pause=0.001):
            while follower.heard < 1_000 and not reader.done():
                await asyncio.sleep(0.01)
                most = max(most, len(stuck))
        present = await stored_versions(database, ADA)
        await eventually(lambda: follower.versions == present or reader.done())

    assert follower.versions == present
    assert most <= 120
    # Whoever reads at last knows first that something was missed, and then of the present state.
    assert (await anext(stuck)).kind is Kind.GAP
    assert live.figures().gaps[GapReason.TOO_SLOW] >= 1


async def test_a_subscriber_that_lags_hears_of_few_changes_and_of_every_last_state(database: Database, live: Live):
    subscription = await live.subscribe(ADA)
    collection = database.collection(Execution)
    await collection.insert_many([execution(f"run-{number}") for number in range(10)])
    for _ in range(10):
        await collection.update_many({}, {"$inc": {"version": 1}})

    await eventually(lambda: live.figures().events == 110)
    last: dict[str | None, int] = {}
    heard = [told for _ in range(len(subscription)) if (told := subscription.take()) is not None]
    for told in heard:
        assert told.row is not None
        last[told.execution_id] = told.row["version"]

    assert last == {f"run-{number}": 11 for number in range(10)}
    assert len(heard) <= 70
    assert live.figures().gaps == {}
    # Resumed in the middle of what was merged, nothing is missing either.
    for told in heard:
        resumed = await live.subscribe(ADA, after=told.cursor)
        known = {each.execution_id: each.row["version"] for each in heard[: heard.index(told) + 1] if each.row}
        async with asyncio.timeout(PATIENCE):
            while known != last:
                following = await anext(resumed)
                assert following.row is not None
                known[following.execution_id] = following.row["version"]
        resumed.close()


async def test_those_who_get_no_turn_to_read_history_are_told(database: Database, mongodb_uri: str):
    limits = LiveLimits(
        ring_bytes=0,
        lookback_seconds=0,
        queue=QueueLimits(conflate_from=256),
        catch_up=CatchUpLimits(at_once=1, wait_seconds=0.2),
    )
    async with Live(database, mongodb_uri, CURSORS, limits) as live:
        _, cursor = await read_page(database, ADA, live)
        await live.subscribe(BEN)
        # More than a queue takes, and nobody reads the first: it keeps its turn for a while.
        await database.collection(Execution).insert_many([execution() for _ in range(400)])
        await eventually(lambda: live.figures().events == 400)
        first = await live.subscribe(ADA, after=cursor)
        await eventually(lambda: not first.has_room)
        second = await live.subscribe(ADA, after=cursor)
        async with asyncio.timeout(PATIENCE):
            gap = await anext(second)
        await database.collection(Execution).insert_one(execution("later"))
        async with asyncio.timeout(PATIENCE):
            following = await anext(second)

        assert (gap.kind, gap.reason) == (Kind.GAP, GapReason.TOO_MANY_RESUMING)
        assert following.execution_id == "later"
        # The one that was slow has still lost nothing.
        async with asyncio.timeout(PATIENCE):
            heard = [await anext(first) for _ in range(401)]
        assert len({told.execution_id for told in heard}) == 401


async def test_a_server_that_closes_ends_every_subscription(database: Database, mongodb_uri: str):
    before = asyncio.all_tasks()
    async with Live(database, mongodb_uri, CURSORS) as live:
        subscriptions = [await live.subscribe(ADA) for _ in range(5)]
        waiting = [asyncio.create_task(anext(each, None)) for each in subscriptions]
        await asyncio.sleep(0)

    assert await asyncio.gather(*waiting) == [None] * 5
    assert live.figures().subscribers == 0
    await eventually(lambda: asyncio.all_tasks() <= before)
