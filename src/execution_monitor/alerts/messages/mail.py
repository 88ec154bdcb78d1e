"""Messages by mail: plain text, in headers that hold no line break whatever a rule is called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from execution_monitor.alerts.messages.content import Content

# RFC 5322, section 3.6.4, without what needs quotes.
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message is from and for.

    Attributes:
        message_id: what tells it from others, over all attempts to send it.
        sender: the address that it comes from.
        recipients: the addresses that it goes to.
        date: when it was sent.
    """

    message_id: str
    sender: str
    recipients: Sequence[str]
    date: datetime


def mail_message(content: Content, envelope: Envelope) -> EmailMessage:
    """The message. Its id stays the same over all attempts, and all messages of one alert are one conversation."""
    lines = [content.summary, "", f"Rule: {content.rule_name}"]
    lines += [f"Group: {content.group}"] if content.group else []
    lines += [f"{name}: {text}" for name, text in content.facts]
    lines += ["", *(f"{text}: {url}" for text, url in content.links)] if content.links else []
    return _message(content, envelope, content.title, lines)


def mail_of_more(content: Content, envelope: Envelope, most: int) -> EmailMessage:
    """The message that says that more would follow: the last of its rule within an hour in which it sent `most`."""
    said = (
        f"This rule has sent {most} messages by mail within an hour. More would follow, and are left out until fewer "
        "have been sent within the hour before."
    )
    lines = [said, *(f"\n{text}: {url}" for text, url in content.links[:1])]
    return _message(content, envelope, f"More alerts: {content.rule_name}", lines)


def _message(content: Content, envelope: Envelope, title: str, lines: Sequence[str]) -> EmailMessage:
    domain = envelope.sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    # It refuses texts with line breaks, which what it is given does not have.
    message["Subject"] = f"[Execution Monitor] {title}"
    message["From"] = f"Execution Monitor <{envelope.sender}>"
    message["To"] = ", ".join(envelope.recipients)
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = _id(envelope.message_id, domain)
    message["References"] = _id(f"alert-{content.alert_id}", domain)
    # Nobody who is on holiday answers it (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    text = "\n".join([*lines, "", "-- ", "Sent by Execution Monitor for an alert rule."])
    message.set_content(text.strip() + "\n", cte="quoted-printable")
    return message


def _id(text: str, domain: str) -> str:
    return f"<{_NOT_IN_ID.sub('', text)}@{domain}>"
