"""What a process enqueues goes to its own sender, claimed; what that cannot send is left to any sender."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.errors import ConnectionFailure

from execution_monitor.storage.database import Database
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.webhook_documents import DeliveryState, WebhookDelivery
from execution_monitor.webhooks.handing_over import HandingOver
from execution_monitor.webhooks.outbox import Outbox
from tests.outbound.receiver import Receiver
from tests.webhooks.delivering import Delivering, until
from tests.webhooks.test_sender import change


class LocalSender:
    """A sender with so many places, which remembers what it was handed."""

    def __init__(self, places: int, *, is_running: bool = True) -> None:
        self.places = places
        self.is_running = is_running
        self.sent = list[BsonDocument]()
        self.wakes = 0

    def wake(self) -> None:
        self.wakes += 1

    def keep_places(self, hosts: Sequence[str]) -> Sequence[bool]:
        kept = [number < self.places for number, _ in enumerate(hosts)]
        self.places -= sum(kept)
        return kept

    def free_places(self, hosts: Iterable[str]) -> None:
        self.places += len(list(hosts))

    def send(self, claimed: BsonDocument) -> bool:
        if self.is_running:
            self.sent.append(claimed)
        else:
            self.places += 1
        return self.is_running


def deliveries(*ids: str) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    common = {"tenant_id": "acme", "webhook_id": "w", "host": "h:443", "kind": "test", "state": "pending"}
    times = {"due": now, "created": now, "occurred_at": now}
    return [{"_id": each, **common, "attempts": 0, **times} for each in ids]


async def stored(database: Database) -> dict[str, tuple[bool, int]]:
    """Whether each delivery is claimed, and its attempts."""
    rows = await database.collection(WebhookDelivery).find().sort("_id", 1).to_list()
    return {row["_id"]: (row.get("claim") is not None, row["attempts"]) for row in rows}


async def test_as_much_is_claimed_and_sent_as_there_are_places_and_the_rest_waits(database: Database):
    outbox, sender = Outbox(database), LocalSender(2)

    await HandingOver(outbox, sender).put(deliveries("a", "b", "c"), datetime.now(UTC))

    assert [each["_id"] for each in sender.sent] == ["a", "b"]
    assert await stored(database) == {"a": (True, 1), "b": (True, 1), "c": (False, 0)}
    assert [found for found, _ in await outbox.find_due([], 10)] == ["c"]
    assert sender.wakes == 1


async def test_what_was_put_in_before_is_not_sent_again(database: Database):
    outbox, sender = Outbox(database), LocalSender(8)
    await outbox.put(deliveries("a"))

    await HandingOver(outbox, sender).put(deliveries("a", "b"), datetime.now(UTC))

    assert [each["_id"] for each in sender.sent] == ["b"]
    assert await stored(database) == {"a": (False, 0), "b": (True, 1)}
    assert sender.places == 7


async def test_what_a_sender_has_claimed_ends_by_its_claim_alone(database: Database):
    outbox, sender = Outbox(database), LocalSender(1)
    await HandingOver(outbox, sender).put(deliveries("a"), datetime.now(UTC))

    assert await outbox.claim(["a"]) == []
    await outbox.free(["a"], "another")
    assert await stored(database) == {"a": (True, 1)}


async def test_a_sender_that_has_ended_leaves_its_deliveries_to_any_other(database: Database):
    outbox, sender = Outbox(database), LocalSender(8, is_running=False)

    await HandingOver(outbox, sender).put(deliveries("a", "b"), datetime.now(UTC))

    assert await stored(database) == {"a": (False, 0), "b": (False, 0)}
    assert len(await outbox.claim(["a", "b"])) == 2
    assert sender.places == 8


async def test_what_was_stored_though_mongodb_did_not_say_so_is_left_to_any_sender(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    outbox, sender = Outbox(database), LocalSender(8)
    handing_over, put = HandingOver(outbox, sender), Outbox.put

    async def put_and_fail(self: Outbox, rows: Sequence[Any]) -> frozenset[str]:
        await put(self, rows)
        monkeypatch.undo()
        raise ConnectionFailure("lost")

    monkeypatch.setattr(Outbox, "put", put_and_fail)
    with pytest.raises(ConnectionFailure):
        await handing_over.put(deliveries("a"), datetime.now(UTC))
    # The feeder hands the change over again.
    await handing_over.put(deliveries("a"), datetime.now(UTC))

    assert await stored(database) == {"a": (False, 0)}
    assert (sender.sent, sender.places) == ([], 8)


async def test_a_change_goes_to_its_receiver_without_a_look_at_what_is_due(
    process: Delivering, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    await process.hook(receiver)
    await change(process, "run-1")
    await process.in_state(DeliveryState.DELIVERED)
    never = asyncio.Event()

    async def look(_: Outbox, __: Sequence[str], ___: int) -> Sequence[tuple[str, str]]:
        await never.wait()
        return []

    monkeypatch.setattr(Outbox, "find_due", look)
    await change(process, "run-2")

    await until(lambda: len(receiver.requests) == 2)
    (done, _) = await process.in_state(DeliveryState.DELIVERED, 2)
    assert done["attempts"] == 1
