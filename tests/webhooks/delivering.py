"""What delivering takes, in one process: webhooks, the feeder's consumer and a sender, with a real receiver."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from cryptography.fernet import Fernet
from standardwebhooks import Webhook as Verifier

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.encryption import Encryption
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.outbound.client import Outbound
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.server_documents import FeedPosition
from execution_monitor.storage.webhook_documents import OPEN_STATES, DeliveryState, Webhook, WebhookDelivery
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.enqueueing import Enqueueing
from execution_monitor.webhooks.messages import Messages
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.owners import Owners
from execution_monitor.webhooks.sender import Sender
from execution_monitor.webhooks.sending_webhooks import SendingWebhooks
from execution_monitor.webhooks.states import WebhookStates
from execution_monitor.webhooks.tenants import CONSUMER
from execution_monitor.webhooks.webhooks import WebhookFields, Webhooks
from tests.outbound.receiver import NAME, Authority, Receiver, Request

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT, Scope.WEBHOOKS_WRITE}))


async def loopback(_: str, __: int) -> Sequence[str]:
    """Every name is this machine's."""
    return ["127.0.0.1"]


async def accept(_: Caller) -> None:
    """No token is revoked."""


class SendingElsewhere:
    """The sender of a process that sends nothing: another one does."""

    def wake(self) -> None:
        """Look at nothing."""

    def keep_places(self, hosts: Sequence[str]) -> Sequence[bool]:
        """There are none."""
        return [False] * len(hosts)

    def free_places(self, hosts: Iterable[str]) -> None:
        """None was kept."""
        assert not list(hosts)

    def send(self, claimed: BsonDocument) -> bool:
        """Nothing is handed over."""
        raise AssertionError(claimed)


@dataclass
class Delivering:
    """One process that enqueues and sends."""

    database: Database
    webhooks: Webhooks
    owners: Owners
    feeder: Feeder
    sender: Sender
    outbox: Outbox
    states: WebhookStates
    sending: SendingWebhooks

    async def hook(
        self, receiver: Receiver, where: Filter = EVERYTHING, caller: Caller = OWNER, **fields: Any
    ) -> tuple[Row, str]:
        """A webhook of `caller` to `receiver`, and its secret."""
        wanted = WebhookFields(name="changes", url=receiver.url, where=where, **fields)
        return await self.webhooks.create(caller, wanted)

    async def once(self, read: Callable[[], Awaitable[Any]]) -> Any:
        """What `read` returns, once that is something."""
        async with asyncio.timeout(15):
            while True:
                if found := await read():
                    return found
                await asyncio.sleep(0.01)

    async def in_state(self, state: DeliveryState, count: int = 1) -> list[dict[str, Any]]:
        """The deliveries in a state, once there are so many."""

        async def read() -> list[dict[str, Any]]:
            found = [each for each in await self.deliveries() if each["state"] == state.value]
            return found if len(found) >= count else []

        return await self.once(read)

    async def has_fed(self) -> bool:
        """Whether everything that has happened until now is in the outbox."""
        now = await current_position(self.database.handle)
        async with asyncio.timeout(15):
            while True:
                found = await self.database.collection(FeedPosition).find_one({"_id": CONSUMER})
                if found is not None and found["position"] >= now:
                    return True
                await asyncio.sleep(0.02)

    async def has_ended(self) -> bool:
        """Whether nothing is left to send."""
        open_states = {"state": {"$in": list(OPEN_STATES)}}
        return await self.database.collection(WebhookDelivery).find_one(open_states) is None

    async def make_due(self, query: Mapping[str, Any] | None = None) -> None:
        """Have what waits for another attempt tried now, as if the time had passed."""
        retrying = {"state": "retrying", "claim": None, **(query or {})}
        await self.database.collection(WebhookDelivery).update_many(retrying, [{"$set": {"due": "$$NOW"}}])
        self.sender.wake()

    async def stored_webhook(self, row: Row) -> dict[str, Any]:
        """A webhook as it is stored now."""
        found = await self.database.collection(Webhook).find_one({"_id": row["_id"]})
        assert found is not None
        return found

    async def deliveries(self) -> list[dict[str, Any]]:
        """All that is in the outbox, the oldest first."""
        return await self.database.collection(WebhookDelivery).find().sort("created", 1).to_list()


@contextlib.asynccontextmanager
async def delivering(
    database: Database, receiver: Receiver, authority: Authority | None = None, *, days: int = 30
) -> AsyncGenerator[Delivering]:
    """A process that feeds and sends to `receiver`, which is not encrypted without an authority, until the end."""
    inside = frozenset({f"{NAME}:{receiver.port}", f"127.0.0.1:{receiver.port}"})
    rules = DestinationRules(inside, allows_http=authority is None)
    trusted = None if authority is None else authority.trusted
    encryption = Encryption([Fernet.generate_key().decode()])
    outbox, owners = Outbox(database), Owners(database, timedelta(days=days))
    async with Outbound(rules, resolver=loopback, trusted=trusted) as outbound:
        sending = SendingWebhooks(database, encryption)
        messages = Messages(LiveCursors(b"s" * 32))
        states = WebhookStates(database)
        sender = Sender(outbox, sending, states, messages, outbound)
        feeder = Feeder(database, [Enqueueing(database, outbox, owners, sender)])
        webhooks = Webhooks(Reader(database, 5_000), encryption, rules, accept)
        tasks = [asyncio.create_task(feeder.run()), asyncio.create_task(sender.run())]
        try:
            process = Delivering(database, webhooks, owners, feeder, sender, outbox, states, sending)
            # Before it has begun, a webhook might be older than the feeder, and get a gap.
            begun = {"_id": CONSUMER, "lost_until": None}
            await process.once(lambda: database.collection(FeedPosition).find_one(begun))
            yield process
        finally:
            await end_tasks(*tasks)


async def until(holds: Callable[[], bool]) -> None:
    """Return when `holds`."""
    async with asyncio.timeout(15):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


def verified(request: Request, secret: str) -> Any:
    """The body of a request that is signed with `secret`."""
    Verifier(secret).verify(request.body, request.headers)
    return orjson.loads(request.body)
