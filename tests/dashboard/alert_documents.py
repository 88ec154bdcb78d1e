"""A rule and its alert as they are stored, of ada of acme."""

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import EVERYTHING


def rule(rule_id: ObjectId) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "_id": rule_id,
        "tenant_id": "acme",
        "user_id": "ada",
        "name": "nightly fails",
        "where": encode_filter(EVERYTHING),
        "kind": "rate",
        "condition": {"rate": {"windowSeconds": 900, "shareAbove": 0.5}},
        "for_seconds": 0,
        "channels": [],
        "enabled": True,
        "scopes": ["executions:read"],
        "visible": [],
        "rights_revision": 1,
        "confirmed_at": now,
        "created": now,
        "updated": now,
        "revision": 1,
    }


def alert(rule_id: ObjectId) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "tenant_id": "acme",
        "rule_id": rule_id,
        "user_id": "ada",
        "group": "",
        "state": "firing",
        "summary": "7 of 9 failed",
        "value": 7.0,
        "where": encode_filter(EVERYTHING),
        "fired_at": now,
        "seen_at": now,
        "repeats": 0,
        "created": now,
        "updated": now,
        "revision": 1,
    }
