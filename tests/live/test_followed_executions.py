"""Steps and log lines: brought only while their execution is followed."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from execution_monitor.live import followed_executions as following
from execution_monitor.live.activity import Activity
from execution_monitor.live.events import EventKind
from execution_monitor.live.followed_executions import FollowedExecutions
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry
from tests.live.factories import ADA, execution
from tests.live.subscriber import PATIENCE, eventually


def line(execution_id: str, number: int) -> dict[str, Any]:
    names = {"tenant_id": "acme", "execution_id": execution_id, "log_id": f"{execution_id}-{number}"}
    return {**names, "timestamp": datetime.now(UTC), "level": "INFO", "message": f"line {number}", "sequence": number}


async def log_to(database: Database, execution_id: str, first: int, last: int) -> None:
    await database.collection(LogEntry).insert_many([line(execution_id, number) for number in range(first, last)])


async def next_lines(activity: Activity, count: int) -> list[str]:
    """The messages of the next `count` log lines."""
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            delivery = await anext(activity)
            if delivery.kind is EventKind.LOG and delivery.row is not None:
                found.append(delivery.row["message"])
    return found


async def test_log_lines_of_executions_that_are_not_followed_are_not_brought(database: Database, live: Live):
    subscriber = await live.subscribe(ADA)
    await log_to(database, "run", 0, 500)
    await database.collection(Execution).insert_one(execution("run"))
    async with asyncio.timeout(PATIENCE):
        delivery = await anext(subscriber)

    assert delivery.execution_id == "run"
    assert live.stats.dispatcher.changes == 1
    assert len(live.stats.buffer) == 1


async def test_the_lines_of_an_execution_are_brought_from_the_moment_it_is_followed(database: Database, live: Live):
    await database.collection(Execution).insert_many([execution("run"), execution("other")])
    await log_to(database, "run", 0, 3)
    activity = await live.subscribe_activity(ADA, "run")
    await log_to(database, "other", 0, 500)
    await log_to(database, "run", 3, 6)

    assert await next_lines(activity, 6) == [f"line {number}" for number in range(6)]
    # Of the 503 lines written meanwhile.
    assert live.stats.dispatcher.changes < 50
    activity.close()


async def test_no_line_is_lost_or_repeated_while_pages_are_opened_and_closed(database: Database, live: Live):
    """Each opening brings a new stream; those who follow others go on without noticing."""
    await database.collection(Execution).insert_many([execution(f"run-{number}") for number in range(8)])
    first = await live.subscribe_activity(ADA, "run-0")
    reading = asyncio.create_task(next_lines(first, 400))
    opened = live.stats.stream.opened
    for number in range(40):
        await log_to(database, "run-0", number * 10, number * 10 + 10)
        if number % 5 == 0:
            another = await live.subscribe_activity(ADA, f"run-{number // 5}")
            await asyncio.sleep(0.05)
            another.close()

    assert await reading == [f"line {number}" for number in range(400)]
    assert live.stats.stream.opened > opened
    assert live.stats.totals.gaps == {}
    first.close()


async def test_a_client_that_resumes_gets_the_log_lines_in_between(
    database: Database, live: Live, monkeypatch: pytest.MonkeyPatch
):
    """Also when the stream had been narrowed meanwhile: from MongoDB's history."""
    monkeypatch.setattr(following, "_LINGER_SECONDS", 0.0)
    await database.collection(Execution).insert_many([execution("run"), execution("other")])
    activity = await live.subscribe_activity(ADA, "run")
    await log_to(database, "run", 0, 1)
    async with asyncio.timeout(PATIENCE):
        while (delivery := await anext(activity)).kind is not EventKind.LOG:
            pass
    activity.close()
    other = await live.subscribe_activity(ADA, "other")
    await log_to(database, "run", 1, 120)
    await log_to(database, "other", 0, 1)
    assert await next_lines(other, 1) == ["line 0"]

    activity = await live.subscribe_activity(ADA, "run", after=delivery.cursor)
    assert await next_lines(activity, 119) == [f"line {number}" for number in range(1, 120)]
    assert live.stats.catch_up.served_from_history == 1
    await eventually(lambda: len(live.stats.catch_up) == 0)
    before = live.stats.dispatcher.changes
    await log_to(database, "run", 120, 121)
    assert await next_lines(activity, 1) == ["line 120"]
    assert live.stats.dispatcher.changes == before + 1
    activity.close()
    other.close()


def test_an_execution_left_a_moment_ago_is_still_covered():
    followed = FollowedExecutions()
    followed.follow("run")
    followed.record_stream(followed.ids, StreamPosition("10"))
    followed.leave("run")

    assert followed.ids == {"run"}
    assert followed.covers("run", StreamPosition("10"))
    assert not followed.covers("run", StreamPosition("09"))
    assert not followed.covers("other", StreamPosition("10"))


def test_a_stream_that_is_narrower_covers_what_it_dropped_no_more():
    followed = FollowedExecutions()
    followed.follow("run")
    followed.record_stream(frozenset({"run", "other"}), StreamPosition("10"))
    followed.record_stream(frozenset({"run"}), StreamPosition("20"))
    followed.record_stream(frozenset({"run", "other"}), StreamPosition("30"))

    assert followed.covers("run", StreamPosition("10"))
    assert not followed.covers("other", StreamPosition("20"))
    assert followed.covers("other", StreamPosition("30"))


def test_more_than_can_be_named_are_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "_MAX_IDS", 2)
    followed = FollowedExecutions()
    for each in ("a", "b"):
        followed.follow(each)
    followed.record_stream(followed.ids, StreamPosition("10"))
    followed.follow("c")
    assert followed.ids is None
    followed.record_stream(followed.ids, StreamPosition("20"))

    assert followed.covers("c", StreamPosition("20"))
    assert not followed.covers("c", StreamPosition("10"))
    # What was named before is covered from where it was.
    assert followed.covers("a", StreamPosition("10"))
    assert followed.must_widen.is_set()
