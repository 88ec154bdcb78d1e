"""Marks say of each day whether any of its executions has changed."""

import random
from datetime import timedelta
from typing import Any

import pytest
from bson import Timestamp

from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.statistics.rollups.consumer import Rollups
from execution_monitor.statistics.rollups.marks import SETTLED_SECONDS, next_mark, settled_days
from execution_monitor.statistics.rollups.states import VERSION, States
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.server_documents import ExecutionRollup
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import NOON, change_at_random, differences

ONE = {
    "execution_id": "e1",
    "tenant_id": "acme",
    "user_id": "ada",
    "workflow_name": "etl",
    "status": "running",
    "created": NOON,
    "updated": NOON,
    "version": 1,
    "tokens_used": 5,
}


async def marks_by_day(database: Database) -> dict[Any, set[int]]:
    found = dict[Any, set[int]]()
    async for row in database.collection(ExecutionRollup).find({"mark": {"$exists": True}, "quarters": 96}):
        found.setdefault(row["start"], set()).add(row["mark"])
    return found


@pytest.mark.parametrize(
    ("change", "days"),
    [
        ({"workflow_name": "renamed"}, {0}),
        ({"user_id": "ben"}, {0}),
        ({"created": NOON + timedelta(milliseconds=1)}, {0}),
        ({"created": NOON + timedelta(days=1)}, {0, 1}),
        ({"tokens_used": 6}, {0}),
        ({"updated": NOON + timedelta(hours=1)}, set[int]()),
        ({"session_id": "s1"}, set[int]()),
    ],
    ids=["workflow", "owner", "a moment later", "a day later", "tokens", "a sign of life", "another field"],
)
async def test_a_change_marks_the_days_that_it_is_of_and_no_others(
    database: Database, change: dict[str, Any], days: set[int]
):
    executions = collection_of(Execution)
    others = [{**ONE, "execution_id": f"o{day}", "created": NOON + timedelta(days=day)} for day in range(-1, 3)]
    await executions.insert_many([{**ONE}, *others])
    async with feeding(database):
        await caught_up(database)
        before = await marks_by_day(database)
        await executions.update_one({"execution_id": "e1"}, {"$set": {**change, "version": 2}})
        await caught_up(database)
    after = await marks_by_day(database)

    midnight = NOON.replace(hour=0)
    assert before.keys() == after.keys() == {midnight + timedelta(days=day) for day in range(-1, 3)}
    assert {day for day in before if before[day] != after[day]} == {midnight + timedelta(days=day) for day in days}


async def test_two_that_swap_their_values_at_once_mark_their_day(database: Database):
    executions = collection_of(Execution)
    await executions.insert_many([{**ONE, "execution_id": f"e{number}", "tokens_used": number} for number in range(2)])
    async with feeding(database):
        await caught_up(database)
        before = await marks_by_day(database)
        async with database.client.start_session() as session, await session.start_transaction():
            for number in range(2):
                change = {"$set": {"tokens_used": 1 - number}}
                await executions.update_one({"execution_id": f"e{number}"}, change, session=session)
        await caught_up(database)

    assert await marks_by_day(database) != before
    assert await differences(database) == []


def test_each_mark_is_greater_than_the_one_before():
    early, late = (position_after(Timestamp(seconds, 1)) for seconds in (1_000, 1_001))
    first = next_mark(0, early)

    second, third = next_mark(first, early), next_mark(first, late)
    assert first < second < third
    # A clock that was set back.
    assert next_mark(third, early) > third


def test_days_are_settled_a_while_after_their_last_mark():
    now = position_after(Timestamp(10_000, 1))
    old, new = (
        next_mark(0, position_after(Timestamp(10_000 - seconds, 9)))
        for seconds in (SETTLED_SECONDS + 1, SETTLED_SECONDS)
    )

    assert settled_days({0: (old,), 96: (old, new), 192: (new,)}, now) == {0}


async def test_rows_of_the_version_without_marks_are_built_anew(database: Database):
    await change_at_random(collection_of(Execution), random.Random(4), 10)  # noqa: S311
    rollups, rows = Rollups(database), collection_of(ExecutionRollup)
    while await rollups.work(await current_position(database.handle), 1):
        pass
    await rows.update_many({}, {"$unset": {"mark": 1}})
    await rows.update_many({"version": VERSION}, {"$set": {"version": 1}})

    rollups = Rollups(database)
    while await rollups.work(await current_position(database.handle), 2):
        pass

    assert {(each.version, each.generation) async for each in States(database).all()} == {(VERSION, 2)}
    assert all([each.mark > 0 async for each in States(database).all()])
    assert await differences(database) == []
