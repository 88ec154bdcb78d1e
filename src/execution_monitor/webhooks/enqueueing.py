"""Enqueueing: the feeder's consumer that puts each change into the outbox once for each webhook it concerns.

The id of a delivery is made of the webhook and the position of the change. So a change that is handed over again, by
this process or another, finds its deliveries there: first the outbox, then the position, and no transaction between.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from execution_monitor.feeder.consumers import Gap, Superseded
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition, time_of
from execution_monitor.rest.openapi import LIST_PATH
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.webhook_documents import (
    DeliveryState,
    Webhook,
    WebhookDelivery,
    WebhookState,
    WebhookTenant,
)
from execution_monitor.webhooks.images import encode_image
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.owners import Owners
from execution_monitor.webhooks.registry import EnabledWebhook, Registry

log = structlog.get_logger()

NAME = "webhooks"
# Deliveries that are done are kept for 96 hours: changes that are read again later would be enqueued again.
OLDEST = timedelta(hours=72)
# More of them may follow in the next batch.
_LATE_PAUSE = timedelta(seconds=30)
_TIMEOUT_MS = 10_000
_ID_BYTES = 16
_AT_ONCE = 500
_LOOK_SECONDS = 60.0


class Enqueueing:
    """Enqueues the changes of all tenants.

    Args:
        database: where webhooks and the outbox are.
        outbox: where deliveries go.
        owners: of the webhooks.
        wake: called when something was enqueued.
    """

    def __init__(self, database: Database, outbox: Outbox, owners: Owners, wake: Callable[[], None]) -> None:
        self._database = database
        self._outbox = outbox
        self._owners = owners
        self._looks_at = 0.0
        self._wake = wake
        self._registry = Registry(database)

    @property
    def name(self) -> str:
        """What its position is stored as."""
        return NAME

    @property
    def fields(self) -> frozenset[str] | None:
        """Whole documents: filters and receivers may want any field."""
        return None

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        """Enqueue the changes of a tenant up to `until`."""
        found = await self._registry.of(tenant)
        if not found.webhooks:
            return
        now = await self._outbox.now()
        late = [change for change in changes if change.occurred_at < now - OLDEST]
        await self._tell_late(tenant, found.webhooks, late, now)
        pending = list[dict[str, Any]]()
        for change in changes[len(late) :]:
            for webhook in found.concerned_by(change):
                judged = webhook.judge(change)
                if judged is None:
                    continue
                kind, row = judged
                image = None if row is None else encode_image(row, with_payloads=webhook.with_payloads)
                pending.append(_delivery_of(webhook, tenant, change, kind=kind.value, image=image, now=now))
            if len(pending) >= _AT_ONCE:
                await self._outbox.put(pending)
                pending = []
        await self._outbox.put(pending)
        await self._save(tenant, until, term)
        self._wake()

    async def lose(self, gap: Gap, term: int) -> None:  # noqa: ARG002 - a gap is put in once, by its id
        """Send the owner of every webhook one gap for what is lost."""
        if gap.since is None:
            # The first start: no webhook is older.
            return
        now = await self._outbox.now()
        webhooks = self._database.collection(Webhook)
        query = {"state": WebhookState.ENABLED.value, "active_since": {"$lte": time_of(gap.until)}}
        async for row in webhooks.find(query, {"tenant_id": 1, "host": 1}):
            await self._outbox.put(
                [_gap_of(row["tenant_id"], row["_id"], row["host"], since=gap.since, until=gap.until, due=now)]
            )
        self._wake()

    async def work(self, position: StreamPosition, term: int) -> bool:  # noqa: ARG002 - as a consumer
        """Pause webhooks whose owners have not signed in for long, once a minute."""
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + _LOOK_SECONDS
            await self._owners.pause_unconfirmed()
        return False

    async def _tell_late(
        self, tenant: str, webhooks: Sequence[EnabledWebhook], late: Sequence[Change], now: datetime
    ) -> None:
        """Send one gap for changes that are too old, however many batches they come in."""
        tenants = self._database.collection(WebhookTenant)
        if not late:
            forgetting = tenants.update_one({"_id": tenant, "late_since": {"$ne": None}}, {"$unset": {"late_since": 1}})
            await await_reply(forgetting, _TIMEOUT_MS)
            return
        log.warning("changes_too_old_to_enqueue", tenant=tenant)
        since, until = late[0].position, late[-1].position
        remembering = tenants.find_one_and_update(
            {"_id": tenant}, {"$min": {"late_since": since}}, return_document=ReturnDocument.AFTER
        )
        stored: Any = await await_reply(remembering, _TIMEOUT_MS)
        first = StreamPosition(stored["late_since"])
        rows = [
            _gap_of(tenant, each.webhook_id, each.host, since=first, until=until, due=now + _LATE_PAUSE)
            for each in webhooks
        ]
        await self._outbox.put(rows)
        # It says how far the gap reaches once the next batches have been read.
        growing = self._database.collection(WebhookDelivery).update_many(
            {"_id": {"$in": [row["_id"] for row in rows]}, "attempts": 0},
            {"$max": {"data.until": _time_at(until), "due": now + _LATE_PAUSE}},
        )
        await await_reply(growing, _TIMEOUT_MS)

    async def _save(self, tenant: str, until: StreamPosition, term: int) -> None:
        """Store the position unless a later term has written; raises `Superseded`."""
        query = {"_id": tenant, "term": {"$lte": term}}
        update = {"$max": {"position": until}, "$set": {"term": term}}
        tenants = self._database.collection(WebhookTenant)
        try:
            done = await await_reply(tenants.update_one(query, update), _TIMEOUT_MS)
        except DuplicateKeyError as error:
            raise Superseded from error
        if not done.matched_count:
            raise Superseded


def delivery_id(webhook_id: ObjectId, *what: str) -> str:
    """The id of a delivery: the same whenever the same is enqueued for the same webhook."""
    digest = hashlib.blake2b("\0".join((str(webhook_id), *what)).encode(), digest_size=_ID_BYTES)
    return f"msg_{digest.hexdigest()}"


def _delivery_of(  # noqa: PLR0913 - what a delivery is made of
    webhook: EnabledWebhook, tenant: str, change: Change, *, kind: str, image: bytes | None, now: datetime
) -> dict[str, Any]:
    shown = change.after or change.before or {}
    execution_id = shown.get("execution_id") if image is not None else (change.before or {}).get("execution_id")
    return {
        "_id": delivery_id(webhook.webhook_id, change.position),
        "tenant_id": tenant,
        "webhook_id": webhook.webhook_id,
        "host": webhook.host,
        "kind": kind,
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "due": now,
        "execution_id": execution_id if isinstance(execution_id, str) else None,
        "position": change.position,
        "rights_revision": webhook.rights_revision,
        "occurred_at": change.occurred_at,
        "image": image,
        "changed": None if change.changed is None or image is None else sorted(change.changed),
        "created": now,
    }


def _gap_of(  # noqa: PLR0913 - what a gap is made of
    tenant: str, webhook_id: ObjectId, host: str, *, since: StreamPosition, until: StreamPosition, due: datetime
) -> dict[str, Any]:
    return {
        "_id": delivery_id(webhook_id, "gap", since),
        "tenant_id": tenant,
        "webhook_id": webhook_id,
        "host": host,
        "kind": "gap",
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "due": due,
        "occurred_at": _time_at(until),
        "data": {"webhook_id": str(webhook_id), "since": _time_at(since), "until": _time_at(until), "list": LIST_PATH},
        "created": due,
    }


def _time_at(position: StreamPosition) -> datetime:
    return datetime.fromtimestamp(time_of(position).time, UTC)
