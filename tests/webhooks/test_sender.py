"""Webhooks deliver what changes, over real sockets."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Scope
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import equals
from execution_monitor.storage.webhook_documents import DeliveryState, Webhook, WebhookDelivery
from execution_monitor.webhooks.circuits import Circuits
from execution_monitor.webhooks.messages import Messages
from execution_monitor.webhooks.webhooks import WebhookFields
from tests.live.factories import execution
from tests.outbound.receiver import Receiver, answering
from tests.webhooks.delivering import OWNER, Delivering, until, verified

BUSY = b"HTTP/1.1 503 Unavailable\r\nRetry-After: 7200\r\nContent-Length: 4\r\n\r\nbusy"
ERROR = b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example.com/\r\nContent-Length: 0\r\n\r\n"


async def change(process: Delivering, *ids: str, **fields: Any) -> None:
    await process.database.collection(Execution).insert_many([execution(each, **fields) for each in ids])


def seconds_until(delivery: dict[str, Any]) -> float:
    """Until the next attempt, from when the delivery was put in; an attempt takes little."""
    return (delivery["due"] - delivery["created"]).total_seconds()


async def test_a_change_arrives_signed_with_the_execution_as_rest_shows_it(process: Delivering, receiver: Receiver):
    _, secret = await process.hook(receiver, equals("status", "failed"))
    rows = process.database.collection(Execution)
    await rows.insert_one(execution("run-1", status="running"))
    await rows.update_one({"execution_id": "run-1"}, {"$set": {"status": "failed"}, "$inc": {"version": 1}})
    await rows.update_one({"execution_id": "run-1"}, {"$set": {"total_cost": 2.0}, "$inc": {"version": 1}})

    await until(lambda: len(receiver.requests) == 2)

    bodies = sorted((verified(each, secret) for each in receiver.requests), key=lambda body: body["type"])
    assert [body["type"] for body in bodies] == ["execution.entered", "execution.updated"]
    entered = bodies[0]["data"]
    assert entered["execution"]["status"] == "failed"
    assert (entered["execution_id"], entered["version"], entered["changed_fields"]) == (
        "run-1",
        2,
        ["status", "version"],
    )


async def test_what_a_receiver_refuses_comes_again_by_the_schedule_until_it_is_given_up(
    process: Delivering, receiver: Receiver
):
    receiver.respond = answering(ERROR)
    await process.hook(receiver)
    await change(process, "run-1")
    planned = list[float]()

    for attempts in range(1, 8):
        (delivery,) = await process.once(lambda attempts=attempts: attempted(process, attempts))
        planned.append((delivery["due"] - datetime.now(UTC)).total_seconds())
        await process.make_due()
    (dead,) = await process.in_state(DeliveryState.DEAD)

    wanted = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
    assert all(0.7 * each - 5 < seconds < 1.21 * each for seconds, each in zip(planned, wanted, strict=True))
    assert (dead["attempts"], dead["status_code"], len(receiver.requests)) == (8, 500, 8)
    assert timedelta(days=29) < dead["expires_at"] - datetime.now(UTC) < timedelta(days=31)
    assert dead["image"] is not None
    assert len({each.headers["webhook-id"] for each in receiver.requests}) == 1


async def attempted(process: Delivering, attempts: int) -> list[dict[str, Any]]:
    found = await process.deliveries()
    return [each for each in found if each["attempts"] == attempts and each.get("claim") is None]


async def test_a_receiver_is_left_alone_for_as_long_as_it_says(process: Delivering, receiver: Receiver):
    receiver.respond = answering(BUSY)
    await process.hook(receiver)
    await change(process, "run-1")

    (delivery,) = await process.in_state(DeliveryState.RETRYING)

    assert 7_190 < seconds_until(delivery) < 7_220
    assert (delivery["status_code"], delivery["response_body"], delivery.get("error")) == (503, "busy", None)


async def test_a_redirect_is_no_success_and_is_not_followed(process: Delivering, receiver: Receiver):
    receiver.respond = answering(MOVED)
    await process.hook(receiver)
    await change(process, "run-1")

    (delivery,) = await process.in_state(DeliveryState.RETRYING)

    assert (delivery["status_code"], len(receiver.requests)) == (302, 1)


async def test_what_was_delivered_is_kept_for_96_hours(process: Delivering, receiver: Receiver):
    await process.hook(receiver)
    await change(process, "run-1")

    (delivery,) = await process.in_state(DeliveryState.DELIVERED)

    assert abs(delivery["expires_at"] - delivery["delivered_at"] - timedelta(hours=96)) < timedelta(seconds=1)


async def failing_for(process: Delivering, hook: Any, **time: float) -> None:
    """As if nothing had arrived for so long."""
    since = datetime.now(UTC) - timedelta(**time)
    await process.database.collection(Webhook).update_one({"_id": hook["_id"]}, {"$set": {"failing_since": since}})


async def test_after_five_days_of_failure_alone_a_webhook_is_disabled_and_what_waits_can_be_sent_again(
    process: Delivering, receiver: Receiver
):
    receiver.respond = answering(ERROR)
    hook, _ = await process.hook(receiver)
    await failing_for(process, hook, days=4, hours=23)
    await change(process, "run-1")
    await process.in_state(DeliveryState.RETRYING)
    still = await process.stored_webhook(hook)
    await failing_for(process, hook, days=5, minutes=1)
    await asyncio.sleep(0.6)
    await change(process, "run-2")

    async def disabled() -> Any:
        found = await process.stored_webhook(hook)
        return found if found["state"] == "disabled" else None

    found = await process.once(disabled)
    await asyncio.sleep(0.6)
    await process.make_due()
    dead = await process.in_state(DeliveryState.DEAD, 2)

    assert (still["state"], found["state_reason"]) == ("enabled", "Nothing has arrived for 5 days.")
    assert {each["error"] for each in dead} == {"Its webhook is disabled."}
    assert all(each["image"] for each in dead)


async def test_one_success_ends_a_failure(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)
    await failing_for(process, hook, days=6)
    await change(process, "run-1")

    async def is_well() -> bool:
        return (await process.stored_webhook(hook)).get("failing_since") is None

    assert await process.once(is_well)
    assert (await process.stored_webhook(hook))["state"] == "enabled"


async def test_one_dead_receiver_keeps_none_from_the_others(process: Delivering, receiver: Receiver):
    dead, _ = await process.hook(receiver)
    # Nothing listens there.
    webhooks = process.database.collection(Webhook)
    url = process.webhooks.encryption.encrypt("https://receiver.example.com:443/")
    await webhooks.update_one({"_id": dead["_id"]}, {"$set": {"url": url, "host": "receiver.example.com:443"}})
    await process.states.pause(dead["_id"], "to read it again")
    await process.webhooks.update(OWNER, str(dead["_id"]), WebhookFields(enabled=True))
    await change(process, *(f"run-{number}" for number in range(20)))
    # Five failures open the circuit, while others are on their way.
    await process.in_state(DeliveryState.PENDING, 8)
    await process.hook(receiver)
    await change(process, "run-well")

    await until(lambda: len(receiver.requests) == 1)

    waiting = [each for each in await process.deliveries() if each["host"] == "receiver.example.com:443"]
    assert sum(each["attempts"] for each in waiting) < 20
    # Those that were not tried lost no attempt by it.
    assert any(each["attempts"] == 0 and seconds_until(each) > 5 for each in waiting)


async def test_what_waits_for_a_deleted_webhook_is_dropped_with_its_content(process: Delivering, receiver: Receiver):
    receiver.respond = answering(ERROR)
    hook, _ = await process.hook(receiver)
    await change(process, "run-1")
    await process.in_state(DeliveryState.RETRYING)
    await process.webhooks.delete(OWNER, str(hook["_id"]))
    await asyncio.sleep(0.6)
    await process.make_due()

    (delivery,) = await process.in_state(DeliveryState.DEAD)

    assert (delivery["error"], delivery.get("image"), len(receiver.requests)) == ("Its webhook was deleted.", None, 1)


async def test_a_delivery_that_cannot_be_made_is_tried_by_the_schedule_and_holds_nothing_up(
    process: Delivering, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    render: Any = Messages.__dict__["render"]

    def fail_for_one(self: Messages, delivery: Any, webhook: Any) -> str:
        if delivery.get("execution_id") == "poison":
            raise ZeroDivisionError
        return render(self, delivery, webhook)

    monkeypatch.setattr("execution_monitor.webhooks.messages.Messages.render", fail_for_one)
    await process.hook(receiver)
    await change(process, "poison", "run-1")

    (delivery,) = await process.in_state(DeliveryState.RETRYING)
    await process.in_state(DeliveryState.DELIVERED)

    assert (delivery["execution_id"], delivery["attempts"]) == ("poison", 1)
    assert delivery["error"] == "The server could not make the request."


async def test_signatures_have_the_time_of_mongodb(process: Delivering, receiver: Receiver):
    _, secret = await process.hook(receiver)
    await change(process, "run-1")
    await until(lambda: len(receiver.requests) == 1)

    (delivery,) = await process.in_state(DeliveryState.DELIVERED)

    verified(receiver.requests[0], secret)
    claimed = delivery["due"] - timedelta(seconds=60)
    assert receiver.requests[0].headers["webhook-timestamp"] == str(int(claimed.timestamp()))


async def test_payloads_are_sent_where_the_webhook_wants_them_and_left_out_where_they_are_too_large(
    process: Delivering, receiver: Receiver
):
    reader = replace(OWNER, scopes=OWNER.scopes | {Scope.EXECUTIONS_PAYLOAD})
    _, secret = await process.hook(receiver, caller=reader, include_payloads=True)
    await change(process, "small", input_parameters={"a": 1})
    await change(process, "large", final_result="x" * 300_000)
    await change(process, "huge", final_result="x" * 5_000_000)

    await until(lambda: len(receiver.requests) == 3)

    bodies = {body["data"]["execution_id"]: body["data"] for body in (verified(r, secret) for r in receiver.requests)}
    assert bodies["small"]["input_parameters"] == {"a": 1}
    assert (bodies["large"]["payloads_omitted"], bodies["huge"]["payloads_omitted"]) == (True, True)
    assert "final_result" not in bodies["large"] | bodies["huge"]


async def test_what_is_due_is_found_by_the_index_alone(process: Delivering, receiver: Receiver):
    rows = process.database.collection(WebhookDelivery)
    hook, _ = await process.hook(receiver)
    later = datetime.now(UTC) + timedelta(days=1)
    common = {"tenant_id": "acme", "webhook_id": hook["_id"], "host": "h:443", "kind": "test", "attempts": 0}
    await rows.insert_many(
        [
            {**common, "_id": f"m{n}", "state": "pending", "due": later, "created": later, "occurred_at": later}
            for n in range(2_000)
        ]
    )
    query = {"state": {"$in": ["pending", "retrying"]}, "$expr": {"$lte": ["$due", "$$NOW"]}}

    command = {"find": rows.name, "filter": query, "sort": {"due": 1}, "hint": {"due": 1, "host": 1}, "limit": 64}
    plan = await process.database.handle.command("explain", command, verbosity="executionStats")

    assert plan["executionStats"]["totalKeysExamined"] <= 1
    assert await process.outbox.find_due([], 64) == []


def test_what_was_not_sent_says_nothing_of_the_host():
    circuits = Circuits(8, lambda: 0.0)
    for _ in range(5):
        circuits.begin("dead")
        circuits.end("dead", is_well=False)
    circuits.begin("dead")
    circuits.end("dead", is_well=None)

    assert circuits.closed_hosts == ["dead"]
