"""Channels of alert rules: what a caller may have alerts sent to, as it is checked, stored and shown.

An address of Slack or Teams is a secret: whoever has it can post. So addresses are encrypted, and what is shown of one
is its host and its last four characters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bson import ObjectId

from execution_monitor.auth.caller import Caller
from execution_monitor.encryption import Encryption, NotDecrypted
from execution_monitor.errors import BadUserInput, SetupError
from execution_monitor.outbound.destinations import DestinationRules, Service
from execution_monitor.outbound.mail_server import check_mail_address
from execution_monitor.storage.alert_documents import ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.webhook_documents import Webhook

# Each alert is sent to every one of them.
MAX_CHANNELS = 10
MAX_RECIPIENTS = 10
_SHOWN_CHARACTERS = 4
_TIMEOUT_MS = 5_000
_SERVICES = {
    ChannelKind.SLACK: Service.SLACK,
    ChannelKind.TEAMS: Service.TEAMS,
    ChannelKind.ALERTMANAGER: Service.ANY,
}


@dataclass(frozen=True, slots=True)
class GivenChannel:
    """A channel as a caller gives it; exactly one field has a value. Its `repr` has no address.

    Attributes:
        webhook_id: the stored id of a webhook of the caller's, as hexadecimal digits.
        slack_url: an incoming webhook of Slack.
        teams_url: the address of a workflow of Teams.
        email: one to ten addresses of mail.
        alertmanager_url: where an Alertmanager of Prometheus is, with the prefix of its path if it has one.
    """

    webhook_id: str | None = None
    slack_url: str | None = field(default=None, repr=False)
    teams_url: str | None = field(default=None, repr=False)
    email: Sequence[str] | None = field(default=None, repr=False)
    alertmanager_url: str | None = field(default=None, repr=False)

    @property
    def urls(self) -> Mapping[ChannelKind, str]:
        """The addresses among the fields that have a value, by what is there."""
        found = {
            ChannelKind.SLACK: self.slack_url,
            ChannelKind.TEAMS: self.teams_url,
            ChannelKind.ALERTMANAGER: self.alertmanager_url,
        }
        return {kind: url for kind, url in found.items() if url is not None}


@dataclass(frozen=True, slots=True)
class Channels:
    """Checks and stores channels.

    Attributes:
        database: where webhooks are stored.
        encryption: encrypts addresses.
        rules: which URLs may be sent to.
        mail_domains: the domains, in lower case, whose addresses may get mail; those below them may not.
    """

    database: Database
    encryption: Encryption
    rules: DestinationRules
    mail_domains: frozenset[str]

    async def to_stored(
        self, caller: Caller, channels: Sequence[GivenChannel], before: Iterable[Mapping[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """The channels of a rule as they are stored: `id`, `kind`, `host`, `address` and `target` or `webhook_id`.

        `host` is where it is sent to, `address` what may be shown of it, and `target` the encrypted address.

        Args:
            caller: The owner of the rule.
            channels: All that the rule is to have.
            before: The stored ones that it has. One that stays keeps its id, by which messages find it.

        Raises:
            BadUserInput: One may not be sent to; the message says why, and repeats no address.
            DatabaseUnavailable: MongoDB did not answer.
        """
        if len(channels) > MAX_CHANNELS:
            raise BadUserInput(f"A rule has at most {MAX_CHANNELS} channels.")
        found = [await self._stored(caller, each) for each in channels]
        if len({self._key_of(each) for each in found}) < len(found):
            raise BadUserInput("A rule names each channel once.")
        ids = {self._key_of(each): each["id"] for each in before}
        return [each | {"id": ids.get(self._key_of(each), each["id"])} for each in found]

    async def _stored(self, caller: Caller, channel: GivenChannel) -> dict[str, Any]:
        fields = [channel.webhook_id, channel.email, *channel.urls.values()]
        if sum(each is not None for each in fields) != 1:
            raise BadUserInput("A channel is one of webhookId, slackUrl, teamsUrl, email and alertmanagerUrl.")
        if channel.webhook_id is not None:
            return await self._webhook(caller, channel.webhook_id)
        if channel.email is not None:
            return self._mail(channel.email)
        ((kind, url),) = channel.urls.items()
        return self._url(kind, url)

    async def _webhook(self, caller: Caller, webhook_id: str) -> dict[str, Any]:
        row = None
        if ObjectId.is_valid(webhook_id):
            own = {"_id": ObjectId(webhook_id), "tenant_id": caller.tenant, "user_id": caller.subject}
            with failing_as_unavailable():
                finding = self.database.collection(Webhook).find_one(own, {"host": 1, "url": 1})
                row = await await_reply(finding, _TIMEOUT_MS)
        if row is None:
            raise BadUserInput("You have no webhook with this id; an alert is sent to a webhook of its rule's owner.")
        try:
            address = _shown(row["host"], _secret_of(self.encryption.decrypt(row["url"])))
        except NotDecrypted:
            address = row["host"]
        return _channel(ChannelKind.WEBHOOK, row["host"], address) | {"webhook_id": row["_id"]}

    def _url(self, kind: ChannelKind, url: str) -> dict[str, Any]:
        destination = self.rules.check(url, _SERVICES[kind])
        if kind is ChannelKind.ALERTMANAGER and urlsplit(url).query:
            raise BadUserInput("The address of an Alertmanager has no query; `/api/v2/alerts` is put behind it.")
        host = destination.authority
        return _channel(kind, host, _shown(host, _secret_of(url))) | {"target": self._encrypted(url)}

    def _mail(self, addresses: Sequence[str]) -> dict[str, Any]:
        if not 0 < len(addresses) <= MAX_RECIPIENTS:
            raise BadUserInput(f"Name from 1 to {MAX_RECIPIENTS} addresses of mail.")
        checked = list(dict.fromkeys(map(self._checked_address, addresses)))
        local, _, host = checked[0].partition("@")
        more = f" and {len(checked) - 1} more" if len(checked) > 1 else ""
        address = _shown(host, local) + more
        return _channel(ChannelKind.EMAIL, host, address) | {"target": self._encrypted(",".join(checked))}

    def _checked_address(self, address: str) -> str:
        try:
            domain = check_mail_address(address)
        except ValueError as error:
            raise BadUserInput(str(error)) from error
        if domain not in self.mail_domains:
            raise BadUserInput(
                "Mail is not sent to this domain; an operator can allow it by EXECUTION_MONITOR_MAIL_DOMAINS."
            )
        # The domain has no case; the part before it may have, and keeps it.
        return address.rpartition("@")[0] + "@" + domain

    def _encrypted(self, text: str) -> bytes:
        try:
            return self.encryption.encrypt(text)
        except SetupError as error:
            raise BadUserInput(
                "This server sends no alerts but to webhooks: its operator must set EXECUTION_MONITOR_SECRETS_KEYS."
            ) from error

    def _key_of(self, stored: Mapping[str, Any]) -> tuple[str, object]:
        """What tells a stored channel from others; of one that cannot be decrypted its own id."""
        if "target" not in stored:
            return stored["kind"], stored["webhook_id"]
        try:
            return stored["kind"], self.encryption.decrypt(stored["target"])
        except NotDecrypted:
            return stored["kind"], ObjectId(stored["id"])


def recipients_in(target: str) -> Sequence[str]:
    """The addresses of mail in the decrypted target of a channel."""
    return target.split(",")


def shown_channels(stored: Iterable[Mapping[str, Any]]) -> Sequence[tuple[ChannelKind, str]]:
    """The kind and the address that may be shown of each stored channel."""
    return [(ChannelKind(each["kind"]), each["address"]) for each in stored]


def _channel(kind: ChannelKind, host: str, address: str) -> dict[str, Any]:
    return {"id": str(ObjectId()), "kind": kind.value, "host": host, "address": address}


def _secret_of(url: str) -> str:
    """What only those know who were given the URL."""
    parts = urlsplit(url)
    return parts.path.strip("/") + parts.query


def _shown(host: str, secret: str) -> str:
    """The host and the last four characters of an address, but never more than half of what is secret in it."""
    count = min(_SHOWN_CHARACTERS, len(secret) // 2)
    return f"{host} …{secret[-count:]}" if count else host
