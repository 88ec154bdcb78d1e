"""A stored webhook, read as the API shows it."""

from datetime import UTC, datetime

from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.record_fields import Attribute, choice, required_text, text, texts
from execution_monitor.storage.records import Record
from execution_monitor.storage.webhook_documents import WebhookState

_EPOCH = datetime.fromtimestamp(0, UTC)


class WebhookRecord(Record):
    """A stored webhook."""

    webhook_id = Attribute(lambda row: str(row.get("_id")))
    tenant = required_text("tenant_id")
    user_id = required_text("user_id")
    name = required_text("name")
    host = required_text("host")
    kinds = texts("kinds")
    include_payloads = Attribute(lambda row: row.get("include_payloads") is True)
    state = choice("state", WebhookState.PAUSED)
    state_reason = text("state_reason")
    created_at = Attribute(lambda row: to_datetime(row.get("created")) or _EPOCH)
    updated_at = Attribute(lambda row: to_datetime(row.get("updated")) or _EPOCH)
