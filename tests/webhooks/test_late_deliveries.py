"""What is sent long after a change shows nothing that its owner may no longer see."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.webhook_documents import DeliveryState, WebhookDelivery
from execution_monitor.webhooks.deliveries import Deliveries, ReplayRequest
from execution_monitor.webhooks.images import encode_image
from execution_monitor.webhooks.late_deliveries import LATE_AFTER, LateDeliveries, is_late
from execution_monitor.webhooks.messages import MayNotBeSent
from execution_monitor.webhooks.outbox import CLAIM_SECONDS
from execution_monitor.webhooks.sending_webhooks import SendingWebhooks
from tests.live.factories import execution
from tests.outbound.receiver import Receiver, answering
from tests.webhooks.delivering import OK, Delivering, until, verified

ADA = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.WEBHOOKS_WRITE}))
TIMES = dict.fromkeys(("occurred_at", "created", "due"), datetime(2026, 7, 1, tzinfo=UTC))
ERROR = b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n"
NO_LONGER = "Its owner may no longer see the execution."


async def refused(process: Delivering, receiver: Receiver) -> str:
    """One delivery of an execution of Ada's that was refused once; returns the secret of the webhook."""
    receiver.respond = answering(ERROR)
    _, secret = await process.hook(receiver, EVERYTHING, ADA, kinds=["entered"])
    await process.database.collection(Execution).insert_one(execution("run-1", status="running"))
    await process.in_state(DeliveryState.RETRYING)
    receiver.requests.clear()
    receiver.respond = answering(OK)
    return secret


async def update(process: Delivering, **fields: Any) -> None:
    await process.database.collection(Execution).update_one({"execution_id": "run-1"}, {"$set": fields})


async def test_an_execution_that_has_another_owner_now_is_not_sent(process: Delivering, receiver: Receiver):
    await refused(process, receiver)
    await update(process, user_id="ben")
    await process.make_due()

    (dead,) = await process.in_state(DeliveryState.DEAD)

    assert (dead["error"], dead.get("image"), receiver.requests) == (NO_LONGER, None, [])


async def test_an_execution_that_has_another_tenant_now_is_not_sent(process: Delivering, receiver: Receiver):
    await refused(process, receiver)
    await update(process, tenant_id="globex")
    await process.make_due()

    (dead,) = await process.in_state(DeliveryState.DEAD)

    assert (dead["error"], receiver.requests) == (NO_LONGER, [])


async def test_an_execution_that_has_changed_otherwise_is_sent_as_it_was(process: Delivering, receiver: Receiver):
    secret = await refused(process, receiver)
    await update(process, status="failed", version=2)
    await process.make_due()

    await until(lambda: len(receiver.requests) == 1)

    data = verified(receiver.requests[0], secret)["data"]
    assert (data["execution"]["status"], data["version"]) == ("running", 1)


async def test_of_an_execution_that_was_deleted_only_the_id_is_sent(process: Delivering, receiver: Receiver):
    secret = await refused(process, receiver)
    await process.database.collection(Execution).delete_one({"execution_id": "run-1"})
    await process.make_due()

    await until(lambda: len(receiver.requests) == 1)

    body = verified(receiver.requests[0], secret)
    shown = {name: body["data"][name] for name in ("execution_id", "execution", "changed_fields", "version")}
    assert body["type"] == "execution.entered"
    assert shown == {"execution_id": "run-1", "execution": None, "changed_fields": None, "version": None}


async def test_what_is_sent_again_by_its_owner_is_looked_up_too(process: Delivering, receiver: Receiver):
    await refused(process, receiver)
    deliveries = Deliveries(process.webhooks, process.outbox, process.sender)
    await process.make_due()
    (delivery,) = await process.in_state(DeliveryState.DELIVERED)
    # As if it had arrived a minute ago.
    minute_ago = {"occurred_at": datetime.now(UTC) - timedelta(minutes=1)}
    await process.database.collection(WebhookDelivery).update_one({"_id": delivery["_id"]}, {"$set": minute_ago})
    receiver.requests.clear()
    await update(process, user_id="ben")

    assert await deliveries.replay(ADA, str(delivery["webhook_id"]), ReplayRequest(ids=[delivery["_id"]])) == 1

    (dead,) = await process.in_state(DeliveryState.DEAD)
    assert (dead["attempts"], dead["error"], receiver.requests) == (1, NO_LONGER, [])


async def test_ids_that_are_equal_in_python_are_those_of_different_executions(
    process: Delivering, receiver: Receiver, database: Database
):
    hook, _ = await process.hook(receiver, EVERYTHING, ADA)
    webhook = await SendingWebhooks(database, process.webhooks.encryption).find(hook["_id"])
    assert webhook is not None
    rows = [execution(_id=each) for each in (1, True, {"run": 1}, {"run": True})]
    now = [{**row, "user_id": owner} for row, owner in zip(rows, ("ben", "ada", "ada", "ben"), strict=True)]
    await database.collection(Execution).insert_many(now)
    late = LateDeliveries(database)
    claimed = [{"image": encode_image(row, with_payloads=False), "attempts": 2, **TIMES} for row in rows]

    # They share a query.
    ends = await asyncio.gather(*(late.limit(each, webhook) for each in claimed), return_exceptions=True)

    assert [isinstance(end, MayNotBeSent) for end in ends] == [True, False, False, True]


@pytest.mark.parametrize(
    ("attempts", "occurred", "created", "late"),
    [
        pytest.param(1, 0, 0, False, id="at once"),
        pytest.param(2, 0, 0, True, id="second attempt"),
        pytest.param(1, 6, 0, True, id="read late by the feeder"),
        pytest.param(1, 0, 6, True, id="waiting for long"),
        pytest.param(1, 5, 5, False, id="within the limit"),
    ],
)
def test_an_attempt_is_late_after_five_seconds(attempts: int, occurred: int, created: int, late: bool):  # noqa: FBT001
    now = datetime.now(UTC)
    delivery = {
        "attempts": attempts,
        "occurred_at": now - timedelta(seconds=occurred),
        "created": now - timedelta(seconds=created),
        "due": now + timedelta(seconds=CLAIM_SECONDS),
    }

    assert timedelta(seconds=5) == LATE_AFTER
    assert is_late(delivery) is late
