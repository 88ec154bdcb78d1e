"""Stored rules and alerts, read as the API shows them."""

from datetime import UTC, datetime
from typing import Any

from execution_monitor.storage.alert_documents import AlertState
from execution_monitor.storage.bson_ordering import to_float
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.record_fields import (
    Attribute,
    choice,
    integer,
    required_text,
    text,
    timestamp,
)
from execution_monitor.storage.records import Record
from execution_monitor.storage.rows import Row

_EPOCH = datetime.fromtimestamp(0, UTC)


def _time(field: str) -> Attribute[datetime]:
    return Attribute(lambda row: to_datetime(row.get(field)) or _EPOCH)


def _read_value(row: Row) -> float | None:
    return to_float(row.get("value"))


class RuleRecord(Record):
    """A stored rule."""

    rule_id = Attribute(lambda row: str(row.get("_id")))
    tenant = required_text("tenant_id")
    user_id = required_text("user_id")
    name = required_text("name")
    group_by = text("group_by")
    for_seconds = integer("for_seconds")
    enabled = Attribute(lambda row: row.get("enabled") is True)
    state_reason = text("state_reason")
    created_at = _time("created")

    @property
    def repeat_after_seconds(self) -> int | None:
        """After how long it notifies again; None for never."""
        found: Any = self.row.get("repeat_after_seconds")
        return found if isinstance(found, int) else None


class AlertRecord(Record):
    """A stored alert."""

    alert_id = Attribute(lambda row: str(row.get("_id")))
    tenant = required_text("tenant_id")
    rule_id = Attribute(lambda row: str(row.get("rule_id")))
    group_name = text("group_name")
    state = choice("state", AlertState.RESOLVED)
    summary = required_text("summary")
    value = Attribute(_read_value)
    fired_at = _time("fired_at")
    notified_at = timestamp("notified_at")
    resolved_at = timestamp("resolved_at")
    acknowledged_by = text("acknowledged_by")
    note = text("note")
    snoozed_until = timestamp("snoozed_until")
