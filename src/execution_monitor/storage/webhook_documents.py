"""Beanie documents of webhooks: the webhooks themselves, what is to be delivered, and where enqueueing has got."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from beanie import Document
from bson import Timestamp
from pydantic import ConfigDict
from pymongo import ASCENDING, DESCENDING, IndexModel

from execution_monitor.storage.indexes import ascending, ascending_where


class WebhookState(StrEnum):
    """Whether a webhook sends, as stored."""

    ENABLED = "enabled"
    PAUSED = "paused"  # by its owner, an operator, or because its owner's rights are not certain
    DISABLED = "disabled"  # because its receiver wants no more, or has failed for days


class DeliveryState(StrEnum):
    """What has become of a delivery, as stored."""

    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"


# As they are stored: of deliveries that a sender may claim.
OPEN_STATES = (DeliveryState.PENDING.value, DeliveryState.RETRYING.value)
DUE_INDEX = {"due": ASCENDING, "host": ASCENDING}


class Webhook(Document):
    """Where changes of executions are sent to, for a user (`webhooks`)."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    tenant_id: str
    user_id: str
    name: str
    url: bytes  # encrypted
    host: str  # with the port
    filter: Any = None  # as its owner wrote it
    where: Any  # the same as a stored filter
    kinds: list[str]  # of changes
    include_payloads: bool
    state: WebhookState
    state_reason: str | None = None
    secrets: list[dict[str, Any]]  # each encrypted, and until when it signs
    scopes: list[str]  # of the owner
    visible: list[Any]  # stored filters of what the owner may see
    rights_revision: int  # one more whenever these change
    confirmed_at: datetime  # the owner last signed in
    active_since: Timestamp  # later changes are sent
    failing_since: datetime | None = None
    created: datetime
    updated: datetime
    revision: int

    class Settings:
        """Collection and indexes."""

        name = "webhooks"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "created", "_id"),
            ascending("tenant_id", "user_id", "created", "_id"),
            # Those whose owners have not signed in for long.
            ascending("state", "confirmed_at"),
        ]


class WebhookTenant(Document):
    """How far changes of one tenant were enqueued (`webhook_tenants`); its `_id` is the tenant."""

    revision: int = 0  # one more with every change of its webhooks
    position: str | None = None  # up to which, at least, its changes are in the outbox
    term: int = 0  # of the feeder that wrote it
    late_since: str | None = None  # the position of the first of changes that were too old to enqueue

    class Settings:
        """Collection and indexes."""

        name = "webhook_tenants"


class WebhookDelivery(Document):
    """One message for one receiver (`webhook_outbox`); its `_id` is the `webhook-id` that the receiver gets."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: str
    webhook_id: Any
    host: str
    kind: str
    state: DeliveryState
    attempts: int = 0
    due: datetime
    claim: str | None = None  # of the sender that has it
    execution_id: str | None = None
    position: str | None = None  # of the change
    rights_revision: int | None = None  # of the webhook when the change was judged
    occurred_at: datetime
    image: bytes | None = None  # BSON of the execution after the change
    changed: list[str] | None = None
    data: Any = None  # of what is no change: a gap, a test or an alert
    status_code: int | None = None
    error: str | None = None
    response_body: str | None = None
    created: datetime
    delivered_at: datetime | None = None
    expires_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "webhook_outbox"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            # What is due, the longest first. A host that is left alone is passed over by the index alone.
            ascending_where({"state": {"$in": list(OPEN_STATES)}}, *DUE_INDEX),
            IndexModel(
                [("webhook_id", ASCENDING), ("created", DESCENDING), ("_id", DESCENDING)], name="webhook_id_newest"
            ),
            IndexModel(
                [("webhook_id", ASCENDING), ("state", ASCENDING), ("created", DESCENDING), ("_id", DESCENDING)],
                name="webhook_id_state_newest",
            ),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


WEBHOOK_DOCUMENTS: tuple[type[Document], ...] = (Webhook, WebhookTenant, WebhookDelivery)
