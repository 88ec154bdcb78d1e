"""Webhooks whose owners lose what they might see while changes wait: nothing is sent of what they may not see now."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from execution_monitor.auth.caller import Scope
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.webhook_documents import OPEN_STATES, DeliveryState, WebhookDelivery
from execution_monitor.webhooks.images import decode_image
from execution_monitor.webhooks.late_deliveries import LateDeliveries
from execution_monitor.webhooks.owners import pause_all_of
from execution_monitor.webhooks.tenants import WEBHOOKS
from execution_monitor.webhooks.webhooks import KINDS
from tests.authorization_model.reference import Person, ReferenceModel, Row
from tests.authorization_model.test_webhooks import owner_of
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.outbound.receiver import Receiver, answering, receiving
from tests.webhooks.delivering import OK, Delivering, delivering

_ROUNDS = 50 if is_full() else 1
# Some before rights are lost, and some after.
_EACH = 100 if is_full() else 30
_REFUSAL = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"
_KNOWN_SECONDS = 0.6
_FIRST_REVISION = 1

ADA = Person("ada", "acme", ("operator",), None)
# What Ada signs in with while changes wait.
NARROWED = Person("ada", "acme", ("ml-ops",), None)
REVOKED = Person("grace", "acme", ("operator",), None)
OWNERS = (
    ADA,
    Person("ada", "acme", ("failures",), None),
    REVOKED,
    Person("olivia", "acme", ("viewer",), None),
    Person("olivia", "acme", ("own-ml",), None),
    Person("ada", "globex", ("operator",), None),
)


@dataclass
class Judge:
    """What was sent that its owner may not see, and what was not sent though they may."""

    leaked: list[str] = field(default_factory=list[str])
    missing: list[str] = field(default_factory=list[str])
    sent: int = 0
    dropped: int = 0

    def judge(self, person: Person, delivery: Row, body: Any, now: Row | None) -> None:
        """Compare what was sent, if anything, with what the execution was and is `now`."""
        name = f"{delivery['kind']} of {delivery['execution_id']} to {person}"
        image = None if delivery.get("image") is None else decode_image(delivery["image"])
        if image is None:
            # The id alone, of what they saw by the rights that they have now.
            if body is not None and _is_narrowed(person) and delivery["rights_revision"] == _FIRST_REVISION:
                self.leaked.append(f"{name}: rights have changed")
            return
        allowed = _sees(person, image) and (now is None or _sees(person, now))
        if body is None:
            self.dropped += 1
            if allowed:
                self.missing.append(name)
            return
        self.sent += 1
        if not allowed or (now is None) != (body["data"]["execution"] is None):
            self.leaked.append(name)


def _is_narrowed(person: Person) -> bool:
    return (person.user, person.tenant) == (NARROWED.user, NARROWED.tenant)


def _sees(person: Person, row: Row) -> bool:
    return person != REVOKED and person.sees(row) and (not _is_narrowed(person) or NARROWED.sees(row))


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving(answering(OK), None) as receiver:
        yield receiver


async def lose_rights(database: Database, receiver: Receiver, rounds: int) -> Judge:
    """Make changes that wait while executions go to others, an owner signs in with less, and another is revoked."""
    found, model = Judge(), ReferenceModel(random.Random(7))  # noqa: S311 - the same in every run
    await model.begin()
    async with delivering(database, receiver) as process:
        for _ in range(rounds):
            receiver.respond = answering(_REFUSAL)
            hooks = {(await _hook(process, receiver, each))["_id"]: each for each in OWNERS}
            await model.change(_EACH)
            await _all_refused(process)
            await process.owners.confirm(NARROWED.caller)
            await pause_all_of(database, WEBHOOKS, REVOKED.user, REVOKED.tenant)
            await model.change(_EACH)
            await _all_refused(process)
            # What a sender knows of a webhook is half a second old at most.
            await asyncio.sleep(_KNOWN_SECONDS)
            await _judge_round(process, receiver, hooks, found)
            for hook_id, person in hooks.items():
                await process.webhooks.delete(owner_of(person), str(hook_id))
            await database.collection(WebhookDelivery).delete_many({})
    return found


async def _hook(process: Delivering, receiver: Receiver, person: Person) -> Row:
    payloads = Scope.EXECUTIONS_PAYLOAD in owner_of(person).scopes
    row, _ = await process.hook(receiver, caller=owner_of(person), kinds=KINDS, include_payloads=payloads or None)
    return row


async def _all_refused(process: Delivering) -> None:
    """Return when everything that was changed is enqueued, and was attempted unless its webhook is paused."""
    await process.has_fed()

    async def is_refused() -> bool:
        rows = process.database.collection(WebhookDelivery)
        return await rows.find_one({"state": "pending", "attempts": 0, "claim": {"$exists": False}}) is None

    async def is_claimed() -> bool:
        rows = process.database.collection(WebhookDelivery)
        return await rows.find_one({"state": {"$in": list(OPEN_STATES)}, "claim": {"$ne": None}}) is None

    await process.once(is_refused)
    await process.once(is_claimed)


async def _judge_round(process: Delivering, receiver: Receiver, hooks: dict[Any, Person], found: Judge) -> None:
    waiting = await process.deliveries()
    receiver.requests.clear()
    receiver.respond = answering(OK)
    await process.make_due({"state": DeliveryState.RETRYING.value})
    paused = [hook_id for hook_id, person in hooks.items() if person == REVOKED]

    async def is_over() -> bool:
        is_open = {"state": {"$in": list(OPEN_STATES)}, "webhook_id": {"$nin": paused}}
        return await process.database.collection(WebhookDelivery).find_one(is_open) is None

    await process.once(is_over)
    bodies = {each.headers["webhook-id"]: orjson.loads(each.body) for each in receiver.requests}
    rows = await process.database.collection(Execution).find().to_list()
    now = {row["_id"]: row for row in rows}
    for delivery in waiting:
        if delivery["state"] == DeliveryState.DEAD.value:
            # Dropped when it was attempted first: with rights that were lost already.
            continue
        image = delivery.get("image")
        current = None if image is None else now.get(decode_image(image)["_id"])
        found.judge(hooks[delivery["webhook_id"]], delivery, bodies.get(delivery["_id"]), current)


async def test_nothing_is_sent_of_what_its_owner_may_not_see_any_more(
    database: Database, receiver: Receiver, report: Callable[[FaultResult], None]
):
    found = await lose_rights(database, receiver, _ROUNDS)

    assert (found.leaked, found.sent > 0, found.dropped > 0) == ([], True, True)
    fault = "changes that wait while executions go to other owners, roles are lost and an owner is revoked"
    note = f"0 leaked, {found.sent:,} sent, {found.dropped:,} dropped"
    report(FaultResult(fault, 2 * _EACH * _ROUNDS, len(found.missing), 0, note=note, page="webhooks"))


async def test_a_sender_that_does_not_look_executions_up_again_is_found(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    async def trust(_: LateDeliveries, claimed: Any, __: Any) -> Any:
        return claimed

    monkeypatch.setattr(LateDeliveries, "limit", trust)

    assert (await lose_rights(database, receiver, 1)).leaked != []
