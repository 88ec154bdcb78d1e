"""What delivering takes, in one process: webhooks, the feeder's consumer and a sender, with a real receiver."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from cryptography.fernet import Fernet
from standardwebhooks import Webhook as Verifier

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.encryption import Encryption
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.outbound.client import Outbound
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import WebhookDelivery
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.enqueueing import Enqueueing
from execution_monitor.webhooks.messages import Messages
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.owners import Owners
from execution_monitor.webhooks.sender import Sender
from execution_monitor.webhooks.sending_webhooks import SendingWebhooks
from execution_monitor.webhooks.states import WebhookStates
from execution_monitor.webhooks.webhooks import WebhookFields, Webhooks
from tests.outbound.receiver import NAME, Authority, Receiver, Request

OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT, Scope.WEBHOOKS_WRITE}))


async def loopback(_: str, __: int) -> Sequence[str]:
    """Every name is this machine's."""
    return ["127.0.0.1"]


async def accept(_: Caller) -> None:
    """No token is revoked."""


@dataclass
class Delivering:
    """One process that enqueues and sends."""

    database: Database
    webhooks: Webhooks
    owners: Owners
    feeder: Feeder
    sender: Sender

    async def hook(
        self, receiver: Receiver, where: Filter = EVERYTHING, caller: Caller = OWNER, **fields: Any
    ) -> tuple[Row, str]:
        """A webhook of `caller` to `receiver`, and its secret."""
        wanted = WebhookFields(name="changes", url=receiver.url, where=where, **fields)
        return await self.webhooks.create(caller, wanted)

    async def deliveries(self) -> list[dict[str, Any]]:
        """All that is in the outbox, the oldest first."""
        return await self.database.collection(WebhookDelivery).find().sort("created", 1).to_list()


@contextlib.asynccontextmanager
async def delivering(
    database: Database, receiver: Receiver, authority: Authority, *, days: int = 30
) -> AsyncGenerator[Delivering]:
    """A process that feeds and sends to `receiver`, until the end."""
    rules = DestinationRules(frozenset({f"{NAME}:{receiver.port}"}))
    encryption = Encryption([Fernet.generate_key().decode()])
    outbox, owners = Outbox(database), Owners(database, timedelta(days=days))
    async with Outbound(rules, resolver=loopback, trusted=authority.trusted) as outbound:
        sending = SendingWebhooks(database, encryption)
        messages = Messages(LiveCursors(b"s" * 32))
        sender = Sender(outbox, sending, WebhookStates(database), messages, outbound)
        feeder = Feeder(database, [Enqueueing(database, outbox, owners, sender.wake)])
        webhooks = Webhooks(Reader(database, 5_000), encryption, rules, accept)
        tasks = [asyncio.create_task(feeder.run()), asyncio.create_task(sender.run())]
        try:
            await until(lambda: feeder.term > 0)
            yield Delivering(database, webhooks, owners, feeder, sender)
        finally:
            await end_tasks(*tasks)


async def until(holds: Callable[[], bool]) -> None:
    """Return when `holds`."""
    async with asyncio.timeout(60):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


def verified(request: Request, secret: str) -> Any:
    """The body of a request that is signed with `secret`."""
    Verifier(secret).verify(request.body, request.headers)
    return orjson.loads(request.body)
