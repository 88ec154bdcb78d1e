"""One execution with everything that happens to it."""

import asyncio
from typing import Any

import pytest

from execution_monitor.errors import InvalidCursor, NotFound
from execution_monitor.live.activity import Activity
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.live.factories import ADA, ALL_OF_ACME, BEN, CURSORS, execution, log_line, step
from tests.live.subscriber import PATIENCE, read_page


@pytest.fixture
def live_limits() -> LiveLimits:
    return LiveLimits(lookback_seconds=0, linger_seconds=0.5)


async def next_events(activity: Activity, how_many: int) -> list[Delivery]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(activity) for _ in range(how_many)]


def summary(delivery: Delivery) -> tuple[EventKind, Any]:
    row = delivery.row or {}
    return delivery.kind, row.get("message", row.get("step_id", row.get("status")))


async def store(database: Database, lines: int = 2, **fields: Any) -> None:
    """An execution with two steps and some lines, beside others of the same name that are not the caller's."""
    await database.collection(Execution).insert_one(execution("run", **fields))
    await database.collection(Step).insert_many(
        [
            step("run", step_id="second", step_index=1),
            step("run", step_id="first", step_index=0),
            step("run", step_id="another tenant's", tenant_id="globex"),
        ]
    )
    await database.collection(LogEntry).insert_many(
        [*(log_line("run", f"line {number}") for number in range(lines)), log_line("another", "another's")]
    )


PRESENT = [
    (EventKind.ENTERED, "running"),
    (EventKind.STEP, "first"),
    (EventKind.STEP, "second"),
    (EventKind.LOG, "line 0"),
    (EventKind.LOG, "line 1"),
]


async def test_it_begins_with_the_present_state_and_continues_in_order(database: Database, live: Live):
    await store(database)

    activity = await live.subscribe_activity(ADA, "run")
    present = await next_events(activity, 5)
    await database.collection(LogEntry).insert_one(log_line("run", "hello"))
    await database.collection(Step).update_one({"step_id": "first"}, {"$set": {"status": "completed"}})
    await database.collection(Execution).update_one({"execution_id": "run"}, {"$inc": {"version": 1}})
    await database.collection(LogEntry).insert_one(log_line("run", "bye"))
    following = await next_events(activity, 4)

    assert [summary(each) for each in present] == PRESENT
    assert [summary(each) for each in following] == [
        (EventKind.LOG, "hello"),
        (EventKind.STEP, "first"),
        (EventKind.UPDATED, "running"),
        (EventKind.LOG, "bye"),
    ]


async def test_only_the_last_log_lines_are_sent(database: Database, live: Live):
    await store(database, lines=150)

    activity = await live.subscribe_activity(ADA, "run")

    present = await next_events(activity, 103)
    assert [summary(each) for each in present[3:]] == [(EventKind.LOG, f"line {number}") for number in range(50, 150)]


async def test_it_resumes_from_every_cursor(database: Database, live: Live):
    await store(database)
    activity = await live.subscribe_activity(ADA, "run")
    received = await next_events(activity, 5)
    for number in range(3):
        await database.collection(LogEntry).insert_one(log_line("run", f"new {number}"))
    received += await next_events(activity, 3)

    for place, delivery in enumerate(received):
        resumed = await live.subscribe_activity(ADA, "run", after=delivery.cursor)
        # Within the present state it begins again; after it, nothing comes twice.
        expected = [summary(each) for each in received[place + 1 :]]
        if place < 4:
            expected = [*PRESENT, *((EventKind.LOG, f"new {number}") for number in range(3))]
        assert [summary(each) for each in await next_events(resumed, len(expected))] == expected
        resumed.close()


async def test_it_ends_by_itself_after_a_terminal_state(database: Database, live: Live):
    await store(database)
    activity = await live.subscribe_activity(ADA, "run")
    await next_events(activity, 5)

    await database.collection(Execution).update_one({"execution_id": "run"}, {"$set": {"status": "completed"}})
    await database.collection(LogEntry).insert_one(log_line("run", "the last word"))

    async with asyncio.timeout(PATIENCE):
        rest = [each async for each in activity]
    assert [summary(each) for each in rest] == [(EventKind.UPDATED, "completed"), (EventKind.LOG, "the last word")]
    assert len(live.stats.subscribers) == 0
    resumed = await live.subscribe_activity(ADA, "run", after=rest[-1].cursor)
    async with asyncio.timeout(PATIENCE):
        assert [each async for each in resumed] == []


async def test_it_goes_on_when_an_execution_is_started_again(database: Database, live: Live):
    await store(database, status="failed")
    activity = await live.subscribe_activity(ADA, "run")
    await next_events(activity, 5)

    await database.collection(Execution).update_one({"execution_id": "run"}, {"$set": {"status": "running"}})
    await next_events(activity, 1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(activity)
    await database.collection(LogEntry).insert_one(log_line("run", "again"))
    assert [summary(each) for each in await next_events(activity, 1)] == [(EventKind.LOG, "again")]


@pytest.mark.parametrize("gone", ["owner", "deleted"])
async def test_it_ends_when_the_execution_is_no_longer_visible(database: Database, live: Live, gone: str):
    await store(database)
    activity = await live.subscribe_activity(ADA, "run")
    before = (await next_events(activity, 5))[-1]

    collection = database.collection(Execution)
    if gone == "owner":
        await collection.update_one({"execution_id": "run"}, {"$set": {"user_id": "ben"}})
    else:
        await collection.delete_one({"execution_id": "run"})
    await database.collection(LogEntry).insert_one(log_line("run", "a secret of ben's"))
    await database.collection(Step).insert_one(step("run", step_id="of ben's"))

    async with asyncio.timeout(PATIENCE):
        rest = [each async for each in activity]
        resumed = await live.subscribe_activity(ADA, "run", after=before.cursor)
        again = [each async for each in resumed]
        ended = await live.subscribe_activity(ADA, "run", after=rest[-1].cursor)
        assert [each async for each in ended] == []
    assert [each.kind for each in rest] == [EventKind.LEFT if gone == "owner" else EventKind.DELETED]
    assert [(each.kind, each.row) for each in again] == [(rest[0].kind, None)]
    with pytest.raises(NotFound):
        await live.subscribe_activity(ADA, "run")


async def test_what_one_may_not_see_is_not_there(database: Database, live: Live):
    await store(database)

    with pytest.raises(NotFound) as hidden:
        await live.subscribe_activity(BEN, "run")
    with pytest.raises(NotFound) as missing:
        await live.subscribe_activity(BEN, "none such")

    assert hidden.value.message == missing.value.message


async def test_its_cursors_are_of_no_use_elsewhere(database: Database, live: Live):
    await store(database)
    await database.collection(Execution).insert_one(execution("other"))
    cursor = (await next_events(await live.subscribe_activity(ADA, "run"), 1))[0].cursor
    _, of_page = await read_page(database, ADA, live)

    for who, what, after in ((ALL_OF_ACME, "run", cursor), (ADA, "other", cursor), (ADA, "run", of_page)):
        with pytest.raises(InvalidCursor):
            await live.subscribe_activity(who, what, after=after)
    with pytest.raises(InvalidCursor):
        await live.subscribe(ADA, after=cursor)


async def test_it_begins_anew_after_a_gap(database: Database, live: Live):
    await store(database)
    activity = await live.subscribe_activity(ADA, "run")
    await next_events(activity, 5)

    await database.collection(LogEntry).drop()
    (gap,) = await next_events(activity, 1)
    again = await next_events(activity, 3)

    assert gap.kind is EventKind.GAP
    assert [summary(each) for each in again] == PRESENT[:3]
    resumed = await live.subscribe_activity(ADA, "run", after=gap.cursor)
    assert [summary(each) for each in await next_events(resumed, 3)] == PRESENT[:3]


async def test_an_activity_from_history_is_the_same(database: Database, live: Live, mongodb_uri: str):
    limits = LiveLimits(replay_buffer_bytes=0, lookback_seconds=0)
    async with Live(database, mongodb_uri, CURSORS, limits) as forgetful:
        await store(database)
        received = await next_events(await forgetful.subscribe_activity(ADA, "run"), 5)
        await database.collection(LogEntry).insert_many([log_line("run", f"new {number}") for number in range(3)])
        whole = await next_events(await live.subscribe_activity(ADA, "run", after=received[-1].cursor), 3)

        resumed = await next_events(await forgetful.subscribe_activity(ADA, "run", after=received[-1].cursor), 3)

    assert [(summary(each), each.cursor) for each in resumed] == [(summary(each), each.cursor) for each in whole]
