"""Deliveries of a webhook, as its owner may list them, send one to try it out, and send others again."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, NotFound
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.record_fields import Attribute, choice, integer, required_text, text, timestamp
from execution_monitor.storage.records import Record
from execution_monitor.storage.rows import Row
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.storage.webhook_documents import DeliveryState, WebhookDelivery, WebhookState
from execution_monitor.webhooks.outbox import CLAIM_SECONDS, Outbox
from execution_monitor.webhooks.sender import Sender
from execution_monitor.webhooks.webhooks import Webhooks

# All but what is sent, which may have megabytes.
SUMMARY_FIELDS = frozenset(WebhookDelivery.model_fields) - {"id", "revision_id", "image", "data", "changed"} | {"_id"}
NEWEST_FIRST = Order((SortKey("created", descending=True),))
# Their receiver gets them all at once.
MAX_REPLAYED = 10_000
_EPOCH = datetime.fromtimestamp(0, UTC)
_TEST_ID_BYTES = 16


class DeliveryRecord(Record):
    """A stored delivery."""

    delivery_id = Attribute(lambda row: str(row.get("_id")))
    tenant = required_text("tenant_id")
    webhook_id = Attribute(lambda row: str(row.get("webhook_id")))
    kind = required_text("kind")
    state = choice("state", DeliveryState.PENDING)
    attempts = integer("attempts")
    execution_id = text("execution_id")
    status_code = Attribute(lambda row: row.get("status_code"))
    error = text("error")
    response_body = text("response_body")
    created_at = Attribute(lambda row: to_datetime(row.get("created")) or _EPOCH)
    delivered_at = timestamp("delivered_at")

    @property
    def next_attempt_at(self) -> datetime | None:
        """When it is tried next; None once it has arrived or was given up."""
        is_open = self.state in (DeliveryState.PENDING, DeliveryState.RETRYING)
        return to_datetime(self.row.get("due")) if is_open else None


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which deliveries to send again: by id, or those that were given up within a time."""

    ids: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of one database. Every method may raise `Forbidden`, `NotFound` and `DatabaseUnavailable`."""

    webhooks: Webhooks
    outbox: Outbox
    sender: Sender

    async def list(
        self, caller: Caller, webhook_id: str, state: DeliveryState | None, page: PageRequest, wanted: PageSelection
    ) -> Page:
        """One keyset page of the deliveries of a webhook of the caller's, newest first."""
        row = await self.webhooks.own(caller, webhook_id)
        where: Filter = all_of(equals("webhook_id", row["_id"]), equals("tenant_id", caller.tenant))
        if state is not None:
            where = all_of(where, equals("state", state.value))
        return await self.webhooks.reader.read_page(WebhookDelivery, Listing(where, NEWEST_FIRST), page, wanted)

    async def find_many(self, caller: Caller, delivery_ids: Iterable[str]) -> Mapping[str, Row]:
        """Those of the deliveries that are of webhooks of the caller's, by id."""
        caller.require(Scope.WEBHOOKS_WRITE)
        wanted = tuple(delivery_ids)
        where = all_of(equals("tenant_id", caller.tenant), OneOf("_id", wanted))
        if not wanted:
            return {}
        rows = await self.webhooks.reader.read_some(WebhookDelivery, where, SUMMARY_FIELDS, limit=len(wanted))
        hooks = await self.webhooks.find_many(caller, {str(row["webhook_id"]) for row in rows})
        own = {hook_id for hook_id, hook in hooks.items() if hook["user_id"] == caller.subject}
        return {str(row["_id"]): row for row in rows if str(row["webhook_id"]) in own}

    async def test(self, caller: Caller, webhook_id: str) -> Row:
        """Send a sample to a webhook of the caller's now, once, and return the delivery with what was answered.

        Raises:
            BadUserInput: The webhook is not enabled.
        """
        hook = await self.webhooks.own(caller, webhook_id)
        if hook["state"] != WebhookState.ENABLED.value:
            raise BadUserInput("The webhook sends nothing while it is paused or disabled; enable it first.")
        with failing_as_unavailable():
            now = await self.outbox.now()
            delivery: dict[str, Any] = {
                "_id": f"msg_{secrets.token_hex(_TEST_ID_BYTES)}",
                "tenant_id": caller.tenant,
                "webhook_id": hook["_id"],
                "host": hook["host"],
                "kind": "test",
                "state": DeliveryState.PENDING.value,
                "attempts": 1,
                "claim": secrets.token_hex(_TEST_ID_BYTES),
                # Claimed from the beginning: the caller waits for it.
                "due": now + timedelta(seconds=CLAIM_SECONDS),
                "occurred_at": now,
                "data": {"webhook_id": webhook_id, "message": "This is a test of the webhook."},
                "created": now,
            }
            await self.outbox.put([delivery])
            await self.sender.send_once(delivery)
        found = await self.find_many(caller, [delivery["_id"]])
        if delivery["_id"] not in found:
            raise NotFound("The webhook was deleted meanwhile.")
        return found[delivery["_id"]]

    async def replay(self, caller: Caller, webhook_id: str, wanted: ReplayRequest) -> int:
        """Send deliveries of a webhook of the caller's again; returns how many.

        Raises:
            BadUserInput: Neither ids nor a time are given, or there are too many.
        """
        hook = await self.webhooks.own(caller, webhook_id)
        if wanted.ids is None and wanted.since is None and wanted.until is None:
            raise BadUserInput(
                "Give the ids of deliveries, or the time from which on or until which to send them again."
            )
        if wanted.ids is not None and len(wanted.ids) > MAX_REPLAYED:
            raise BadUserInput(f"At most {MAX_REPLAYED:,} deliveries are sent again at once.")
        ended = [DeliveryState.DEAD.value, *([DeliveryState.DELIVERED.value] if wanted.ids is not None else [])]
        query: dict[str, Any] = {"tenant_id": caller.tenant, "webhook_id": hook["_id"], "state": {"$in": ended}}
        if wanted.ids is not None:
            query["_id"] = {"$in": list(wanted.ids)}
        bounds = {name: at for name, at in (("$gte", wanted.since), ("$lte", wanted.until)) if at is not None}
        if bounds:
            query["created"] = bounds
        with failing_as_unavailable():
            count = await self.outbox.send_again(query, MAX_REPLAYED)
        self.sender.wake()
        return count
