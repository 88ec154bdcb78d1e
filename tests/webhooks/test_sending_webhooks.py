"""Senders know webhooks for half a second, and read all that are in use with one query."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import ConnectionFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.webhook_documents import Webhook, WebhookState
from execution_monitor.webhooks.sending_webhooks import SendingWebhooks
from tests.outbound.receiver import Receiver
from tests.webhooks.delivering import Delivering


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_what_is_in_use_is_read_again_with_one_query(
    process: Delivering, receiver: Receiver, recorded_database: tuple[Database, Any]
):
    recorded, commands = recorded_database
    ids = [(await process.hook(receiver))[0]["_id"] for _ in range(3)]
    clock = Clock()
    sending = SendingWebhooks(recorded, process.webhooks.encryption, clock)
    await asyncio.gather(*map(sending.find, ids))
    first = len(commands.reads)
    await asyncio.gather(*map(sending.find, ids))
    known = len(commands.reads)
    await process.states.pause(ids[1], "because")
    clock.now = 0.6
    # One after another: the first of them has all that were used before read again.
    found = [await sending.find(each) for each in ids]

    assert (first, known, len(commands.reads)) == (1, 1, 2)
    states = [each.state for each in found if each is not None]
    assert states == [WebhookState.ENABLED, WebhookState.PAUSED, WebhookState.ENABLED]


async def test_one_that_is_not_used_any_more_is_not_read_again(
    process: Delivering, receiver: Receiver, recorded_database: tuple[Database, Any]
):
    recorded, commands = recorded_database
    used, unused = [(await process.hook(receiver))[0]["_id"] for _ in range(2)]
    clock = Clock()
    sending = SendingWebhooks(recorded, process.webhooks.encryption, clock)
    await asyncio.gather(sending.find(used), sending.find(unused))
    for clock.now in (1.0, 2.0):
        await sending.find(used)

    assert commands.reads[-1]["filter"] == {"_id": {"$in": [used]}}


async def test_a_webhook_that_is_deleted_is_none(process: Delivering, receiver: Receiver):
    row, _ = await process.hook(receiver)
    clock = Clock()
    sending = SendingWebhooks(process.database, process.webhooks.encryption, clock)
    there = await sending.find(row["_id"])
    await process.database.collection(Webhook).delete_one({"_id": row["_id"]})
    clock.now = 0.6

    assert there is not None
    assert await sending.find(row["_id"]) is None
    assert await sending.find(ObjectId()) is None


async def test_a_read_that_fails_fails_all_who_wait_and_is_tried_again(
    process: Delivering, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    ids = [(await process.hook(receiver))[0]["_id"] for _ in range(2)]
    sending = SendingWebhooks(process.database, process.webhooks.encryption)

    async def fail(reading: Coroutine[Any, Any, Any], _: int) -> None:
        monkeypatch.undo()
        reading.close()
        raise ConnectionFailure("lost")

    monkeypatch.setattr("execution_monitor.webhooks.sending_webhooks.await_reply", fail)
    ends = await asyncio.gather(*map(sending.find, ids), return_exceptions=True)

    assert [type(each) for each in ends] == [ConnectionFailure] * 2
    assert await sending.find(ids[0]) is not None


async def test_one_who_is_cancelled_keeps_no_other_from_the_webhook(process: Delivering, receiver: Receiver):
    row, _ = await process.hook(receiver)
    sending = SendingWebhooks(process.database, process.webhooks.encryption)
    first, second = (asyncio.create_task(sending.find(row["_id"])) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert await second is not None
