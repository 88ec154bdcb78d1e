"""States of webhooks, as the server itself changes them: what pauses, disables or clears one, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.webhook_documents import Webhook, WebhookState
from execution_monitor.webhooks.tenants import WEBHOOKS

_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class WebhookStates:
    """The states of the webhooks of one database; every method raises `PyMongoError` or `DatabaseUnavailable`."""

    database: Database

    async def pause(self, webhook_id: ObjectId, reason: str) -> None:
        """Let an enabled webhook send nothing until its owner saves it again; what waits for it is kept."""
        await self._leave_enabled(webhook_id, WebhookState.PAUSED, reason)

    async def disable(self, webhook_id: ObjectId, reason: str) -> None:
        """Let an enabled webhook send nothing until its owner enables it again; what waits for it is given up."""
        await self._leave_enabled(webhook_id, WebhookState.DISABLED, reason)

    async def disable_failing(self, webhook_id: ObjectId, period: timedelta, reason: str) -> None:
        """Disable an enabled webhook to which nothing has arrived for as long as `period`, by the clock of MongoDB."""
        since = {"$subtract": ["$$NOW", period // timedelta(milliseconds=1)]}
        # A missing time sorts before every other.
        has_failed = {"failing_since": {"$ne": None}, "$expr": {"$lte": ["$failing_since", since]}}
        await self._leave_enabled(webhook_id, WebhookState.DISABLED, reason, has_failed)

    async def record_failure(self, webhook_id: ObjectId) -> None:
        """Record that nothing has arrived from now on, unless that is recorded."""
        await self._update({"_id": webhook_id, "failing_since": None}, {"failing_since": "$$NOW"})

    async def record_success(self, webhook_id: ObjectId) -> None:
        """Record that something has arrived."""
        await self._update({"_id": webhook_id}, {"failing_since": None})

    async def _leave_enabled(
        self, webhook_id: ObjectId, state: WebhookState, reason: str, query: Mapping[str, Any] | None = None
    ) -> None:
        webhooks = self.database.collection(Webhook)
        found: Any = await await_reply(webhooks.find_one({"_id": webhook_id}, {"tenant_id": 1}), _TIMEOUT_MS)
        if found is None:
            return
        enabled = {"_id": webhook_id, "state": WebhookState.ENABLED.value, **(query or {})}
        change = {"state": state.value, "state_reason": {"$literal": reason}, "updated": "$$NOW"}
        await WEBHOOKS.change(self.database, found["tenant_id"], enabled, change)

    async def _update(self, query: dict[str, Any], change: dict[str, Any]) -> None:
        updating = self.database.collection(Webhook).update_one(query, [{"$set": change}])
        await await_reply(updating, _TIMEOUT_MS)
