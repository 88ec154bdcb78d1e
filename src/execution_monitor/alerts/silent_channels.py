"""Silent channels: those of a rule that take no messages, and why, which its owner must be able to see.

A receiver that answers 410 Gone wants no more: its channel is closed until the rule is enabled again, or saved with it.
A channel that is a webhook is as silent as that is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bson import ObjectId

from execution_monitor.storage.alert_documents import AlertRule, ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import Webhook, WebhookState

GONE = "it answered 410 Gone. Enable the rule again, or save it with other channels"
_CLOSED_AT = "closed_at"
_TIMEOUT_MS = 5_000
# The expression of all channels of a rule, none of which is closed.
REOPENED = {"$map": {"input": "$channels", "in": {"$unsetField": {"field": _CLOSED_AT, "input": "$$this"}}}}


async def close_channel(database: Database, rule_id: ObjectId, channel_id: str) -> None:
    """Send no more to a channel of a rule; raises `PyMongoError` or `DatabaseUnavailable`."""
    its = {"_id": rule_id, "channels": {"$elemMatch": {"id": channel_id, _CLOSED_AT: None}}}
    change = {"$currentDate": {f"channels.$.{_CLOSED_AT}": True}}
    await await_reply(database.collection(AlertRule).update_one(its, change), _TIMEOUT_MS)


def is_closed(channel: Mapping[str, Any]) -> bool:
    """Whether a stored channel is closed."""
    return channel.get(_CLOSED_AT) is not None


def webhook_ids_of(channels: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """The ids of the webhooks among stored channels."""
    return [str(each["webhook_id"]) for each in channels if each["kind"] == ChannelKind.WEBHOOK]


async def find_webhooks(database: Database, tenant: str, ids: Iterable[str]) -> Mapping[str, Row]:
    """The states of the webhooks of a tenant, by their ids; raises `PyMongoError` or `DatabaseUnavailable`."""
    query = {"_id": {"$in": [ObjectId(each) for each in ids]}, "tenant_id": tenant}
    finding = database.collection(Webhook).find(query, {"state": 1, "state_reason": 1}).to_list()
    return {str(row["_id"]): row for row in await await_reply(finding, _TIMEOUT_MS)}


def reasons_of(channels: Iterable[Mapping[str, Any]], webhooks: Mapping[str, Row]) -> Sequence[str]:
    """Why stored channels take no messages, a sentence or two of each; `webhooks` are those among them."""
    found = list[str]()
    for each in channels:
        reason = GONE if is_closed(each) else None
        if each["kind"] == ChannelKind.WEBHOOK:
            reason = _reason_of(webhooks.get(str(each["webhook_id"])))
        if reason is not None:
            found.append(f"Nothing is sent to {each['address']}: {reason.rstrip('.')}.")
    return found


def _reason_of(webhook: Row | None) -> str | None:
    if webhook is None:
        return "the webhook was deleted"
    if webhook["state"] == WebhookState.ENABLED:
        return None
    return f"the webhook is {WebhookState(webhook['state']).value}. {webhook.get('state_reason') or ''}".rstrip()
