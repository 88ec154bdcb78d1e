"""Owners of webhooks: what their signing in, their revocation and their absence do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.errors import Forbidden, Unauthenticated
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.webhook_documents import Webhook
from execution_monitor.webhooks.owners import Owners, SignIns, pause_all_of
from execution_monitor.webhooks.tenants import WEBHOOKS
from execution_monitor.webhooks.webhooks import WebhookFields, Webhooks
from tests.outbound.receiver import Receiver
from tests.webhooks.delivering import OWNER, Delivering

READ = frozenset({Scope.EXECUTIONS_READ, Scope.WEBHOOKS_WRITE})


async def age(process: Delivering, hook: Any, **time: float) -> None:
    """As if its owner had signed in that long ago."""
    confirmed = {"$set": {"confirmed_at": datetime.now(UTC) - timedelta(**time)}}
    await process.database.collection(Webhook).update_one({"_id": hook["_id"]}, confirmed)


async def test_signing_in_confirms_what_somebody_owns_and_changes_nothing_else(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)
    await age(process, hook, days=20)
    before = await process.stored_webhook(hook)

    await process.owners.confirm(OWNER)

    found = await process.stored_webhook(hook)
    assert datetime.now(UTC) - found["confirmed_at"] < timedelta(minutes=1)
    assert {**found, "confirmed_at": 0} == {**before, "confirmed_at": 0}


async def test_signing_in_with_less_narrows_and_with_more_does_not_widen(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)

    await process.owners.confirm(Caller("ada", "acme", READ))
    narrowed = await process.stored_webhook(hook)
    await process.owners.confirm(OWNER)
    found = await process.stored_webhook(hook)

    assert (narrowed["state"], narrowed["rights_revision"]) == ("enabled", 2)
    assert Scope.EXECUTIONS_READ_TENANT not in narrowed["scopes"]
    assert (found["scopes"], found["visible"], found["rights_revision"]) == (
        narrowed["scopes"],
        narrowed["visible"],
        2,
    )


async def test_an_owner_who_may_read_nothing_any_more_sends_nothing(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)

    await process.owners.confirm(Caller("ada", "acme", frozenset({Scope.WEBHOOKS_WRITE})))

    found = await process.stored_webhook(hook)
    assert (found["state"], found["visible"]) == ("paused", [])
    assert "may no longer read executions" in found["state_reason"]


async def test_too_many_different_rights_pause(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)

    for number in range(12):
        grants = (Grant(Scope.EXECUTIONS_READ_TENANT, equals("workflow_name", f"w{number}")),)
        await process.owners.confirm(Caller("ada", "acme", OWNER.scopes, grants=grants))

    found = await process.stored_webhook(hook)
    assert (found["state"], "do not fit" in found["state_reason"]) == ("paused", True)


async def test_only_the_owner_of_the_tenant_is_concerned(process: Delivering, receiver: Receiver):
    hook, _ = await process.hook(receiver)
    before = await process.stored_webhook(hook)

    for other in (Caller("ben", "acme", READ), Caller("ada", "globex", READ)):
        await process.owners.confirm(other)

    assert await process.stored_webhook(hook) == before


async def test_an_owner_who_has_not_signed_in_for_long_has_their_webhooks_paused(
    process: Delivering, receiver: Receiver
):
    old, _ = await process.hook(receiver)
    recent, _ = await process.hook(receiver)
    await age(process, old, days=30, minutes=1)
    await age(process, recent, days=29, hours=23)

    assert await process.owners.pause_unconfirmed() == 1

    found = await process.stored_webhook(old)
    assert (found["state"], found["state_reason"]) == (
        "paused",
        "Its owner has not signed in for 30 days; enable it again.",
    )
    assert (await process.stored_webhook(recent))["state"] == "enabled"
    enabled = await process.webhooks.update(OWNER, str(old["_id"]), WebhookFields(enabled=True))
    assert (enabled["state"], await process.owners.pause_unconfirmed()) == ("enabled", 0)


async def test_a_revoked_user_has_their_webhooks_paused_in_one_tenant_or_in_all(
    process: Delivering, receiver: Receiver
):
    here, _ = await process.hook(receiver)
    there, _ = await process.hook(receiver, caller=Caller("ada", "globex", OWNER.scopes))
    others, _ = await process.hook(receiver, caller=Caller("ben", "acme", OWNER.scopes))

    assert await pause_all_of(process.database, WEBHOOKS, "ada", "acme") == 1
    states = [(await process.stored_webhook(each))["state"] for each in (here, there, others)]
    assert await pause_all_of(process.database, WEBHOOKS, "ada", None) == 1

    assert states == ["paused", "enabled", "enabled"]
    assert (await process.stored_webhook(there))["state_reason"].startswith("Its owner was revoked")


async def test_an_owner_who_is_revoked_while_saving_ends_paused(process: Delivering, receiver: Receiver):
    async def refuse(_: Caller) -> None:
        raise Unauthenticated("This token was revoked.")

    hook, _ = await process.hook(receiver)
    saving = Webhooks(Reader(process.database, 5_000), process.webhooks.encryption, process.webhooks.rules, refuse)

    with pytest.raises(Unauthenticated):
        await saving.update(OWNER, str(hook["_id"]), WebhookFields(enabled=True))
    with pytest.raises(Unauthenticated):
        await saving.create(OWNER, WebhookFields(name="new", url=receiver.url, where=equals("status", "failed")))

    stored = await process.database.collection(Webhook).find().to_list()
    assert [each["state"] for each in stored] == ["paused", "paused"]


async def test_who_may_read_nothing_makes_no_webhook(process: Delivering, receiver: Receiver):
    with pytest.raises(Forbidden):
        await process.hook(receiver, caller=Caller("ada", "acme", frozenset({Scope.WEBHOOKS_WRITE})))


async def test_a_sign_in_is_noticed_once_in_a_while_and_again_with_other_rights(database: Database):
    confirmed = list[Caller]()

    class Recording(Owners):
        async def confirm(self, caller: Caller) -> None:
            confirmed.append(caller)

    now = [0.0]
    less = Caller("ada", "acme", READ)
    async with SignIns(Recording(database, timedelta(days=30)), lambda: now[0]) as sign_ins:
        for caller in (OWNER, OWNER, less, OWNER, Caller("ada", "acme", READ, is_key=True)):
            sign_ins.notice(caller)
        await sign_ins.settle()
        now[0] = 601.0
        sign_ins.notice(OWNER)
        await sign_ins.settle()

    assert confirmed == [OWNER, less, OWNER]
