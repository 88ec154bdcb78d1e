"""Notifications: what is put into the outboxes when an alert fires, goes on or ends, for each channel of its rule.

The id of a notification is made of the alert, what it says and the channel. A channel that is a webhook gets a delivery
in the webhook's own outbox, with its signature; those of all other kinds are in the outbox of alerts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession

from execution_monitor.alerts.lifecycle import AlertEvent
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.silent_channels import is_closed
from execution_monitor.storage.alert_documents import AlertNotification, ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.webhook_documents import DeliveryState, Webhook, WebhookDelivery
from execution_monitor.webhooks.enqueueing import delivery_id

_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that a rule is to notify of, as it is stored then, and why."""

    alert: Row
    event: AlertEvent


@dataclass(frozen=True, slots=True)
class Notifications:
    """Puts notifications into the outboxes of `database`, within a transaction of the caller's."""

    database: Database
    links: Links

    async def put(self, rule: Row, notices: Sequence[Notice], now: datetime, session: AsyncClientSession) -> int:
        """Enqueue each of `notices` for every channel of `rule`, due at `now`; returns how many messages that makes.

        A channel that is closed gets nothing, and neither does a webhook that is gone, or of somebody else.
        """
        channels: list[Mapping[str, Any]] = [each for each in rule["channels"] if not is_closed(each)]
        ids = [each["webhook_id"] for each in channels if each["kind"] == ChannelKind.WEBHOOK]
        hosts = await self._webhook_hosts(rule, ids if notices else [], session)
        messages, deliveries = list[BsonDocument](), list[BsonDocument]()
        for notice in notices:
            data = self._data_of(rule, notice)
            for channel in channels:
                if channel["kind"] != ChannelKind.WEBHOOK:
                    messages.append(_message_of(rule, notice, channel, data, now))
                elif (host := hosts.get(channel["webhook_id"])) is not None:
                    deliveries.append(_delivery_of(rule, notice, channel, host, data, now))
        for document, rows in ((AlertNotification, messages), (WebhookDelivery, deliveries)):
            if rows:
                await self.database.collection(document).insert_many(rows, session=session)
        return len(messages) + len(deliveries)

    async def _webhook_hosts(
        self, rule: Row, ids: Sequence[ObjectId], session: AsyncClientSession
    ) -> Mapping[ObjectId, str]:
        if not ids:
            return {}
        own = {"_id": {"$in": list(ids)}, "tenant_id": rule["tenant_id"], "user_id": rule["user_id"]}
        rows = await self.database.collection(Webhook).find(own, {"host": 1}, session=session).to_list()
        return {row["_id"]: row["host"] for row in rows}

    def _data_of(self, rule: Row, notice: Notice) -> dict[str, Any]:
        alert = notice.alert
        newest = alert.get("newest_execution_id")
        return {
            "rule": {"id": str(rule["_id"]), "name": rule["name"]},
            "alert_id": str(alert["_id"]),
            "event": notice.event.value,
            "group": alert.get("group_name"),
            "summary": alert["summary"],
            "value": alert.get("value"),
            "count": alert.get("execution_count"),
            "fired_at": alert["fired_at"],
            "resolved_at": alert.get("resolved_at"),
            "list_url": self.links.of_list(alert.get("given") or ()),
            "execution_url": None if newest is None else self.links.of_execution(newest),
            "newest_execution_id": newest,
        }


def _event_key(notice: Notice) -> str:
    """What an alert is notified of once."""
    return f"{notice.event}:{notice.alert['repeats']}" if notice.event is AlertEvent.REPEATED else notice.event


def _message_of(
    rule: Row, notice: Notice, channel: Mapping[str, Any], data: dict[str, Any], now: datetime
) -> BsonDocument:
    what = "\0".join((str(notice.alert["_id"]), _event_key(notice), channel["id"]))
    return {
        "_id": f"ntf_{hashlib.blake2b(what.encode(), digest_size=_ID_BYTES).hexdigest()}",
        "tenant_id": rule["tenant_id"],
        "rule_id": rule["_id"],
        "alert_id": notice.alert["_id"],
        "channel_id": channel["id"],
        "channel": channel["kind"],
        "host": channel["host"],
        "event": notice.event.value,
        "rights_revision": rule["rights_revision"],
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "due": now,
        "data": data,
        "occurred_at": now,
        "created": now,
    }


def _delivery_of(  # noqa: PLR0913, PLR0917 - what a delivery is made of
    rule: Row, notice: Notice, channel: Mapping[str, Any], host: str, data: dict[str, Any], now: datetime
) -> BsonDocument:
    return {
        "_id": delivery_id(channel["webhook_id"], "alert", str(notice.alert["_id"]), _event_key(notice)),
        "tenant_id": rule["tenant_id"],
        "webhook_id": channel["webhook_id"],
        "host": host,
        "kind": "alert",
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "due": now,
        "execution_id": notice.alert.get("newest_execution_id"),
        "occurred_at": now,
        "data": data,
        "created": now,
    }
