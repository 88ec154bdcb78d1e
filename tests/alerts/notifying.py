"""What sending messages of alerts takes, in one process: rules, alerts and a notifier, with real receivers."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId, Timestamp
from cryptography.fernet import Fernet

from execution_monitor.alerts.channels import Channels, GivenChannel
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.mail_limit import MailLimit
from execution_monitor.alerts.notifying import Mailing, Notifier
from execution_monitor.alerts.present_content import PresentContent
from execution_monitor.alerts.sending_rules import SendingRules
from execution_monitor.encryption import Encryption
from execution_monitor.outbound.client import Outbound
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.outbound.mail import Mail
from execution_monitor.outbound.mail_server import MailServer
from execution_monitor.storage.alert_documents import Alert, AlertNotification, AlertRule, ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import DeliveryState
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.rights import Rights
from tests.outbound.mail_receiver import MailReceiver
from tests.outbound.receiver import Authority, Receiver
from tests.webhooks.delivering import OWNER, loopback

LINKS = Links("https://monitor.example.com")
SENDER = "monitor@example.com"
_numbers = itertools.count(1)


@dataclass
class Notifying:
    """One process that sends."""

    database: Database
    channels: Channels
    notifier: Notifier
    outbox: Outbox

    async def rule(self, *channels: GivenChannel, **fields: Any) -> Row:
        """A rule with these channels."""
        now = datetime.now(UTC)
        row: Row = {
            "_id": ObjectId(),
            "tenant_id": OWNER.tenant,
            "user_id": OWNER.subject,
            "name": "Nightly runs",
            "where": encode_filter(EVERYTHING),
            "kind": "event",
            "condition": {},
            "channels": await self.channels.to_stored(OWNER, channels),
            "enabled": True,
            **Rights.of(OWNER).to_stored(),
            "rights_revision": 1,
            "confirmed_at": now,
            "active_since": Timestamp(0, 1),
            "created": now,
            "updated": now,
            "revision": 1,
            **fields,
        }
        await self.database.collection(AlertRule).insert_one(row)
        return row

    async def alert(self, rule: Row, **fields: Any) -> Row:
        """An alert of a rule, which fires unless `fields` say otherwise."""
        now = datetime.now(UTC)
        row = {
            "_id": ObjectId(),
            "tenant_id": rule["tenant_id"],
            "rule_id": rule["_id"],
            "user_id": rule["user_id"],
            "group": f"group-{next(_numbers)}",
            "state": "firing",
            "summary": "12 of 20 executions failed.",
            "newest_execution_id": "run-12",
            "fired_at": now,
            "seen_at": now,
            "created": now,
            "updated": now,
            **fields,
        }
        await self.database.collection(Alert).insert_one(row)
        return row

    async def put(self, rule: Row, alert: Row, event: str = "fired", *, due: bool = True, **fields: Any) -> list[str]:
        """Enqueue a message of `alert` for each channel of `rule`, as evaluators do; returns the ids."""
        now = datetime.now(UTC)
        data = {
            "rule": {"id": str(rule["_id"]), "name": rule["name"]},
            "alert_id": str(alert["_id"]),
            "event": event,
            "group": "invoices",
            "summary": alert["summary"],
            "value": 12.0,
            "count": 12,
            "fired_at": alert["fired_at"],
            "resolved_at": alert.get("resolved_at"),
            "list_url": LINKS.of_list([]),
            "execution_url": LINKS.of_execution(alert["newest_execution_id"]),
            "newest_execution_id": alert["newest_execution_id"],
        }
        rows: list[dict[str, Any]] = [
            {
                "_id": f"ntf_{next(_numbers):032x}",
                "tenant_id": rule["tenant_id"],
                "rule_id": rule["_id"],
                "alert_id": alert["_id"],
                "channel_id": channel["id"],
                "channel": channel["kind"],
                "host": channel["host"],
                "event": event,
                "state": "pending",
                "attempts": 0,
                "due": now if due else datetime(2100, 1, 1, tzinfo=UTC),
                "data": data,
                "occurred_at": now,
                "created": now,
                **fields,
            }
            for channel in rule["channels"]
            if channel["kind"] != ChannelKind.WEBHOOK
        ]
        await self.database.collection(AlertNotification).insert_many(rows)
        self.notifier.wake()
        return [row["_id"] for row in rows]

    async def fire(self, *channels: GivenChannel, **fields: Any) -> tuple[Row, Row]:
        """A rule with these channels, and an alert of which each is sent a message."""
        rule = await self.rule(*channels)
        alert = await self.alert(rule)
        await self.put(rule, alert, **fields)
        return rule, alert

    async def once(self, read: Callable[[], Awaitable[Any]]) -> Any:
        """What `read` returns, once that is something."""
        async with asyncio.timeout(15):
            while True:
                if found := await read():
                    return found
                await asyncio.sleep(0.01)

    async def in_state(self, state: DeliveryState, count: int = 1) -> list[dict[str, Any]]:
        """The messages in a state that no sender has, once there are so many."""

        async def read() -> list[dict[str, Any]]:
            query = {"state": state.value, "claim": None}
            found = await self.database.collection(AlertNotification).find(query).sort("created", 1).to_list()
            return found if len(found) >= count else []

        return await self.once(read)

    async def delivered_again(self) -> dict[str, Any]:
        """The one message that has arrived and is to be sent again."""
        query = {"state": "pending", "claim": None, "delivered_at": {"$ne": None}}
        return await self.once(lambda: self.database.collection(AlertNotification).find_one(query))

    async def make_due(self, **changes: Any) -> None:
        """Have what waits sent now, as if the time had passed."""
        waiting = {"state": {"$in": ["pending", "retrying"]}, "claim": None}
        rows = self.database.collection(AlertNotification)
        await rows.update_many(waiting, [{"$set": {"due": "$$NOW", **changes}}])
        self.notifier.wake()

    async def stored_rule(self, rule: Row) -> dict[str, Any]:
        """A rule as it is stored now."""
        found = await self.database.collection(AlertRule).find_one({"_id": rule["_id"]})
        assert found is not None
        return found

    async def change(self, rule: Row, **changes: Any) -> None:
        """Change a rule, and wait until senders know of it."""
        await self.database.collection(AlertRule).update_one({"_id": rule["_id"]}, {"$set": changes})
        await asyncio.sleep(0.6)


@contextlib.asynccontextmanager
async def notifying(  # noqa: PLR0913 - what a process is made of
    database: Database,
    hosts: Sequence[str] = (),
    *,
    authority: Authority | None = None,
    mail: MailReceiver | None = None,
    encryption: Encryption | None = None,
    sends: bool = True,
) -> AsyncGenerator[Notifying]:
    """A process that sends messages until the end, to hosts and ports on this machine and to a server of mail."""
    rules = DestinationRules(frozenset(hosts), allows_http=True)
    trusted = None if authority is None else authority.trusted
    encryption = encryption or Encryption([Fernet.generate_key().decode()])
    outbox = Outbox(database, AlertNotification, content=("data",))
    domains = frozenset({"example.com"})
    mailing = None
    if mail is not None:
        server = MailServer("127.0.0.1", mail.port, None)
        mailing = Mailing(Mail(server, SENDER), domains, MailLimit(database))
    async with Outbound(rules, resolver=loopback, trusted=trusted) as outbound:
        content = PresentContent(Reader(database, 5_000), LINKS)
        notifier = Notifier(outbox, SendingRules(database, encryption), content, outbound, mailing)
        sending = [asyncio.create_task(notifier.run())] if sends else []
        try:
            yield Notifying(database, Channels(database, encryption, rules, domains), notifier, outbox)
        finally:
            await end_tasks(*sending)


def alertmanager(receiver: Receiver) -> GivenChannel:
    """The receiver as an Alertmanager."""
    return GivenChannel(alertmanager_url=f"http://127.0.0.1:{receiver.port}/secret-prefix")


def hosts_of(*receivers: Receiver) -> Sequence[str]:
    """The hosts and ports of receivers that are not encrypted."""
    return [f"127.0.0.1:{each.port}" for each in receivers]
