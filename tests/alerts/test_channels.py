"""Channels are checked before they are stored, encrypted where they are, and shown without what is secret in them."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from execution_monitor.alerts.channels import MAX_CHANNELS, Channels, GivenChannel, recipients_in, shown_channels
from execution_monitor.encryption import Encryption
from execution_monitor.errors import BadUserInput
from execution_monitor.outbound.destinations import DestinationRules
from execution_monitor.storage.alert_documents import ChannelKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.reader import Reader
from execution_monitor.webhooks.webhooks import WebhookFields, Webhooks
from tests.webhooks.delivering import OWNER, accept

SLACK = "https://hooks.slack.com/services/T00000000/B00000000/secretsecretWXYZ"
TEAMS = "https://prod-1.westus.logic.azure.com/workflows/1/triggers/manual?sig=secretsecretWXYZ"
RULES = DestinationRules(frozenset({"alertmanager.internal:9093"}))


@pytest.fixture
def channels(database: Database) -> Channels:
    return Channels(database, Encryption([Fernet.generate_key().decode()]), RULES, frozenset({"example.com"}))


async def webhook_of(channels: Channels, user: str, tenant: str = "acme") -> str:
    webhooks = Webhooks(Reader(channels.database, 5_000), channels.encryption, RULES, accept)
    wanted = WebhookFields(name="x", url="https://receiver.example.com/hook?key=secretWXYZ", where=EVERYTHING)
    row, _ = await webhooks.create(replace(OWNER, subject=user, tenant=tenant), wanted)
    return str(row["_id"])


@pytest.mark.parametrize(
    ("given", "shown", "target"),
    [
        (GivenChannel(slack_url=SLACK), ("slack", "hooks.slack.com:443", "hooks.slack.com:443 …WXYZ"), SLACK),
        (
            GivenChannel(teams_url=TEAMS),
            ("teams", "prod-1.westus.logic.azure.com:443", "prod-1.westus.logic.azure.com:443 …WXYZ"),
            TEAMS,
        ),
        (
            GivenChannel(alertmanager_url="https://alertmanager.internal:9093/prefix/"),
            ("alertmanager", "alertmanager.internal:9093", "alertmanager.internal:9093 …fix"),
            "https://alertmanager.internal:9093/prefix/",
        ),
        (
            GivenChannel(email=["on-call+night@Example.COM", "on-call+night@example.com", "ada@example.com"]),
            ("email", "example.com", "example.com …ight and 1 more"),
            "on-call+night@example.com,ada@example.com",
        ),
    ],
    ids=["slack", "teams", "alertmanager", "email"],
)
async def test_a_channel_is_stored_encrypted_and_shown_by_host_and_last_four_characters(
    channels: Channels, given: GivenChannel, shown: tuple[str, str, str], target: str
):
    (stored,) = await channels.to_stored(OWNER, [given])

    assert (stored["kind"], stored["host"], stored["address"]) == shown
    assert channels.encryption.decrypt(stored["target"]) == target
    assert shown_channels([stored]) == [(ChannelKind(shown[0]), shown[2])]
    assert target not in repr({**stored, "target": None}) + repr(given)


async def test_every_address_of_mail_is_a_recipient(channels: Channels):
    (stored,) = await channels.to_stored(OWNER, [GivenChannel(email=["ada@example.com", "bob@example.com"])])

    assert recipients_in(channels.encryption.decrypt(stored["target"])) == ["ada@example.com", "bob@example.com"]


async def test_a_webhook_of_the_callers_is_shown_without_its_path(channels: Channels):
    webhook_id = await webhook_of(channels, OWNER.subject)

    (stored,) = await channels.to_stored(OWNER, [GivenChannel(webhook_id=webhook_id)])

    assert (stored["kind"], str(stored["webhook_id"])) == ("webhook", webhook_id)
    assert stored["address"] == "receiver.example.com:443 …WXYZ"
    assert "target" not in stored


async def test_a_webhook_of_anothers_is_as_unknown_as_none(channels: Channels):
    said = set[str]()
    for webhook_id in (
        await webhook_of(channels, "bob"),
        await webhook_of(channels, OWNER.subject, "globex"),
        "0" * 24,
        "no id",
    ):
        with pytest.raises(BadUserInput) as refused:
            await channels.to_stored(OWNER, [GivenChannel(webhook_id=webhook_id)])
        said.add(refused.value.message)

    assert said == {"You have no webhook with this id; an alert is sent to a webhook of its rule's owner."}


REFUSED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "two": {"slack_url": SLACK, "teams_url": TEAMS},
    "slack elsewhere": {"slack_url": "https://receiver.example.com/secret"},
    "slack below another host": {"slack_url": "https://hooks.slack.com.evil.example/secret"},
    "slack without encryption": {"slack_url": SLACK.replace("https", "http")},
    "teams elsewhere": {"teams_url": SLACK},
    "alertmanager inside": {"alertmanager_url": "https://10.0.0.1:443/secret"},
    "alertmanager on another port": {"alertmanager_url": "https://alertmanager.internal:9094/secret"},
    "alertmanager with a query": {"alertmanager_url": "https://alertmanager.internal:9093/?secret"},
    "no recipient": {"email": []},
    "many recipients": {"email": [f"secret{number}@example.com" for number in range(11)]},
    "other domain": {"email": ["secret@example.org"]},
    "domain below": {"email": ["secret@sub.example.com"]},
    "one bad of two": {"email": ["ada@example.com", "secret@example.org"]},
    "line break": {"email": ["secret\r\nBcc: x@example.com"]},
    "line break at the end": {"email": ["secret@example.com\n"]},
    "display name": {"email": ["Secret <secret@example.com>"]},
    "two in one": {"email": ["secret@example.com,x@example.com"]},
    "quoted": {"email": ['"secret"@example.com']},
    "two at": {"email": ["secret@example.org@example.com"]},
    "long": {"email": ["secret" * 11 + "@example.com"]},
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
async def test_what_may_not_be_sent_to_is_refused_without_repeating_it(channels: Channels, given: dict[str, Any]):
    with pytest.raises(BadUserInput) as refused:
        await channels.to_stored(OWNER, [GivenChannel(**given)])

    assert refused.value.message.endswith(".")
    assert "secret" not in refused.value.message.lower()


async def test_no_domain_gets_mail_until_an_operator_allows_it(channels: Channels):
    with pytest.raises(BadUserInput, match="EXECUTION_MONITOR_MAIL_DOMAINS"):
        await replace(channels, mail_domains=frozenset()).to_stored(OWNER, [GivenChannel(email=["ada@example.com"])])


async def test_a_rule_names_each_channel_once_and_no_more_than_ten(channels: Channels):
    with pytest.raises(BadUserInput, match="once"):
        await channels.to_stored(OWNER, [GivenChannel(slack_url=SLACK), GivenChannel(slack_url=SLACK)])
    with pytest.raises(BadUserInput, match="at most 10"):
        await channels.to_stored(OWNER, [GivenChannel(slack_url=SLACK)] * (MAX_CHANNELS + 1))


async def test_a_channel_that_stays_keeps_its_id(channels: Channels):
    webhook_id = await webhook_of(channels, OWNER.subject)
    stay = [GivenChannel(slack_url=SLACK), GivenChannel(webhook_id=webhook_id)]
    before = await channels.to_stored(OWNER, [*stay, GivenChannel(email=["ada@example.com"])])

    after = await channels.to_stored(OWNER, [*reversed(stay), GivenChannel(email=["bob@example.com"])], before)

    ids = [each["id"] for each in before]
    assert [each["id"] for each in after[:2]] == [ids[1], ids[0]]
    assert after[2]["id"] not in ids


async def test_without_keys_no_address_is_stored(channels: Channels):
    with pytest.raises(BadUserInput, match="EXECUTION_MONITOR_SECRETS_KEYS"):
        await replace(channels, encryption=Encryption([])).to_stored(OWNER, [GivenChannel(slack_url=SLACK)])
