"""Nothing is lost and nothing repeated: from page to subscriber, and from every cursor on."""

import asyncio
from dataclasses import replace

import pytest
from bson import Timestamp

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.errors import DatabaseUnavailable, Forbidden, InvalidCursor
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import StartsWith, equals
from tests.live.factories import ADA, ALL_OF_ACME, BEN, CURSORS, execution
from tests.live.subscriber import PATIENCE, CheckingSubscriber, eventually, read_page, stored_versions, writing

_Summary = tuple[EventKind, str | None, int | None, str]


def summary(delivery: Delivery) -> _Summary:
    version = None if delivery.row is None else delivery.row["version"]
    return delivery.kind, delivery.execution_id, version, delivery.cursor


async def test_a_page_and_the_subscription_after_it_fit_together_under_writers(database: Database, live: Live):
    followers: list[CheckingSubscriber] = []
    readers: list[asyncio.Task[None]] = []
    async with writing(database, pause=0.002):
        for _ in range(12):
            await asyncio.sleep(0.05)
            versions, cursor = await read_page(database, ADA, live)
            followers.append(CheckingSubscriber(versions))
            subscriber = await live.subscribe(ADA, after=cursor)
            readers.append(asyncio.create_task(followers[-1].receive_all(subscriber)))
        # The last to come may come after the last write, unless the writers wait for them.
        await eventually(lambda: all(each.received > 0 for each in followers) or any(each.done() for each in readers))

    present = await stored_versions(database, ADA)
    await eventually(
        lambda: all(each.versions == present for each in followers) or any(each.done() for each in readers)
    )
    await live.close()
    await asyncio.gather(*readers)

    assert [follower.versions for follower in followers] == [present] * len(followers)
    assert all(follower.received > 0 for follower in followers)


async def test_a_client_that_breaks_off_after_every_event_misses_none(database: Database, live: Live):
    versions, cursor = await read_page(database, ADA, live)
    follower = CheckingSubscriber(versions, cursor)
    async with writing(database, pause=0.002):
        for number in range(150):
            subscriber = await live.subscribe(ADA, after=follower.cursor)
            for _ in range(number % 3 + 1):
                async with asyncio.timeout(PATIENCE):
                    follower.receive(await anext(subscriber))
            subscriber.close()

    last = await live.subscribe(ADA, after=follower.cursor)
    await follower.receive_until(last, await stored_versions(database, ADA))

    assert len(live.stats.subscribers) == 0


async def test_history_has_the_events_of_the_replay_buffer_from_every_cursor(
    database: Database, live: Live, mongodb_uri: str
):
    """A replay buffer of no bytes sends every subscriber to MongoDB's history."""
    collection = database.collection(Execution)
    whole = await live.subscribe(ADA, equals("status", "running"))
    async with Live(database, mongodb_uri, CURSORS, LiveLimits(replay_buffer_bytes=0, lookback_seconds=0)) as forgetful:
        await forgetful.subscribe(ADA)
        await collection.insert_many([execution(f"run-{number}") for number in range(5)])
        for number in range(5):
            await collection.update_one(
                {"execution_id": f"run-{number}"}, {"$set": {"status": "failed"}, "$inc": {"version": 1}}
            )
            await collection.update_one(
                {"execution_id": f"run-{number}"}, {"$set": {"status": "running"}, "$inc": {"version": 1}}
            )
        await collection.update_one({"execution_id": "run-1"}, {"$set": {"user_id": "ben"}})
        await collection.delete_one({"execution_id": "run-2"})
        everything = [summary(await anext(whole)) for _ in range(17)]

        for place, (*_, cursor) in enumerate(everything):
            for server in (live, forgetful):
                resumed = await server.subscribe(ADA, equals("status", "running"), after=cursor)
                async with asyncio.timeout(PATIENCE):
                    received = [summary(await anext(resumed)) for _ in everything[place + 1 :]]
                resumed.close()
                assert received == everything[place + 1 :]

        # Nothing else can have come to those who had everything.
        assert forgetful.stats.catch_up.served_from_history >= 16
        assert live.stats.catch_up.served_from_history == 0


async def test_a_subscriber_catches_up_under_writers_and_goes_on(database: Database, live: Live, mongodb_uri: str):
    versions, cursor = await read_page(database, ALL_OF_ACME, live)
    follower = CheckingSubscriber(versions)
    limits = LiveLimits(replay_buffer_bytes=30_000, lookback_seconds=0)
    async with Live(database, mongodb_uri, CURSORS, limits) as server, writing(database, pause=0.002):
        await server.subscribe(BEN)
        await asyncio.sleep(1)
        subscriber = await server.subscribe(ALL_OF_ACME, after=cursor)
        async with asyncio.timeout(PATIENCE):
            while len(server.stats.catch_up) or follower.received < 500:
                follower.receive(await anext(subscriber))
        joined_at = follower.received
        async with asyncio.timeout(PATIENCE):
            while follower.received < joined_at + 100:
                follower.receive(await anext(subscriber))

        assert server.stats.catch_up.served_from_history >= 1


async def test_a_server_that_starts_looks_back(database: Database, live: Live, mongodb_uri: str):
    _, cursor = await read_page(database, ADA, live)
    await database.collection(Execution).insert_one(execution("run"))

    async with Live(database, mongodb_uri, CURSORS, LiveLimits(lookback_seconds=10)) as second:
        fresh = await second.subscribe(ADA)
        resumed = await second.subscribe(ADA, after=cursor)
        async with asyncio.timeout(PATIENCE):
            # A snapshot may be a moment old, so the deletions that emptied the database for this test may come as well.
            while (found := await anext(resumed)).kind is EventKind.DELETED:
                pass
        await database.collection(Execution).insert_one(execution("later"))
        async with asyncio.timeout(PATIENCE):
            first = await anext(fresh)

    assert found.execution_id == "run"
    # A subscription without a cursor gets nothing of what happened before.
    assert first.execution_id == "later"


async def test_a_cursor_from_the_future_is_refused(live: Live):
    with pytest.raises(InvalidCursor, match="ahead of the database"):
        await live.subscribe(ADA, after=live.cursor_at(ADA, Timestamp(4_000_000_000, 1)))


async def test_a_cursor_of_another_caller_is_refused(database: Database, live: Live):
    _, cursor = await read_page(database, ADA, live)

    for other in (BEN, ALL_OF_ACME):
        with pytest.raises(InvalidCursor):
            await live.subscribe(other, after=cursor)


async def test_a_token_of_other_roles_sees_by_them_while_a_subscription_by_the_earlier_ones_goes_on(
    database: Database, live: Live
):
    ml, etl = (
        replace(ADA, grants=(Grant(Scope.EXECUTIONS_READ, StartsWith("workflow_name", name)),))
        for name in ("ml-", "etl-")
    )
    _, earlier_cursor = await read_page(database, ml, live)
    _, later_cursor = await read_page(database, etl, live)
    earlier = await live.subscribe(ml, after=earlier_cursor)
    with pytest.raises(InvalidCursor):
        await live.subscribe(etl, after=earlier_cursor)
    later = await live.subscribe(etl, after=later_cursor)

    for name in ("ml-train", "etl-load"):
        await database.collection(Execution).insert_one(execution(name, workflow_name=name))

    async with asyncio.timeout(PATIENCE):
        assert ((await anext(earlier)).execution_id, (await anext(later)).execution_id) == ("ml-train", "etl-load")


async def test_a_caller_without_the_scope_is_refused(live: Live):
    with pytest.raises(Forbidden):
        await live.subscribe(Caller("ada", "acme"))


async def test_a_snapshot_just_after_a_write_is_no_future(database: Database, live: Live):
    for number in range(50):
        await database.collection(Execution).insert_one(execution(f"run-{number}"))
        _, cursor = await read_page(database, ADA, live)
        subscriber = await live.subscribe(ADA, after=cursor)
        # Neither the change that the page shows, nor a gap.
        assert subscriber.take() is None
        subscriber.close()


async def test_a_database_that_does_not_answer_is_an_error(database: Database):
    # Nobody listens on the port for discarding.
    async with Live(database, "mongodb://127.0.0.1:9/", CURSORS, LiveLimits(start_seconds=0.3)) as live:
        with pytest.raises(DatabaseUnavailable):
            await live.subscribe(ADA)
