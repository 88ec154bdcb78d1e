"""The sender: delivers what is due, many at once, and none twice but where it was killed on the way.

Any number of processes send at the same time. Each claims one delivery by the clock of MongoDB; a claim runs out, so
that another process goes on where this one was killed.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError
from typing_extensions import override

from execution_monitor.errors import BadUserInput, ExecutionMonitorError
from execution_monitor.observability.metrics.families import counters_by, gauge
from execution_monitor.outbound.client import Answer, Failure, Outbound
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.webhook_documents import WebhookState
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.circuits import Circuits
from execution_monitor.webhooks.late_deliveries import LateDeliveries
from execution_monitor.webhooks.messages import MayNotBeSent, Messages
from execution_monitor.webhooks.outbox import Attempt, Outbox, claimed_at
from execution_monitor.webhooks.retry_schedule import seconds_until_retry
from execution_monitor.webhooks.sending_webhooks import SendingWebhook, SendingWebhooks
from execution_monitor.webhooks.signatures import signed_headers
from execution_monitor.webhooks.states import WebhookStates

log = structlog.get_logger()

# Receivers that do not answer hold a place for ten seconds each; a host holds no more than an eighth of them.
AT_ONCE = 64
_AT_ONE_HOST = 8
# Between two looks while nothing is due; a feeder in the same process wakes the sender.
_IDLE_SECONDS = 0.25
_TROUBLE_SECONDS = 1.0
# A paused webhook keeps what waits for it.
_PAUSED_SECONDS = 60.0
# Most receivers answer within them: a server that is restarted repeats little.
_LAST_SECONDS = 3.0
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
        self._circuits = Circuits(_AT_ONE_HOST)
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at once for what is due."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; what is on its way then has some seconds left, or is sent again a minute later."""
        try:
            while True:
                await self._fill()
                # A place that is free again, something new, or a while.
                waking = asyncio.ensure_future(self._woken.wait())
                try:
                    await asyncio.wait(
                        {waking, *self._sending}, timeout=_IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    waking.cancel()
                self._woken.clear()
        finally:
            if self._sending:
                await asyncio.wait(self._sending, timeout=_LAST_SECONDS)
            await end_tasks(*self._sending)

    async def send_once(self, claimed: BsonDocument) -> None:
        """Send a delivery that the caller has claimed, and record how it ended."""
        self._circuits.begin(claimed["host"])
        await self._send(claimed)

    async def _fill(self) -> None:
        """Claim as long as there are places and something is due."""
        while len(self._sending) < AT_ONCE:
            try:
                claimed = await self._outbox.claim(self._circuits.closed_hosts)
            except (PyMongoError, ExecutionMonitorError) as error:
                if not self._outbox.is_out_of_reach:
                    _log_trouble("deliveries_not_claimed", error)
                await asyncio.sleep(_TROUBLE_SECONDS)
                return
            if claimed is None:
                return
            self._circuits.begin(claimed["host"])
            task = asyncio.create_task(self._send(claimed))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, claimed: BsonDocument) -> None:
        host: str = claimed["host"]
        is_well: bool | None = None
        try:
            outcome = await self._attempt(claimed)
            is_well = None if outcome is None else isinstance(outcome, Answer)
        except (PyMongoError, ExecutionMonitorError) as error:
            # Its claim runs out.
            _log_trouble("delivery_not_recorded", error)
        except Exception as error:  # noqa: BLE001 - of one delivery, which must not come again every minute
            # What is in it may be in the message of the error.
            log.error("delivery_failed", delivery=str(claimed["_id"]), error=type(error).__name__)  # noqa: TRY400
            with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                await self._put_off(claimed, Attempt(error="The server could not make the request."), None)
        finally:
            self._circuits.end(host, is_well=is_well)
        if pause := self._circuits.seconds_until_open(host):
            with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                await self._outbox.postpone_host(host, pause)

    async def _attempt(self, claimed: BsonDocument) -> Answer | Failure | None:
        """Send one delivery and record how it ended; None where it was not sent."""
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
        await self._record(claimed, webhook, outcome)
        return outcome

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
            await self._put_off(claimed, Attempt(error=outcome.value), None)
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

    async def _put_off(self, claimed: BsonDocument, attempt: Attempt, retry_after: float | None) -> None:
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
        yield gauge("webhook_attempts_in_flight", "Attempts to deliver that are on their way.", len(self._sending))


def _log_trouble(event: str, error: PyMongoError | ExecutionMonitorError) -> None:
    reason = explain(error) if isinstance(error, PyMongoError) else error.message
    log.warning(event, reason=reason)
