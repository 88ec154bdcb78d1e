"""Every matching change is enqueued once, or the owner is told what is missing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Timestamp

from execution_monitor.auth.caller import Scope
from execution_monitor.feeder.consumers import FieldsChanged, Gap, Superseded
from execution_monitor.feeder.positions import begin_position
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.changes import Change, ChangeType, GapReason, WatchedCollection
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.rest.mapping import ITEM_FIELDS
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filter_fields import EXECUTION_FIELDS
from execution_monitor.storage.filters import equals
from execution_monitor.storage.webhook_documents import Webhook, WebhookDelivery, WebhookTenant
from execution_monitor.webhooks.enqueueing import Enqueueing
from execution_monitor.webhooks.images import FACTS, PAYLOAD_FIELDS
from execution_monitor.webhooks.tenants import CONSUMER
from tests.live.factories import execution
from tests.outbound.receiver import Receiver
from tests.webhooks.delivering import OWNER, Delivering, SendingElsewhere

FUTURE = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


def consumer(process: Delivering) -> Enqueueing:
    """Another process's, which is handed what a test says."""
    return Enqueueing(process.database, process.outbox, process.owners, SendingElsewhere())


def inserted(number: int, hours_ago: float = 0.0, **fields: Any) -> Change:
    """The insertion of an execution; its place in the stream is in the future, so that it is behind every webhook."""
    time = Timestamp(FUTURE, number)
    return Change(
        position=position_after(time),
        collection=WatchedCollection.EXECUTIONS,
        type=ChangeType.INSERT,
        before=None,
        after=execution(f"run-{number}", **fields),
        changed=frozenset({"status", "final_result", "ingest"}),
        cluster_time=time,
        occurred_at=datetime.now(UTC) - timedelta(hours=hours_ago),
        size=1,
    )


async def take(taker: Enqueueing, changes: Sequence[Change], term: int = 100, tenant: str = "acme") -> None:
    await taker.prepare()
    await taker.take(tenant, changes, changes[-1].position, term)


async def enqueued(process: Delivering, kind: str = "entered") -> list[dict[str, Any]]:
    return [each for each in await process.deliveries() if each["kind"] == kind]


async def test_a_change_that_is_handed_over_again_is_not_enqueued_again(process: Delivering, receiver: Receiver):
    await process.hook(receiver)
    first, second = consumer(process), consumer(process)
    changes = [inserted(number) for number in range(1, 4)]

    await take(first, changes)
    before = await enqueued(process)
    await take(first, changes)
    await take(second, changes, term=101)

    assert len(before) == 3
    assert {each["_id"] for each in await enqueued(process)} == {each["_id"] for each in before}
    assert await process.database.collection(WebhookDelivery).count_documents({}) == 3


async def test_a_feeder_whose_term_is_over_moves_no_position(process: Delivering, receiver: Receiver):
    await process.hook(receiver)
    await take(consumer(process), [inserted(1)], term=101)

    with pytest.raises(Superseded):
        await take(consumer(process), [inserted(2)], term=100)

    stored = await process.database.collection(WebhookTenant).find_one({"_id": "acme"})
    assert stored is not None
    assert (stored["term"], stored["position"]) == (101, inserted(1).position)


async def test_a_webhook_is_sent_nothing_from_before_it_was_enabled(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)
    active: Timestamp = (await process.stored_webhook(hook))["active_since"]
    old = replace(inserted(1), cluster_time=active, position=position_after(active))

    await take(consumer(process), [old, inserted(2)])

    assert [each["execution_id"] for each in await enqueued(process)] == ["run-2"]


async def test_changes_that_are_too_old_are_one_gap_however_many_batches_they_come_in(
    process: Delivering, receiver: Receiver
):
    hook, secret = await process.hook(receiver)
    newer, _ = await process.hook(receiver)
    # Made after what is too old: it has missed nothing.
    webhooks = process.database.collection(Webhook)
    await webhooks.update_one({"_id": newer["_id"]}, {"$set": {"active_since": Timestamp(FUTURE, 4)}})
    taker = consumer(process)

    await take(taker, [inserted(1, hours_ago=80), inserted(2, hours_ago=79)])
    await take(taker, [inserted(3, hours_ago=73), inserted(5, hours_ago=71)])
    await take(taker, [inserted(3, hours_ago=73)])
    await take(taker, [inserted(6)])

    (gap,) = await enqueued(process, "gap")
    found = sorted((str(each["webhook_id"]), each["execution_id"]) for each in await enqueued(process))
    assert gap["webhook_id"] == hook["_id"]
    assert (gap["data"]["since"].timestamp(), gap["data"]["until"].timestamp()) == (FUTURE, FUTURE)
    assert gap["data"]["list"].endswith("/executions")
    assert found == sorted((str(each["_id"]), run) for each in (hook, newer) for run in ("run-5", "run-6"))
    assert secret


async def test_a_history_that_is_lost_is_one_gap_for_every_webhook_that_was_there(
    process: Delivering, receiver: Receiver
):
    hook, _ = await process.hook(receiver)
    paused, _ = await process.hook(receiver, enabled=False)
    since, until = position_after(Timestamp(FUTURE, 1)), position_after(Timestamp(FUTURE, 9))
    taker = consumer(process)

    await taker.lose(Gap(since, until, GapReason.HISTORY_LOST), 100)
    await taker.lose(Gap(since, until, GapReason.HISTORY_LOST), 101)
    await taker.lose(Gap(None, position_after(Timestamp(1, 1)), GapReason.HISTORY_LOST), 101)

    (gap,) = await enqueued(process, "gap")
    assert gap["webhook_id"] == hook["_id"] != paused["_id"]


async def test_a_webhook_that_is_made_while_the_first_feeder_begins_has_missed_nothing(
    process: Delivering, receiver: Receiver
):
    present = await current_position(process.database.handle)
    await begin_position(process.database, CONSUMER, present, 100)
    hook, _ = await process.hook(receiver)
    active: Timestamp = (await process.stored_webhook(hook))["active_since"]

    await consumer(process).lose(Gap(None, present, GapReason.HISTORY_LOST), 100)
    await consumer(process).lose(Gap(None, position_after(active), GapReason.HISTORY_LOST), 100)

    assert await enqueued(process, "gap") == []


async def test_nothing_is_read_without_webhooks_and_payloads_only_while_one_sends_them(
    process: Delivering, receiver: Receiver
):
    taker = consumer(process)
    await taker.prepare()
    nothing = taker.fields
    hook, _ = await process.hook(receiver, equals("status", "running"))
    with pytest.raises(FieldsChanged):
        await taker.take("acme", [inserted(1)], inserted(1).position, 100)
    await taker.prepare()
    facts = taker.fields
    reader = replace(OWNER, scopes=OWNER.scopes | {Scope.EXECUTIONS_PAYLOAD})
    payloads, _ = await process.hook(receiver, caller=reader, include_payloads=True)
    with pytest.raises(FieldsChanged):
        await taker.take("acme", [inserted(2)], inserted(2).position, 100)
    await taker.prepare()
    everything = taker.fields
    for each in (hook, payloads):
        await process.webhooks.delete(reader, str(each["_id"]))
    with pytest.raises(FieldsChanged):
        await taker.work(StreamPosition(""), 100)

    assert (nothing, facts, everything) == (frozenset(), FACTS, FACTS | PAYLOAD_FIELDS)
    assert await enqueued(process) == []


async def test_a_tenant_without_webhooks_costs_one_look_for_all_of_a_batch(
    process: Delivering, recorded_database: tuple[Database, Any]
):
    recorded, commands = recorded_database
    taker = Enqueueing(recorded, process.outbox, process.owners, SendingElsewhere())
    await taker.prepare()
    before = len(commands.reads)

    for number in range(50):
        await taker.take(f"tenant-{number}", [inserted(1)], inserted(1).position, 100)

    assert len(commands.reads) == before + 1


def test_all_that_filters_and_bodies_need_is_read():
    stored = {each.stored.partition(".")[0] for each in EXECUTION_FIELDS}

    assert stored | ITEM_FIELDS | {"tenant_id", "version", "updated"} <= FACTS
    assert frozenset(Execution.model_fields) - FACTS == PAYLOAD_FIELDS | {
        "id",
        "revision_id",
        "ingest",
        "performance_data",
    } & frozenset(Execution.model_fields)


async def test_changes_name_only_fields_that_may_be_shown(process: Delivering, receiver: Receiver):
    reader = replace(OWNER, scopes=OWNER.scopes | {Scope.EXECUTIONS_PAYLOAD})
    hook, _ = await process.hook(receiver)
    await process.hook(receiver, caller=reader, include_payloads=True)

    await take(consumer(process), [inserted(1)])

    changed = {each["webhook_id"] == hook["_id"]: each["changed"] for each in await enqueued(process)}
    assert changed == {True: ["status"], False: ["final_result", "status"]}


async def test_a_webhook_that_cannot_be_read_is_paused_and_says_why(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)
    webhooks = process.database.collection(Webhook)
    await webhooks.update_one({"_id": hook["_id"]}, {"$set": {"where": {"filter": "Of a later version"}}})

    await take(consumer(process), [inserted(1)])

    found = await process.stored_webhook(hook)
    assert (found["state"], "cannot be read" in found["state_reason"]) == ("paused", True)
