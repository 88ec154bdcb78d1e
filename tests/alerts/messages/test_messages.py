"""Messages of alerts say what, since when and how many, whatever engines and users have called things."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import orjson
import pytest

from execution_monitor.alerts.messages.alertmanager import alertmanager_message, alertmanager_url
from execution_monitor.alerts.messages.content import Content
from execution_monitor.alerts.messages.mail import Envelope, mail_message, mail_of_more
from execution_monitor.alerts.messages.slack import slack_message
from execution_monitor.alerts.messages.teams import teams_message

FIRED = datetime(2026, 11, 1, 10, 30, tzinfo=UTC)
NOW = FIRED + timedelta(hours=1)
LIST_URL = "https://monitor.example.com/?filter=status:in(FAILED)"
DATA: Mapping[str, Any] = {
    "rule": {"id": "6929f0", "name": "Nightly runs"},
    "alert_id": "6929f1",
    "event": "fired",
    "group": "invoices",
    "summary": "12 of 20 executions failed within an hour.",
    "value": 0.6,
    "count": 1_200,
    "fired_at": FIRED,
    "resolved_at": None,
    "list_url": LIST_URL,
    "execution_url": "https://monitor.example.com/executions/run-12",
    "newest_execution_id": "run-12",
}
ENVELOPE = Envelope("5e1f", "monitor@example.com", ["ada@example.com", "bob@example.com"], NOW)
NASTY = "<!channel> [x](https://evil.example) *b* &\r\nBcc: eve@example.com\u202e\x00\u2028 " + "y" * 2_000


def content(**changes: Any) -> Content:
    return Content.read({**DATA, **changes})


def nasty() -> Content:
    return content(rule={"id": "1", "name": NASTY}, group=NASTY, summary=NASTY, newest_execution_id=NASTY)


def text_of(message: Any) -> str:
    """A message as the one who receives it reads it."""
    if isinstance(message, (dict, list)):
        return orjson.dumps(message).decode()
    return f"{message['Subject']}\n{message.get_content()}"


RENDERED: Mapping[str, Callable[[Content], Any]] = {
    "slack": slack_message,
    "teams": teams_message,
    "mail": lambda content: mail_message(content, ENVELOPE),
}


@pytest.mark.parametrize("kind", RENDERED)
def test_a_message_says_what_since_when_and_how_many_and_links_to_more(kind: str):
    text = text_of(RENDERED[kind](content()))

    assert "Firing: Nightly runs (invoices)" in text
    assert "12 of 20 executions failed within an hour." in text
    for said in ("2026-11-01 10:30:00 UTC", "1,200", "run-12", LIST_URL, DATA["execution_url"]):
        assert said in text
    assert "Until" not in text


@pytest.mark.parametrize(
    ("event", "resolved_at", "title"),
    [
        ("fired", None, "Firing: Nightly runs (invoices)"),
        ("repeated", None, "Still firing: Nightly runs (invoices)"),
        ("resolved", NOW, "Resolved: Nightly runs (invoices)"),
        ("fired", NOW, "Fired and resolved: Nightly runs (invoices)"),
    ],
)
def test_a_title_says_whether_it_still_fires(event: str, resolved_at: datetime | None, title: str):
    found = content(event=event, resolved_at=resolved_at)

    assert found.title == title
    assert (("Until", "2026-11-01 11:30:00 UTC") in found.facts) is (resolved_at is not None)


def test_what_is_not_known_is_left_out():
    bare = Content.read({"rule": None, "event": "fired", "fired_at": "2026-11-01T10:30:00+00:00", "count": True})

    assert (bare.title, bare.facts, bare.links) == (
        "Firing: A rule without a name",
        [("Since", "2026-11-01 10:30:00 UTC")],
        [],
    )
    assert len(slack_message(bare)["blocks"]) == 2
    assert set(alertmanager_message(bare, "acme", NOW)[0]) == {"labels", "annotations", "startsAt", "endsAt"}
    assert mail_message(bare, ENVELOPE).get_content().startswith("Rule: A rule without a name\nSince: 2026")


def test_slack_is_sent_nothing_that_mentions_or_links():
    message = slack_message(nasty())

    marked = [message["text"], *(each["text"]["text"] for each in message["blocks"] if mrkdwn(each))]
    assert not any("<!" in text or "<@" in text for text in marked)
    assert [mrkdwn(each) for each in message["blocks"]] == [False, False, False, True]
    assert len(message["blocks"][0]["text"]["text"]) <= 150
    assert max(len(each["text"]) for each in message["blocks"][2]["fields"]) <= 2_000


def mrkdwn(block: dict[str, Any]) -> bool:
    texts = [block["text"]] if "text" in block else block["fields"]
    return any(each["type"] != "plain_text" for each in texts)


def test_teams_is_sent_a_card_whose_texts_are_never_markdown():
    card = teams_message(nasty())["attachments"][0]

    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {each["type"] for each in card["content"]["body"]} == {"RichTextBlock"}
    assert {run["type"] for each in card["content"]["body"] for run in each["inlines"]} == {"TextRun"}
    assert [each["url"] for each in card["content"]["actions"]] == [LIST_URL, DATA["execution_url"]]
    # Teams refuses more than 28 kB.
    assert len(orjson.dumps(card)) < 20_000


@pytest.mark.parametrize(
    "message",
    [mail_message(nasty(), ENVELOPE), mail_of_more(nasty(), ENVELOPE, 20)],
    ids=["alert", "more"],
)
def test_no_name_adds_a_header_to_mail(message: Any):
    read = message_from_bytes(message.as_bytes(), policy=default)

    assert set(read.keys()) == {
        *("Subject", "From", "To", "Date", "Message-ID", "References", "Auto-Submitted"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }
    assert read["To"] == "ada@example.com, bob@example.com"
    assert read.get_content_type() == "text/plain"
    assert max(map(len, message.as_bytes().split(b"\r\n"))) <= 998


def test_all_attempts_of_a_message_have_one_id_and_all_messages_of_an_alert_one_conversation():
    fired = mail_message(content(), ENVELOPE)
    resolved = mail_message(
        content(event="resolved"), Envelope("5e20<>", "monitor@example.com", ["a@example.com"], NOW)
    )

    assert fired["Message-ID"] == "<5e1f@example.com>"
    assert resolved["Message-ID"] == "<5e20@example.com>"
    assert fired["References"] == resolved["References"] == "<alert-6929f1@example.com>"


def test_mail_says_when_more_is_held_back():
    message = mail_of_more(content(), ENVELOPE, 20)

    assert message["Subject"] == "[Execution Monitor] More alerts: Nightly runs"
    assert "has sent 20 messages by mail within an hour" in message.get_content()
    assert LIST_URL in message.get_content()


def test_an_alertmanager_is_told_until_when_an_alert_fires():
    (alert,) = alertmanager_message(content(), "acme", NOW)

    assert alert["labels"] == {"alertname": "Nightly runs", "rule_id": "6929f0", "tenant": "acme", "group": "invoices"}
    assert alert["annotations"] == {
        "summary": "12 of 20 executions failed within an hour.",
        "alert_id": "6929f1",
        "executions": "1200",
        "newest_execution_id": "run-12",
        "list_url": LIST_URL,
        "execution_url": DATA["execution_url"],
    }
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-01T10:30:00.000Z", "2026-11-01T11:35:00.000Z")
    assert alert["generatorURL"] == LIST_URL


def test_an_alertmanager_is_told_when_an_alert_has_ended():
    (alert,) = alertmanager_message(content(event="resolved", resolved_at=NOW), "acme", NOW + timedelta(hours=1))

    assert alert["endsAt"] == "2026-11-01T11:30:00.000Z"
    assert alert["labels"] == alertmanager_message(content(), "acme", NOW)[0]["labels"]


@pytest.mark.parametrize(
    ("url", "posted_to"),
    [
        ("https://a.example.com", "https://a.example.com/api/v2/alerts"),
        ("https://a.example.com/prefix/", "https://a.example.com/prefix/api/v2/alerts"),
        ("https://a.example.com/api/v2/alerts", "https://a.example.com/api/v2/alerts"),
    ],
)
def test_alerts_are_posted_below_the_address_of_an_alertmanager(url: str, posted_to: str):
    assert alertmanager_url(url) == posted_to
