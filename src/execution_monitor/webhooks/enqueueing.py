"""Enqueueing: the feeder's consumer that puts each change into the outbox once for each webhook it concerns.

The id of a delivery is made of the webhook and the position of the change. So a change that is handed over again, by
this process or another, finds its deliveries there: first the outbox, then the position, and no transaction between.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from bson import ObjectId
from pymongo import ReturnDocument

from execution_monitor.feeder.consumers import FieldsChanged, Gap
from execution_monitor.feeder.positions import save_tenant_position
from execution_monitor.feeder.registry import OfTenant, TenantNow
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition, position_after, time_of
from execution_monitor.lru_cache import LruCache
from execution_monitor.rest.paths import LIST_PATH
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.webhook_documents import (
    DeliveryState,
    Webhook,
    WebhookDelivery,
    WebhookState,
    WebhookTenant,
)
from execution_monitor.webhooks.handing_over import HandingOver, LocalSender
from execution_monitor.webhooks.images import encode_image, shown_changes
from execution_monitor.webhooks.outbox import Outbox
from execution_monitor.webhooks.owners import Owners
from execution_monitor.webhooks.registry import EnabledWebhook, Reading, WebhookRegistry
from execution_monitor.webhooks.states import WebhookStates
from execution_monitor.webhooks.tenants import CONSUMER

log = structlog.get_logger()

UNREADABLE = "Its filter or its rights were stored by another version, and cannot be read; save and enable it again."
# Deliveries that are done are kept for 96 hours: changes that are read again later would be enqueued again.
OLDEST = timedelta(hours=72)
# More of them may follow in the next batch.
_LATE_PAUSE = timedelta(seconds=30)
_TIMEOUT_MS = 10_000
_ID_BYTES = 16
_AT_ONCE = 500
_BYTES_AT_ONCE = 8 * 1024 * 1024
_LOOK_SECONDS = 60.0
# What came after a stored position is known by its ids: a write for every change would only make the next one wait.
_SAVE_SECONDS = 1.0
_MAX_TENANTS = 10_000


class Enqueueing:
    """Enqueues the changes of all tenants.

    Args:
        database: where webhooks and the outbox are.
        outbox: where deliveries go.
        owners: of the webhooks.
        sender: of this process.
    """

    def __init__(self, database: Database, outbox: Outbox, owners: Owners, sender: LocalSender) -> None:
        self._database = database
        self._outbox = outbox
        self._owners = owners
        self._looks_at = 0.0
        # The terms in which positions of tenants were stored, and when they are stored again.
        self._saved: LruCache[tuple[int, float]] = LruCache(_MAX_TENANTS)
        self._sender = sender
        self._handing_over = HandingOver(outbox, sender)
        self._registry = WebhookRegistry(database)
        self._states = WebhookStates(database)
        self._reading = Reading.NOTHING

    @property
    def name(self) -> str:
        """What its position is stored as."""
        return CONSUMER

    @property
    def is_prompt(self) -> bool:
        """Receivers wait for changes, and a delivery is known by its id however often a change comes."""
        return self._reading is not Reading.NOTHING

    @property
    def registry(self) -> WebhookRegistry:
        """What its tenants have, which it reads again with each new revision."""
        return self._registry

    @property
    def fields(self) -> frozenset[str]:
        """What filters and bodies need: payloads only while a webhook sends them, and nothing without webhooks."""
        return self._reading.fields

    async def prepare(self) -> None:
        """Look which webhooks there are."""
        self._reading = await self._registry.find_reading()

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        """Enqueue the changes of a tenant up to `until`."""
        found = await self._registry.of(tenant, until)
        if found is None:
            return
        enabled, now = found.known, found.now
        for webhook_id in enabled.unreadable:
            await self._states.pause(webhook_id, UNREADABLE)
        if not enabled.registered:
            return
        if max(each.reading for each in enabled.registered) > self._reading:
            raise FieldsChanged
        # Times of changes need not be in their order: servers that take over have other clocks.
        late = [change for change in changes if change.occurred_at < now - OLDEST]
        await self._report_late(tenant, found, late)
        for rows in _portions(self._judged(tenant, enabled, changes, now)):
            # They are delivered whether or not the position is stored.
            await self._handing_over.put(rows, now)
        await self._save(tenant, until, term)

    async def lose(self, gap: Gap, term: int) -> None:  # noqa: ARG002 - a gap is put in once, by its id
        """Send the owner of every webhook one gap for what is lost."""
        now = await self._outbox.now()
        webhooks = self._database.collection(Webhook)
        query = {"state": WebhookState.ENABLED.value, "active_since": {"$lt": time_of(gap.until)}}
        reading = webhooks.find(query, {"tenant_id": 1, "host": 1, "active_since": 1}).to_list()
        found = await await_reply(reading, _TIMEOUT_MS)
        gaps = (
            _gap_of(
                row["tenant_id"],
                row["_id"],
                row["host"],
                # Without a position nothing was enqueued since the webhook began.
                since=(since := gap.since or position_after(row["active_since"])),
                until=gap.until,
                # A gap that comes again has the same end.
                key=since if gap.since is None else gap.until,
                due=now,
            )
            for row in found
        )
        for rows in _portions(gaps):
            await self._outbox.put(rows)
        self._sender.wake()

    async def work(self, position: StreamPosition, term: int) -> bool:  # noqa: ARG002 - as a consumer
        """Pause webhooks whose owners have not signed in for long, once a minute."""
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + _LOOK_SECONDS
            await self._owners.pause_unconfirmed()
            if await self._registry.find_reading() != self._reading:
                raise FieldsChanged
        return False

    def _judged(
        self, tenant: str, enabled: OfTenant[EnabledWebhook], changes: Sequence[Change], now: datetime
    ) -> Iterator[dict[str, Any]]:
        """The deliveries of those of the changes that are not too old."""
        for change in changes:
            if change.occurred_at < now - OLDEST:
                continue
            images = dict[bool, bytes]()
            for webhook in enabled.concerned_by(change):
                judged = webhook.judge(change)
                if judged is None:
                    continue
                kind, row = judged
                image = None
                if row is not None:
                    # Encoded once for all webhooks.
                    image = images.get(webhook.with_payloads) or encode_image(row, with_payloads=webhook.with_payloads)
                    images[webhook.with_payloads] = image
                yield _delivery_of(webhook, tenant, change, kind=kind.value, image=image, now=now)

    async def _report_late(self, tenant: str, found: TenantNow[EnabledWebhook], late: Sequence[Change]) -> None:
        """Send one gap for changes that are too old, however many batches they come in."""
        tenants = self._database.collection(WebhookTenant)
        if not late:
            if found.stored.get("late_since") is not None:
                forgetting = tenants.update_one({"_id": tenant}, {"$unset": {"late_since": 1}})
                await await_reply(forgetting, _TIMEOUT_MS)
                self._registry.forget(tenant)
            return
        log.warning("changes_too_old_to_enqueue", tenant=tenant)
        last = late[-1]
        remembering = tenants.find_one_and_update(
            {"_id": tenant}, {"$min": {"late_since": late[0].position}}, return_document=ReturnDocument.AFTER
        )
        stored: Any = await await_reply(remembering, _TIMEOUT_MS)
        self._registry.forget(tenant)
        first, due = StreamPosition(stored["late_since"]), found.now + _LATE_PAUSE
        rows = [
            _gap_of(tenant, each.webhook_id, each.host, since=first, until=last.position, key=first, due=due)
            for each in found.known.registered
            if last.cluster_time > each.active_since
        ]
        await self._outbox.put(rows)
        # It says how far the gap reaches once the next batches have been read.
        growing = self._database.collection(WebhookDelivery).update_many(
            {"_id": {"$in": [row["_id"] for row in rows]}, "attempts": 0},
            {"$max": {"data.until": _time_at(last.position), "due": due}},
        )
        await await_reply(growing, _TIMEOUT_MS)

    async def _save(self, tenant: str, until: StreamPosition, term: int) -> None:
        """Store the position, once a second, unless a later term has written; raises `Superseded`."""
        saved = self._saved.get(tenant)
        if saved is not None and saved[0] == term and time.monotonic() < saved[1]:
            return
        await save_tenant_position(self._database.collection(WebhookTenant), tenant, until, term)
        self._saved.put(tenant, (term, time.monotonic() + _SAVE_SECONDS))


def _portions(rows: Iterable[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """`rows` in portions that MongoDB takes at once, and that fit into memory."""
    portion, size = list[dict[str, Any]](), 0
    for row in rows:
        portion.append(row)
        size += len(row.get("image") or b"")
        if len(portion) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    yield portion


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
        "changed": None
        if change.changed is None or image is None
        else shown_changes(change.changed, with_payloads=webhook.with_payloads),
        "created": now,
    }


def _gap_of(  # noqa: PLR0913 - what a gap is made of
    tenant: str,
    webhook_id: ObjectId,
    host: str,
    *,
    since: StreamPosition,
    until: StreamPosition,
    key: StreamPosition,
    due: datetime,
) -> dict[str, Any]:
    return {
        "_id": delivery_id(webhook_id, "gap", key),
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
