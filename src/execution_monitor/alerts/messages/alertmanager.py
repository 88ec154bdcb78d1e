"""Messages for an Alertmanager of Prometheus, version 2 of its API: an alert that fires until a time, or has ended."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.alerts.messages.content import Content

PATH = "/api/v2/alerts"
# It is sent again every minute. Where that stops, as the server has, Alertmanager takes it for resolved after this.
FIRES_FOR = timedelta(minutes=5)


def alertmanager_url(url: str) -> str:
    """Where alerts are posted to, for the address of an Alertmanager with or without that path."""
    return url if url.endswith(PATH) else url.rstrip("/") + PATH


def alertmanager_message(content: Content, tenant: str, now: datetime) -> Sequence[dict[str, Any]]:
    """The JSON of the alert as it is `now`. Its labels are the same for as long as it is, whoever sends it."""
    labels = {
        "alertname": content.rule_name,
        "rule_id": content.rule_id,
        "tenant": tenant,
        "group": content.group,
    }
    annotations = {
        "summary": content.summary,
        "alert_id": content.alert_id,
        "executions": None if content.count is None else str(content.count),
        "newest_execution_id": content.newest_execution_id,
        "list_url": content.list_url,
        "execution_url": content.execution_url,
    }
    alert: dict[str, Any] = {
        "labels": _given(labels),
        "annotations": _given(annotations),
        "endsAt": _to_text(content.resolved_at or now + FIRES_FOR),
    }
    if content.fired_at is not None:
        alert["startsAt"] = _to_text(content.fired_at)
    if content.list_url is not None:
        alert["generatorURL"] = content.list_url
    return [alert]


def _given(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _to_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
