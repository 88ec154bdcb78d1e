"""No webhook sends what its owner may not see: compared with the model, which finds planted faults."""

import random
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, Filter, equals
from execution_monitor.storage.webhook_documents import DeliveryState
from execution_monitor.webhooks.late_deliveries import LateDeliveries
from execution_monitor.webhooks.messages import Messages
from execution_monitor.webhooks.rights import Rights
from execution_monitor.webhooks.webhooks import KINDS
from tests.authorization_model.comparison import expected_event
from tests.authorization_model.reference import COMBINED, GRANTED, Person, ReferenceModel, Row, people
from tests.outbound.receiver import Receiver, answering, receiving
from tests.webhooks.delivering import Delivering, delivering

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
CHANGES = 60
Sent = Counter[tuple[Any, ...]]


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving(answering(OK), None) as receiver:
        yield receiver


def owner_of(person: Person) -> Caller:
    caller = person.caller
    return replace(caller, scopes=caller.scopes | {Scope.WEBHOOKS_WRITE})


def sent_to(receiver: Receiver, webhook_id: Any) -> Sent:
    """What a webhook has sent: kind, execution, and facts of what was shown."""
    bodies = [orjson.loads(each.body) for each in receiver.requests]
    return Counter(shown(each) for each in bodies if each["data"]["webhook_id"] == str(webhook_id))


def shown(body: Any) -> tuple[Any, ...]:
    data = body["data"]
    row, kind = data["execution"], body["type"].partition(".")[2]
    payload = repr(data.get("input_parameters"))
    facts = None if row is None else (row["user_id"], row["workflow_name"], row["status"], payload)
    return kind, data["execution_id"], facts


def expected_of(person: Person, changes: list[tuple[Row | None, Row | None]]) -> Sent:
    """What the webhook of `person` must send of changes."""
    found = Sent()
    for before, after in changes:
        event = expected_event(person, None, before, after)
        if event is not None:
            kind, execution_id, mark = event
            payload = "executions:payload" in person.scopes
            facts = None
            if mark is not None and after is not None:
                payloads = repr(after["input_parameters"] if payload else None)
                facts = (after["user_id"], after["workflow_name"], after["status"], payloads)
            found[kind, execution_id, facts] += 1
    return found


async def hook_of(process: Delivering, receiver: Receiver, person: Person) -> Any:
    has_payloads = "executions:payload" in person.scopes
    row, _ = await process.hook(receiver, caller=owner_of(person), kinds=KINDS, include_payloads=has_payloads or None)
    return row["_id"]


async def differences(database: Database, receiver: Receiver, callers: int) -> list[str]:
    """How what webhooks send differs from the model: of each owner, what is missing and what is too much."""
    generator = random.Random(11)  # noqa: S311 - the same in every run
    model = ReferenceModel(generator)
    await model.begin()
    roles = [*((role,) for role in GRANTED), *COMBINED]
    owners = [each for each in people(generator, callers, roles) if each.reads]
    async with delivering(database, receiver) as process:
        hooks = {await hook_of(process, receiver, each): each for each in owners}
        changes = await model.change(CHANGES)
        expected = {hook: expected_of(person, changes) for hook, person in hooks.items()}
        await process.once(process.has_fed)
        await process.once(process.has_ended)
        return [
            f"{person}: missing {expected[hook] - sent}, too much {sent - expected[hook]}"
            for hook, person in hooks.items()
            if (sent := sent_to(receiver, hook)) != expected[hook]
        ]


async def test_every_webhook_sends_exactly_what_its_owner_may_see(database: Database, receiver: Receiver):
    assert await differences(database, receiver, 4) == []
    assert len(receiver.requests) > CHANGES


def without_filters(caller: Caller) -> Filter:
    return visible_to(replace(caller, grants=()))


def without_the_user(caller: Caller) -> Filter:
    return equals("tenant_id", caller.tenant)


def without_the_owner(self: Rights) -> Filter:
    return EVERYTHING


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        pytest.param("execution_monitor.webhooks.rights.visible_to", without_the_user, id="no user"),
        pytest.param("execution_monitor.webhooks.rights.visible_to", without_filters, id="no filters of roles"),
        pytest.param(
            "execution_monitor.webhooks.rights.Rights.condition", property(without_the_owner), id="no visibility"
        ),
    ],
)
async def test_a_fault_of_webhooks_is_found(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, place: str, fault: Any
):
    monkeypatch.setattr(place, fault)

    assert await differences(database, receiver, 0) != []


async def lose_rights_between(database: Database, receiver: Receiver) -> list[str]:
    """The executions that are sent though their owner lost the right to them before; they wait while others fail."""
    receiver.respond = answering(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")
    generator = random.Random(5)  # noqa: S311 - the same in every run
    model, person = ReferenceModel(generator), Person("ada", "acme", ("operator",), None)
    await model.begin()
    async with delivering(database, receiver) as process:
        hook = await hook_of(process, receiver, person)
        await model.change(30)
        refused = await process.in_state(DeliveryState.RETRYING, 3)
        narrowed = Person("ada", "acme", ("ml-ops",), None)
        await process.owners.confirm(narrowed.caller)
        # What a sender knows of a webhook is half a second old at most.
        receiver.respond = answering(OK)
        await process.once(lambda: _is_known(process, refused[0]["webhook_id"]))
        receiver.requests.clear()
        await process.make_due()
        await process.once(process.has_ended)
        bodies = [orjson.loads(each.body) for each in receiver.requests]
    assert hook == refused[0]["webhook_id"]
    return [each["data"]["execution_id"] for each in bodies if not _may_be_sent(narrowed, each)]


def _may_be_sent(person: Person, body: Any) -> bool:
    row = body["data"]["execution"]
    if row is None:
        # Deleted since; what was without it from the beginning was judged by the rights that are lost.
        return body["type"] in ("execution.entered", "execution.updated")
    return person.sees({**row, "tenant_id": "acme", **_marks(body)})


def _marks(body: Any) -> dict[str, Any]:
    return {"status": body["data"]["execution"]["status"]}


async def _is_known(process: Delivering, webhook_id: Any) -> bool:
    found = await process.sending.find(webhook_id)
    return found is not None and found.rights_revision > 1


async def test_rights_that_were_lost_after_a_change_keep_it_from_being_sent(database: Database, receiver: Receiver):
    assert await lose_rights_between(database, receiver) == []
    assert receiver.requests


def anyones(self: Messages, delivery: Row, webhook: Any) -> str:
    return _RENDER(self, {**delivery, "rights_revision": webhook.rights_revision}, _Seeing(webhook))


async def unlimited(_: LateDeliveries, claimed: Any, __: Any) -> Any:
    return claimed


class _Seeing:
    """A webhook whose owner may see everything."""

    def __init__(self, webhook: Any) -> None:
        self._webhook = webhook

    def __getattr__(self, name: str) -> Any:
        return _is_shown if name == "may_see" else getattr(self._webhook, name)


def _is_shown(_: Row) -> bool:
    return True


_RENDER: Any = Messages.__dict__["render"]


async def test_a_sender_that_does_not_look_again_is_found(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("execution_monitor.webhooks.messages.Messages.render", anyones)
    monkeypatch.setattr("execution_monitor.webhooks.late_deliveries.LateDeliveries.limit", unlimited)

    assert await lose_rights_between(database, receiver) != []
