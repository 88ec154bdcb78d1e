"""Subscribers that do not keep up, and more of them than can be served at once."""

import asyncio

import pytest

from execution_monitor.live.catch_up_from_history import CatchUpLimits
from execution_monitor.live.changes import GapReason
from execution_monitor.live.events import EventKind
from execution_monitor.live.replay_buffer import BufferedChange
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.live.subscriber import BacklogLimits
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.live.factories import ADA, BEN, CURSORS, execution
from tests.live.subscriber import PATIENCE, CheckingSubscriber, eventually, read_page, stored_versions, writing


@pytest.fixture
def live_limits() -> LiveLimits:
    return LiveLimits(lookback_seconds=0, backlog=BacklogLimits(conflate_from=60, max_events=120))


async def test_a_subscriber_that_never_reads_is_bounded_and_the_others_get_all(database: Database, live: Live):
    follower = CheckingSubscriber()
    stuck, reading = await live.subscribe(ADA), await live.subscribe(ADA)
    most = 0
    async with follower.receiving(reading) as reader:
        async with writing(database, pause=0.001):
            while follower.received < 1_000 and not reader.done():
                await asyncio.sleep(0.01)
                most = max(most, len(stuck))
        present = await stored_versions(database, ADA)
        await eventually(lambda: follower.versions == present or reader.done())

    assert follower.versions == present
    assert most <= 120
    # Whoever reads at last knows first that something was missed, and then of the present state.
    assert (await anext(stuck)).kind is EventKind.GAP
    assert live.stats.totals.gaps[GapReason.TOO_SLOW] >= 1


async def test_a_subscriber_that_lags_gets_few_events_and_every_last_state(database: Database, live: Live):
    subscriber = await live.subscribe(ADA)
    collection = database.collection(Execution)
    await collection.insert_many([execution(f"run-{number}") for number in range(10)])
    for _ in range(10):
        await collection.update_many({}, {"$inc": {"version": 1}})

    await eventually(lambda: live.stats.dispatcher.changes == 110)
    last: dict[str | None, int] = {}
    received = [delivery for _ in range(len(subscriber)) if (delivery := subscriber.take()) is not None]
    for delivery in received:
        assert delivery.row is not None
        last[delivery.execution_id] = delivery.row["version"]

    assert last == {f"run-{number}": 11 for number in range(10)}
    assert len(received) <= 70
    assert live.stats.totals.gaps == {}
    # Resumed in the middle of what was merged, nothing is missing either.
    for delivery in received:
        resumed = await live.subscribe(ADA, after=delivery.cursor)
        known = {
            each.execution_id: each.row["version"] for each in received[: received.index(delivery) + 1] if each.row
        }
        async with asyncio.timeout(PATIENCE):
            while known != last:
                following = await anext(resumed)
                assert following.row is not None
                known[following.execution_id] = following.row["version"]
        resumed.close()


def reading_one_at_a_time(wait_seconds: float, at_once: int = 1) -> LiveLimits:
    """Without a replay buffer every client that comes back needs a turn to read MongoDB's history."""
    limits = CatchUpLimits(at_once=at_once, wait_seconds=wait_seconds)
    return LiveLimits(
        replay_buffer_bytes=0, lookback_seconds=0, backlog=BacklogLimits(conflate_from=256), catch_up=limits
    )


async def test_subscribers_without_a_turn_to_read_history_get_a_gap(database: Database, mongodb_uri: str):
    async with Live(database, mongodb_uri, CURSORS, reading_one_at_a_time(0.2, at_once=0)) as live:
        _, cursor = await read_page(database, ADA, live)
        await live.subscribe(BEN)
        await database.collection(Execution).insert_one(execution("missed"))
        await eventually(lambda: live.stats.dispatcher.changes == 1)
        subscriber = await live.subscribe(ADA, after=cursor)
        async with asyncio.timeout(PATIENCE):
            gap = await anext(subscriber)
        await database.collection(Execution).insert_one(execution("later"))
        async with asyncio.timeout(PATIENCE):
            following = await anext(subscriber)

    assert (gap.kind, gap.reason) == (EventKind.GAP, GapReason.TOO_MANY_RESUMING)
    assert following.execution_id == "later"


async def test_a_subscriber_that_does_not_read_keeps_no_other_from_history_and_loses_nothing(
    database: Database, mongodb_uri: str
):
    async with Live(database, mongodb_uri, CURSORS, reading_one_at_a_time(PATIENCE)) as live:
        _, cursor = await read_page(database, ADA, live)
        await live.subscribe(BEN)
        await database.collection(Execution).insert_many([execution() for _ in range(400)])
        await eventually(lambda: live.stats.dispatcher.changes == 400)
        first = await live.subscribe(ADA, after=cursor)
        await eventually(lambda: not first.has_room)
        second = await live.subscribe(ADA, after=cursor)
        async with asyncio.timeout(PATIENCE):
            for each in (second, first):
                assert len({(await anext(each)).execution_id for _ in range(400)}) == 400

        assert live.stats.totals.gaps == {}


async def test_subscribers_that_come_back_together_share_one_stream_of_history(database: Database, mongodb_uri: str):
    async with Live(database, mongodb_uri, CURSORS, reading_one_at_a_time(PATIENCE)) as live:
        _, cursor = await read_page(database, ADA, live)
        await live.subscribe(BEN)
        await database.collection(Execution).insert_many([execution(f"run-{number}") for number in range(150)])
        await eventually(lambda: live.stats.dispatcher.changes == 150)
        subscriptions = [await live.subscribe(ADA, after=cursor) for _ in range(50)]
        async with asyncio.timeout(PATIENCE):
            received = [[await anext(each) for _ in range(150)] for each in subscriptions]

    assert [delivery.execution_id for delivery in received[0]] == [f"run-{number}" for number in range(150)]
    # Each change was judged, and is rendered, once for all of them.
    assert all(delivery is first for each in received[1:] for delivery, first in zip(each, received[0], strict=True))


async def test_a_defect_in_the_replay_buffer_is_a_gap_for_clients_that_resume_and_not_silence(
    database: Database, live: Live, monkeypatch: pytest.MonkeyPatch
):
    await live.subscribe(BEN)
    # The buffer begins before the cursor, or history would be read.
    await database.collection(Execution).insert_one(execution("before"))
    await eventually(lambda: live.stats.dispatcher.changes == 1)
    _, cursor = await read_page(database, ADA, live)
    await database.collection(Execution).insert_one(execution("missed"))
    await eventually(lambda: live.stats.dispatcher.changes == 2)

    with monkeypatch.context() as broken:
        broken.delattr(BufferedChange, "read")
        subscriber = await live.subscribe(ADA, after=cursor)
        async with asyncio.timeout(PATIENCE):
            gap = await anext(subscriber)
    await database.collection(Execution).insert_one(execution("later"))
    async with asyncio.timeout(PATIENCE):
        following = await anext(subscriber)

    assert (gap.kind, gap.reason) == (EventKind.GAP, GapReason.FAILED)
    assert following.execution_id == "later"


async def test_a_server_that_closes_ends_every_subscription(database: Database, mongodb_uri: str):
    before = asyncio.all_tasks()
    async with Live(database, mongodb_uri, CURSORS) as live:
        subscriptions = [await live.subscribe(ADA) for _ in range(5)]
        waiting = [asyncio.create_task(anext(each, None)) for each in subscriptions]
        await asyncio.sleep(0)

    assert await asyncio.gather(*waiting) == [None] * 5
    assert len(live.stats.subscribers) == 0
    await eventually(lambda: asyncio.all_tasks() <= before)
