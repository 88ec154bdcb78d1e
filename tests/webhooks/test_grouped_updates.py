"""Updates that come while one is on its way are sent together, and each ends as MongoDB says."""

import asyncio
from typing import Any

import pytest
from pymongo.errors import BulkWriteError, ConnectionFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.webhook_documents import WebhookDelivery
from execution_monitor.webhooks import grouped_updates
from execution_monitor.webhooks.grouped_updates import GroupedUpdates
from tests.webhooks.delivering import until


async def test_what_comes_while_one_is_on_its_way_is_one_command(database: Database):
    rows, commands = database.collection(WebhookDelivery), 0
    await rows.insert_many([{"_id": number} for number in range(50)])

    def collection() -> Any:
        nonlocal commands
        commands += 1
        return rows

    updates = GroupedUpdates(collection)
    first = asyncio.create_task(updates.update({"_id": 0}, {"number": 0}))
    await until(lambda: commands == 1)
    await asyncio.gather(first, *(updates.update({"_id": number}, {"number": number}) for number in range(1, 50)))

    assert [row["number"] for row in await rows.find().sort("_id", 1).to_list()] == list(range(50))
    assert commands == 2


async def test_of_several_the_one_that_cannot_be_done_fails_alone(database: Database):
    rows = database.collection(WebhookDelivery)
    await rows.insert_many([{"_id": number, "number": 0} for number in range(3)])
    updates = GroupedUpdates(lambda: database.collection(WebhookDelivery))
    changes: list[Any] = [{"number": 1}, {"number": {"$toInt": "no number"}}, {"number": 3}]

    ends = await asyncio.gather(
        *(updates.update({"_id": number}, each) for number, each in enumerate(changes)), return_exceptions=True
    )

    assert [type(each) for each in ends] == [type(None), BulkWriteError, type(None)]
    assert [row["number"] for row in await rows.find().sort("_id", 1).to_list()] == [1, 0, 3]


async def test_where_mongodb_does_not_answer_all_fail_and_the_next_is_tried(database: Database):
    rows, is_lost = database.collection(WebhookDelivery), True
    await rows.insert_one({"_id": 1})

    def collection() -> Any:
        if is_lost:
            raise ConnectionFailure("lost")
        return rows

    updates = GroupedUpdates(collection)
    ends = await asyncio.gather(*(updates.update({"_id": 1}, {"a": 1}) for _ in range(3)), return_exceptions=True)
    is_lost = False
    await updates.update({"_id": 1}, {"a": 2})

    assert [type(each) for each in ends] == [ConnectionFailure] * 3
    assert await rows.find_one({"_id": 1}) == {"_id": 1, "a": 2}


async def test_one_who_is_cancelled_keeps_no_other_waiting(database: Database):
    rows = database.collection(WebhookDelivery)
    await rows.insert_many([{"_id": number} for number in range(2)])
    updates = GroupedUpdates(lambda: database.collection(WebhookDelivery))
    first, second = (asyncio.create_task(updates.update({"_id": number}, {"a": 1})) for number in range(2))
    await asyncio.sleep(0)
    first.cancel()

    await second

    with pytest.raises(asyncio.CancelledError):
        await first
    assert await rows.find_one({"_id": 1}) == {"_id": 1, "a": 1}


async def test_closing_finishes_what_is_on_its_way(database: Database):
    rows = database.collection(WebhookDelivery)
    await rows.insert_one({"_id": 1})
    updates = GroupedUpdates(lambda: rows)
    updating = asyncio.create_task(updates.update({"_id": 1}, {"number": 1}))
    await asyncio.sleep(0)

    await updates.close()

    assert await rows.find_one({"_id": 1}) == {"_id": 1, "number": 1}
    await updating


async def test_closing_ends_what_does_not_end(monkeypatch: pytest.MonkeyPatch):
    class Silent:
        async def update_one(self, *_: Any) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(grouped_updates, "_LAST_SECONDS", 0.01)
    collection: Any = Silent()
    updates = GroupedUpdates(lambda: collection)
    updating = asyncio.create_task(updates.update({"_id": 1}, {"number": 1}))
    await asyncio.sleep(0)

    await updates.close()

    with pytest.raises(asyncio.CancelledError):
        await updating
    assert asyncio.all_tasks() == {asyncio.current_task()}
