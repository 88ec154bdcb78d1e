"""Bodies of deliveries: what a receiver gets, as JSON in the form that Standard Webhooks recommends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from execution_monitor.rest.mapping import show_item
from execution_monitor.storage.coercion import to_json
from execution_monitor.storage.records import ExecutionRecord
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.images import PAYLOAD_FIELDS, PAYLOADS_OMITTED

# Receivers refuse large bodies, and each attempt sends it again.
MAX_BODY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ShownExecution:
    """An execution, as stored and as the body shows it."""

    row: Row
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, row: Row) -> "ShownExecution":
        """The execution that is stored as `row`."""
        return cls(row, show_item(ExecutionRecord(row)).model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class ChangeMessage:
    """A change of an execution, for one webhook.

    Attributes:
        webhook_id: of the webhook.
        kind: `entered`, `updated`, `left` or `deleted`.
        occurred_at: when MongoDB committed the change.
        execution_id: of the execution.
        execution: the execution after the change; None where it may not be shown, or is gone.
        changed: the names of the stored fields that changed; None where unknown.
        cursor: from which a subscription with the same rights goes on.
        with_payloads: whether inputs and results are shown.
    """

    webhook_id: str
    kind: str
    occurred_at: datetime
    execution_id: str | None
    execution: ShownExecution | None
    changed: Sequence[str] | None
    cursor: str
    with_payloads: bool

    def render(self) -> str:
        """The body; payloads that would make it larger than 256 kB are left out, and said to be."""
        if self.execution is None or not self.with_payloads:
            return _to_text(self._content())
        row = self.execution.row
        if PAYLOADS_OMITTED not in row:
            body = _to_text(self._content({name: to_json(row.get(name)) for name in sorted(PAYLOAD_FIELDS)}))
            if len(body.encode()) <= MAX_BODY_BYTES:
                return body
        return _to_text(self._content({"payloads_omitted": True}))

    def _content(self, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        shown = self.execution
        data: dict[str, Any] = {
            "webhook_id": self.webhook_id,
            "execution_id": self.execution_id,
            "execution": None if shown is None else shown.facts,
            "changed_fields": None if self.changed is None else sorted(self.changed),
            "version": None if shown is None else to_json(shown.row.get("version")),
            "cursor": self.cursor,
        }
        return {"type": f"execution.{self.kind}", "timestamp": self.occurred_at, "data": data | dict(more or {})}


def render_message(kind: str, occurred_at: datetime, data: Mapping[str, Any]) -> str:
    """The body of what is no change: a gap, a test or an alert."""
    return _to_text({"type": kind, "timestamp": occurred_at, "data": to_json(data)})


def _to_text(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z).decode()
