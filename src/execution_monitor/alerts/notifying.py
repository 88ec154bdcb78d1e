"""The sender of alerts' messages: posts or mails what is due, and records how that ended."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.alerts.channels import recipients_in
from execution_monitor.alerts.mail_limit import MAX_AN_HOUR, MailLimit, Place
from execution_monitor.alerts.messages.alertmanager import alertmanager_message, alertmanager_url
from execution_monitor.alerts.messages.content import Content
from execution_monitor.alerts.messages.mail import Envelope, mail_message, mail_of_more
from execution_monitor.alerts.messages.slack import slack_message
from execution_monitor.alerts.messages.teams import teams_message
from execution_monitor.alerts.present_content import PresentContent
from execution_monitor.alerts.sending_rules import SendingRule, SendingRules
from execution_monitor.alerts.silent_channels import close_channel
from execution_monitor.errors import BadUserInput
from execution_monitor.observability.metrics.families import counters_by, gauge
from execution_monitor.outbound.client import Answer, Failure, Outbound
from execution_monitor.outbound.destinations import Service
from execution_monitor.outbound.mail import Mail, MailOutcome
from execution_monitor.storage.alert_documents import AlertNotification, ChannelKind
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.webhook_documents import OPEN_STATES
from execution_monitor.webhooks.delivery_loop import DeliveryLoop
from execution_monitor.webhooks.messages import MayNotBeSent
from execution_monitor.webhooks.outbox import Attempt, Outbox, claimed_at
from execution_monitor.webhooks.retry_schedule import seconds_until_retry

# Between two looks while nothing is due; an evaluator in the same process wakes the sender.
_IDLE_SECONDS = 1.0
# Between two messages to an Alertmanager while an alert is active, whether the last one arrived or not.
RESEND_SECONDS = 60.0
_TIMEOUT_MS = 5_000
_HEADERS = {"content-type": "application/json"}
_SERVICES = {ChannelKind.SLACK: Service.SLACK, ChannelKind.TEAMS: Service.TEAMS}
_RENDERERS: Mapping[ChannelKind, Callable[[Content], Any]] = {
    ChannelKind.SLACK: slack_message,
    ChannelKind.TEAMS: teams_message,
}


@dataclass(frozen=True, slots=True)
class Mailing:
    """How mail is sent.

    Attributes:
        mail: hands it over.
        domains: those whose addresses may get it.
        limit: how much of it.
    """

    mail: Mail
    domains: frozenset[str]
    limit: MailLimit


@dataclass(frozen=True, slots=True)
class _Message:
    """A claimed message, and what it is sent with."""

    claimed: BsonDocument
    rule: SendingRule
    target: str
    kind: ChannelKind


class Notifier(Collector):
    """Sends from one process.

    Args:
        outbox: of the messages of alerts.
        rules: finds their rules.
        content: says what they say.
        outbound: posts.
        mailing: mails; None where this server sends no mail.

    Attributes:
        attempts: how many there were since the process started, by how they ended.
    """

    def __init__(
        self, outbox: Outbox, rules: SendingRules, content: PresentContent, outbound: Outbound, mailing: Mailing | None
    ) -> None:
        self.attempts: Counter[str] = Counter({"delivered": 0, "refused": 0, "failed": 0, "held_back": 0})
        self._outbox = outbox
        self._rules = rules
        self._content = content
        self._outbound = outbound
        self._mailing = mailing
        self._loop = DeliveryLoop(outbox, self._attempt, self._put_off, idle_seconds=_IDLE_SECONDS)

    def wake(self) -> None:
        """Look at once for what is due."""
        self._loop.wake()

    async def run(self) -> None:
        """Send until cancelled; what is on its way then has some seconds left, or is sent again a minute later."""
        await self._loop.run()

    async def _attempt(self, claimed: BsonDocument, _: Callable[[bool], None]) -> bool | None:
        """Send one message and record how it ended; whether the host answered, None where it was not sent."""
        rule = await self._rules.find(claimed["rule_id"])
        if rule is None or not rule.is_enabled:
            await self._outbox.drop(claimed, "Its rule was deleted or is paused.")
            return None
        channel = rule.channels.get(claimed["channel_id"])
        if channel is None or channel.kind is ChannelKind.WEBHOOK:
            await self._outbox.drop(claimed, "The channel was taken from its rule.")
            return None
        if channel.is_closed:
            await self._outbox.give_up(claimed, Attempt(error="The channel is closed: it answered 410 Gone."))
        elif channel.target is None:
            await self._put_off(claimed, Attempt(error="Its address cannot be decrypted with the server's keys."))
        else:
            return await self._send(_Message(claimed, rule, channel.target, channel.kind))
        return None

    async def _send(self, message: _Message) -> bool | None:
        try:
            return await (self._mail(message) if message.kind is ChannelKind.EMAIL else self._post(message))
        except MayNotBeSent as error:
            await self._outbox.drop(message.claimed, error.reason)
        except BadUserInput as error:
            # The rules have changed since the address was stored.
            await self._outbox.give_up(message.claimed, Attempt(error=error.message))
        return None

    async def _post(self, message: _Message) -> bool:
        data, is_active = await self._content.read(message.claimed, message.rule)
        content, claimed = Content.read(data), message.claimed
        if message.kind is ChannelKind.ALERTMANAGER:
            url = alertmanager_url(message.target)
            body = alertmanager_message(content, claimed["tenant_id"], claimed_at(claimed))
        else:
            url, body = message.target, _RENDERERS[message.kind](content)
        destination = self._outbound.rules.check(url, _SERVICES.get(message.kind, Service.ANY))
        outcome = await self._outbound.post(destination, orjson.dumps(body), _HEADERS)
        # It takes an alert for resolved that it does not hear of.
        resends = message.kind is ChannelKind.ALERTMANAGER and is_active and not await self._is_resent_already(claimed)
        await self._record(claimed, outcome, resends=resends)
        return isinstance(outcome, Answer)

    async def _is_resent_already(self, claimed: BsonDocument) -> bool:
        """Whether an older message is being sent again and again for the same alert and channel."""
        same = {name: claimed[name] for name in ("alert_id", "channel_id")}
        older = {"created": {"$lt": claimed["created"]}, "state": {"$in": list(OPEN_STATES)}}
        finding = self._outbox.database.collection(AlertNotification).find_one({**same, **older}, {"_id": 1})
        return await await_reply(finding, _TIMEOUT_MS) is not None

    async def _record(self, claimed: BsonDocument, outcome: Answer | Failure, *, resends: bool) -> None:
        if isinstance(outcome, Failure):
            self.attempts["failed"] += 1
            attempt, retry_after = Attempt(error=outcome.value), None
        else:
            attempt, retry_after = Attempt(status=outcome.status, body=outcome.body), outcome.retry_after
            # 200 to 299; a redirect is not followed, so it is no success.
            is_success = HTTPStatus.OK <= outcome.status < HTTPStatus.MULTIPLE_CHOICES
            self.attempts["delivered" if is_success else "refused"] += 1
            if is_success and not resends:
                await self._outbox.finish(claimed, attempt)
                return
            if outcome.status == HTTPStatus.GONE:
                await close_channel(self._outbox.database, claimed["rule_id"], claimed["channel_id"])
                self._rules.forget(claimed["rule_id"])
                await self._outbox.give_up(claimed, attempt)
                return
        if resends:
            await self._outbox.repeat(claimed, attempt, max(RESEND_SECONDS, retry_after or 0.0))
        else:
            await self._put_off(claimed, attempt, retry_after)

    async def _mail(self, message: _Message) -> bool | None:
        claimed, mailing = message.claimed, self._mailing
        if mailing is None:
            await self._put_off(claimed, Attempt(error="This server sends no mail now."))
            return None
        recipients = [each for each in recipients_in(message.target) if each.rpartition("@")[2] in mailing.domains]
        if not recipients:
            await self._outbox.give_up(claimed, Attempt(error="Mail is no longer sent to these domains."))
            return None
        place = await mailing.limit.place_of(message.rule.rule_id, claimed["_id"])
        if place is Place.BEYOND:
            self.attempts["held_back"] += 1
            await self._outbox.drop(claimed, f"The rule has sent {MAX_AN_HOUR} messages by mail within an hour.")
            return None
        data, _ = await self._content.read(claimed, message.rule)
        envelope = Envelope(claimed["_id"], mailing.mail.sender, recipients, claimed_at(claimed))
        content = Content.read(data)
        is_last = place is Place.LAST
        mail = mail_of_more(content, envelope, MAX_AN_HOUR) if is_last else mail_message(content, envelope)
        outcome = await mailing.mail.send(mail, recipients)
        await self._record_mail(claimed, outcome)
        return outcome.code is not None

    async def _record_mail(self, claimed: BsonDocument, outcome: MailOutcome) -> None:
        attempt = Attempt(status=outcome.code, error=outcome.error)
        ended = "delivered" if outcome.is_accepted else "failed" if outcome.code is None else "refused"
        self.attempts[ended] += 1
        if outcome.is_accepted:
            await self._outbox.finish(claimed, attempt)
        elif outcome.is_final:
            await self._outbox.give_up(claimed, attempt)
        else:
            await self._put_off(claimed, attempt)

    async def _put_off(self, claimed: BsonDocument, attempt: Attempt, retry_after: float | None = None) -> None:
        """Have a message that did not arrive tried again by the schedule, or give it up."""
        seconds = seconds_until_retry(claimed["attempts"], retry_after)
        if seconds is None:
            await self._outbox.give_up(claimed, attempt)
        else:
            await self._outbox.retry(claimed, attempt, seconds)

    @override
    def collect(self) -> Iterator[Metric]:
        """How attempts ended, and how many are on their way."""
        yield counters_by(
            "outcome",
            "alert_message_attempts",
            "Attempts to send messages of alerts, webhooks apart: delivered, refused by the receiver, failed without "
            "an answer, or held back by the limit of mail.",
            self.attempts,
        )
        yield gauge("alert_messages_in_flight", "Messages of alerts that are on their way.", self._loop.in_flight)
