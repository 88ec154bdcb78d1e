"""The sender of webhooks: signs what is due, posts it to its receiver, and records how that ended."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.errors import BadUserInput
from execution_monitor.observability.metrics.families import counters_by, gauge
from execution_monitor.outbound.client import Answer, Failure, Outbound
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.webhook_documents import WebhookState
from execution_monitor.webhooks.delivery_loop import DeliveryLoop
from execution_monitor.webhooks.late_deliveries import LateDeliveries
from execution_monitor.webhooks.messages import MayNotBeSent, Messages
from execution_monitor.webhooks.outbox import Attempt, Outbox, claimed_at
from execution_monitor.webhooks.retry_schedule import seconds_until_retry
from execution_monitor.webhooks.sending_webhooks import SendingWebhook, SendingWebhooks
from execution_monitor.webhooks.signatures import signed_headers
from execution_monitor.webhooks.states import WebhookStates

# Between two looks while nothing is due; a feeder in the same process wakes the sender.
_IDLE_SECONDS = 0.25
# A paused webhook keeps what waits for it.
_PAUSED_SECONDS = 60.0
GIVEN_UP_AFTER = timedelta(days=5)


class Sender(Collector):
    """Sends from one process.

    Attributes:
        attempts: how many there were since the process started, by how they ended.
    """

    def __init__(
        self,
        outbox: Outbox,
        webhooks: SendingWebhooks,
        states: WebhookStates,
        messages: Messages,
        outbound: Outbound,
    ) -> None:
        self.attempts: Counter[str] = Counter({"delivered": 0, "refused": 0, "failed": 0})
        self._outbox = outbox
        self._webhooks = webhooks
        self._states = states
        self._messages = messages
        self._late = LateDeliveries(outbox.database)
        self._outbound = outbound
        self._loop = DeliveryLoop(outbox, self._attempt, self._put_off, idle_seconds=_IDLE_SECONDS)

    def wake(self) -> None:
        """Look at once for what is due."""
        self._loop.wake()

    def keep_places(self, hosts: Sequence[str]) -> Sequence[bool]:
        """Keep places for deliveries to these hosts that are about to be put in, claimed; returns which have one."""
        return self._loop.keep_places(hosts)

    def free_places(self, hosts: Iterable[str]) -> None:
        """Free places that were kept: their deliveries are not sent from here."""
        self._loop.free_places(hosts)

    def send(self, claimed: BsonDocument) -> bool:
        """Send a delivery that has been put in, claimed, and has a place; whether this process still sends."""
        return self._loop.send(claimed)

    async def run(self) -> None:
        """Send until cancelled; what is on its way then has some seconds left, or is sent again a minute later."""
        try:
            await self._loop.run()
        finally:
            await self._webhooks.close()
            await self._late.close()

    async def send_once(self, claimed: BsonDocument) -> None:
        """Send a delivery that the caller has claimed, and record how it ended."""
        await self._loop.send_once(claimed)

    async def _attempt(self, claimed: BsonDocument, answer: Callable[[bool], None]) -> bool | None:
        """Send one delivery and record how it ended; whether the host answered, None where it was not sent."""
        webhook = await self._find_enabled(claimed)
        if webhook is None:
            return None
        now = claimed_at(claimed)
        secrets = webhook.secrets_at(now)
        if webhook.url is None or not secrets:
            await self._pause(claimed, webhook, "Its secrets cannot be decrypted with the server's keys.")
            return None
        try:
            body = self._messages.render(await self._late.limit(claimed, webhook), webhook)
            destination = self._outbound.rules.check(webhook.url)
        except MayNotBeSent as error:
            await self._outbox.drop(claimed, error.reason)
            return None
        except BadUserInput as error:
            # The rules have changed since the address was stored.
            await self._pause(claimed, webhook, error.message)
            return None
        headers = signed_headers(str(claimed["_id"]), body, secrets, now)
        outcome = await self._outbound.post(destination, body.encode(), headers)
        is_well = isinstance(outcome, Answer)
        # However long it takes MongoDB to record it.
        answer(is_well)
        await self._record(claimed, webhook, outcome)
        return is_well

    async def _find_enabled(self, claimed: BsonDocument) -> SendingWebhook | None:
        """The webhook of a delivery; None where it sends nothing now, which is then recorded."""
        webhook = await self._webhooks.find(claimed["webhook_id"])
        if webhook is None:
            await self._outbox.drop(claimed, "Its webhook was deleted.")
        elif webhook.state is WebhookState.DISABLED:
            await self._outbox.give_up(claimed, Attempt(error="Its webhook is disabled."))
        elif webhook.state is WebhookState.PAUSED:
            await self._outbox.postpone(claimed, _PAUSED_SECONDS)
        else:
            return webhook
        return None

    async def _record(self, claimed: BsonDocument, webhook: SendingWebhook, outcome: Answer | Failure) -> None:
        if isinstance(outcome, Failure):
            self.attempts["failed"] += 1
            await self._put_off(claimed, Attempt(error=outcome.value))
            await self._record_failure(webhook)
            return
        attempt = Attempt(status=outcome.status, body=outcome.body)
        # 200 to 299; a redirect is not followed, so it is no success.
        if HTTPStatus.OK <= outcome.status < HTTPStatus.MULTIPLE_CHOICES:
            self.attempts["delivered"] += 1
            await self._outbox.finish(claimed, attempt)
            if webhook.failing_since is not None:
                await self._states.record_success(webhook.webhook_id)
                self._webhooks.forget(webhook.webhook_id)
            return
        self.attempts["refused"] += 1
        if outcome.status == HTTPStatus.GONE:
            await self._outbox.give_up(claimed, attempt)
            await self._states.disable(webhook.webhook_id, "The receiver answered 410 Gone: it wants no more.")
            self._webhooks.forget(webhook.webhook_id)
            return
        await self._put_off(claimed, attempt, outcome.retry_after)
        await self._record_failure(webhook)

    async def _put_off(self, claimed: BsonDocument, attempt: Attempt, retry_after: float | None = None) -> None:
        """Have a delivery that did not arrive tried again by the schedule, or give it up."""
        # Whoever sends a test is there to see how it ends.
        seconds = None if claimed["kind"] == "test" else seconds_until_retry(claimed["attempts"], retry_after)
        if seconds is None:
            await self._outbox.give_up(claimed, attempt)
        else:
            await self._outbox.retry(claimed, attempt, seconds)

    async def _record_failure(self, webhook: SendingWebhook) -> None:
        if webhook.failing_since is None:
            await self._states.record_failure(webhook.webhook_id)
            self._webhooks.forget(webhook.webhook_id)
        elif datetime.now(UTC) - webhook.failing_since >= GIVEN_UP_AFTER:
            await self._states.disable_failing(webhook.webhook_id, GIVEN_UP_AFTER, "Nothing has arrived for 5 days.")
            self._webhooks.forget(webhook.webhook_id)

    async def _pause(self, claimed: BsonDocument, webhook: SendingWebhook, reason: str) -> None:
        await self._states.pause(webhook.webhook_id, reason)
        self._webhooks.forget(webhook.webhook_id)
        await self._outbox.postpone(claimed, _PAUSED_SECONDS)

    @override
    def collect(self) -> Iterator[Metric]:
        """How attempts ended, and how many are on their way."""
        yield counters_by(
            "outcome",
            "webhook_attempts",
            "Attempts to deliver to a webhook: delivered, refused by the receiver, or failed without an answer.",
            self.attempts,
        )
        yield gauge("webhook_attempts_in_flight", "Attempts to deliver that are on their way.", self._loop.in_flight)
