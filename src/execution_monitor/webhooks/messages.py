"""Messages of the outbox: the body of a delivery, as its owner may see it at the moment of the attempt."""

from dataclasses import dataclass
from typing import Any

from execution_monitor.live.cursors import LiveCursors, ResumePosition
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.topics import Visibility
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.bodies import ChangeMessage, render_message
from execution_monitor.webhooks.images import decode_image
from execution_monitor.webhooks.sending_webhooks import SendingWebhook

# Deliveries that are no change of an execution, by the kind that is stored.
_OTHER_KINDS = {"gap": "webhook.gap", "test": "webhook.test", "alert": "alert"}


class MayNotBeSent(Exception):
    """The owner of the webhook may not, or no longer, see what a delivery holds."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Messages:
    """Renders deliveries; `cursors` seals the positions from which a receiver can subscribe."""

    cursors: LiveCursors

    def render(self, delivery: Row, webhook: SendingWebhook) -> str:
        """The body of `delivery`.

        Raises:
            MayNotBeSent: The owner may no longer see what it holds.
        """
        occurred_at = to_datetime(delivery["occurred_at"])
        if occurred_at is None:
            raise MayNotBeSent("It is damaged.")
        kind: str = delivery["kind"]
        rights, may_see = webhook.rights, webhook.may_see
        if kind != "alert" and kind in _OTHER_KINDS:
            return render_message(_OTHER_KINDS[kind], occurred_at, delivery.get("data") or {})
        if rights is None or may_see is None:
            raise MayNotBeSent("Its owner may see no executions any more.")
        if kind == "alert":
            return render_message(_OTHER_KINDS[kind], occurred_at, delivery.get("data") or {})
        row = _row_of(delivery)
        if row is not None and not may_see(row):
            raise MayNotBeSent("Its owner may no longer see the execution.")
        if row is None and delivery.get("rights_revision") != webhook.rights_revision:
            # There is no image left by which to say whether they may.
            raise MayNotBeSent("Its owner's rights have changed since.")
        visibility = Visibility(rights.condition, delivery["tenant_id"])
        return ChangeMessage(
            webhook_id=str(webhook.webhook_id),
            kind=kind,
            occurred_at=occurred_at,
            execution_id=delivery.get("execution_id"),
            row=row,
            changed=delivery.get("changed"),
            cursor=self.cursors.encode(ResumePosition(StreamPosition(delivery["position"])), visibility.digest),
            with_payloads=webhook.with_payloads,
        ).render()


def _row_of(delivery: Row) -> dict[str, Any] | None:
    image = delivery.get("image")
    return None if image is None else decode_image(image)
