"""Messages of the outbox: the body of a delivery, as its owner may see it at the moment of the attempt."""

from dataclasses import dataclass, field

from execution_monitor.live.cursors import LiveCursors, ResumePosition
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.topics import Visibility
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.rows import Row
from execution_monitor.webhooks.bodies import ChangeMessage, ShownExecution, render_message
from execution_monitor.webhooks.images import decode_image
from execution_monitor.webhooks.sending_webhooks import SendingWebhook

# Images that were shown last: a change of which many webhooks hear is sent to all of them in a moment.
_REMEMBERED = 100
_LARGEST_REMEMBERED = 16 * 1024
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
    _shown: LruCache[ShownExecution] = field(
        default_factory=lambda: LruCache(_REMEMBERED), init=False, repr=False, compare=False
    )

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
        image = delivery.get("image")
        execution = None if image is None else self._show(image)
        if execution is not None and not may_see(execution.row):
            raise MayNotBeSent("Its owner may no longer see the execution.")
        if execution is None and delivery.get("rights_revision") != webhook.rights_revision:
            # There is no image left by which to say whether they may.
            raise MayNotBeSent("Its owner's rights have changed since.")
        visibility = Visibility(rights.condition, delivery["tenant_id"])
        return ChangeMessage(
            webhook_id=str(webhook.webhook_id),
            kind=kind,
            occurred_at=occurred_at,
            execution_id=delivery.get("execution_id"),
            execution=execution,
            changed=delivery.get("changed"),
            cursor=self.cursors.encode(ResumePosition(StreamPosition(delivery["position"])), visibility.digest),
            with_payloads=webhook.with_payloads,
        ).render()

    def _show(self, image: bytes) -> ShownExecution:
        found = self._shown.get(image)
        if found is None:
            found = ShownExecution.of(decode_image(image))
            if len(image) <= _LARGEST_REMEMBERED:
                self._shown.put(image, found)
        return found
