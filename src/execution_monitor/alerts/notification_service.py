"""Everything that the messages of alerts take in one process, wired together: what is called, runs and is closed."""

import asyncio
from dataclasses import dataclass, field
from typing import Self

from execution_monitor.alerts.channels import Channels
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.mail_limit import MailLimit
from execution_monitor.alerts.notifying import Mailing, Notifier
from execution_monitor.alerts.present_content import PresentContent
from execution_monitor.alerts.sending_rules import SendingRules
from execution_monitor.encryption import Encryption
from execution_monitor.outbound.client import Outbound
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.outbound.mail import Mail
from execution_monitor.storage.alert_documents import AlertNotification
from execution_monitor.storage.reader import Reader
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.outbox import Outbox


@dataclass(frozen=True, slots=True)
class NotificationLimits:
    """What an operator decides of the messages of alerts.

    Attributes:
        rules: which URLs may be sent to.
        links: where people open the dashboard.
        mail: hands mail over; None where this server sends none.
        mail_domains: the domains whose addresses may get mail.
        sends: whether this process sends; others may.
    """

    rules: DestinationRules
    links: Links = field(default_factory=Links)
    mail: Mail | None = None
    mail_domains: frozenset[str] = frozenset()
    sends: bool = True


class NotificationService:
    """The messages of alerts of one process; an async context manager that sends while it is open.

    Attributes:
        channels: checks and stores the channels of rules.
        links: for the messages.
        notifier: sends; `wake` it when there is something new.
    """

    def __init__(self, reader: Reader, encryption: Encryption, limits: NotificationLimits) -> None:
        database = reader.database
        mailing = limits.mail and Mailing(limits.mail, limits.mail_domains, MailLimit(database))
        self._outbound = Outbound(limits.rules)
        self._sends = limits.sends
        self._sending: asyncio.Task[None] | None = None
        self.links = limits.links
        self.channels = Channels(database, encryption, limits.rules, limits.mail_domains)
        self.notifier = Notifier(
            Outbox(database, AlertNotification, content=("data",)),
            SendingRules(database, encryption),
            PresentContent(reader, limits.links),
            self._outbound,
            mailing,
        )

    async def __aenter__(self) -> Self:
        await self._outbound.__aenter__()
        if self._sends:
            self._sending = asyncio.create_task(self.notifier.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._sending is not None:
            await end_tasks(self._sending)
        await self._outbound.__aexit__(*error)
