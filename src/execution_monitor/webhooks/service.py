"""Everything that webhooks take in one process, wired together: what is called, what runs, and what is closed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from execution_monitor.auth.caller import Caller
from execution_monitor.encryption import Encryption
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.outbound.client import Outbound
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.reader import Reader
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.deliveries import Deliveries
from execution_monitor.webhooks.enqueueing import Enqueueing
from execution_monitor.webhooks.messages import Messages
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.owners import Owners, SignIns
from execution_monitor.webhooks.sender import Sender
from execution_monitor.webhooks.sending_webhooks import SendingWebhooks
from execution_monitor.webhooks.states import WebhookStates
from execution_monitor.webhooks.tenants import WEBHOOKS, Owned
from execution_monitor.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class WebhookLimits:
    """What an operator decides of webhooks.

    Attributes:
        rules: which addresses may be sent to.
        confirmed_for: how long the sign-in of an owner confirms what they own.
        sends: whether this process delivers; others may.
    """

    rules: DestinationRules
    confirmed_for: timedelta
    sends: bool = True


class WebhookService:
    """The webhooks of one process; an async context manager that sends while it is open.

    Attributes:
        deliveries: for callers, with the webhooks themselves.
        sign_ins: is notified of everyone who signs in.
        enqueueing: the consumer of the feeder.
        sender: delivers.
    """

    def __init__(  # noqa: PLR0913 - what it is wired of
        self,
        reader: Reader,
        encryption: Encryption,
        cursors: LiveCursors,
        limits: WebhookLimits,
        recheck: Callable[[Caller], Awaitable[None]],
        *,
        owned: Sequence[Owned] = (WEBHOOKS,),
    ) -> None:
        database = reader.database
        outbox, owners = Outbox(database), Owners(database, limits.confirmed_for, owned)
        self._outbound = Outbound(limits.rules)
        self._sends = limits.sends
        self._sending: asyncio.Task[None] | None = None
        self.sender = Sender(
            outbox,
            SendingWebhooks(database, encryption),
            WebhookStates(database),
            Messages(cursors),
            self._outbound,
        )
        self.sign_ins = SignIns(owners)
        self.enqueueing = Enqueueing(database, outbox, owners, self.sender)
        self.deliveries = Deliveries(Webhooks(reader, encryption, limits.rules, recheck), outbox, self.sender)

    async def __aenter__(self) -> Self:
        await self._outbound.__aenter__()
        await self.sign_ins.__aenter__()
        if self._sends:
            self._sending = asyncio.create_task(self.sender.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._sending is not None:
            await end_tasks(self._sending)
        await self.sign_ins.__aexit__(*error)
        await self._outbound.__aexit__(*error)
