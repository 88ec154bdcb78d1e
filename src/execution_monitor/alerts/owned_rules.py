"""Rules as what users own: what pauses them, and what becomes of their alerts then."""

from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from execution_monitor.storage.alert_documents import ACTIVE_STATES, Alert, AlertRule, AlertState, AlertTenant
from execution_monitor.storage.database import Database
from execution_monitor.webhooks.tenants import Owned

# What the position of the feeder's consumer for rules is stored as.
CONSUMER = "alerts"
# How long alerts are kept once they are resolved.
ALERT_DAYS = 90
_ACTIVE = {"$in": list(ACTIVE_STATES)}


async def _resolve_unwatched(database: Database, tenant: str, session: AsyncClientSession) -> None:
    """Resolve the alerts of rules that are paused or deleted: nobody would notice that their condition has ended."""
    alerts, rules = database.collection(Alert), database.collection(AlertRule)
    grouping = await alerts.aggregate(
        [{"$match": {"tenant_id": tenant, "state": _ACTIVE}}, {"$group": {"_id": "$rule_id"}}], session=session
    )
    alerting = {row["_id"] for row in await grouping.to_list()}
    watched = rules.find({"_id": {"$in": list(alerting)}, "enabled": True}, {"_id": 1}, session=session)
    unwatched = alerting - {row["_id"] for row in await watched.to_list()}
    if unwatched:
        query = {"rule_id": {"$in": list(unwatched)}, "state": _ACTIVE}
        await alerts.update_many(query, [{"$set": resolving()}], session=session)


def resolving() -> dict[str, Any]:
    """The expressions that resolve an alert."""
    return {
        "state": AlertState.RESOLVED.value,
        "resolved_at": "$$NOW",
        "snoozed_until": None,
        "updated": "$$NOW",
        "revision": {"$add": ["$revision", 1]},
        "expires_at": {"$dateAdd": {"startDate": "$$NOW", "unit": "day", "amount": ALERT_DAYS}},
    }


RULES = Owned(
    AlertRule,
    AlertTenant,
    CONSUMER,
    enabled={"enabled": True},
    paused={"enabled": False},
    settle=_resolve_unwatched,
)
