"""How what a change stream brings becomes batches."""

import asyncio
import contextlib
import time

import pytest

from execution_monitor.feeder.batches import read_batches
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from tests.live.factories import execution


async def test_steady_writers_end_a_batch_once_in_its_time_and_not_with_each_reply(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    now = 0.0
    since = await current_position(database.handle)
    batches = read_batches(database.handle, since, None, 60, parts=True)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ended, parts, number = list[float](), 0, 0
    await collection_of(Execution).insert_one(execution("0"))
    async for batch in batches:
        if batch.is_part:
            # A tenth of the time of a batch later comes the next change, so that no reply is empty.
            parts += 1
            number += 1
            now = round(number * 0.05, 2)
            await collection_of(Execution).insert_one(execution(str(number)))
        else:
            ended.append(now)
        if number == 60:
            break
    await batches.aclose()

    assert parts == 60
    # About every half of a second of the three.
    assert 4 <= len(ended) <= 6, ended


async def test_where_nobody_waits_for_parts_the_next_reply_is_of_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("execution_monitor.feeder.batches._REST_SECONDS", 3_600)
    since = await current_position(database.handle)
    prompt, patient = [read_batches(database.handle, since, None, 60, parts=parts) for parts in (True, False)]
    await collection_of(Execution).insert_one(execution("0"))

    async with contextlib.aclosing(prompt), contextlib.aclosing(patient):
        assert [(await anext(prompt)).is_part for _ in range(2)] == [True, False]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(patient)
