"""Mail: hands one message at a time to the server that an operator names, and says how that ended."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage

import aiosmtplib

from execution_monitor.outbound.mail_server import MailServer

# Of the whole exchange, in which the server may look for viruses; a claim of a message lasts longer.
TIMEOUT_SECONDS = 30.0
_STEP_SECONDS = 15.0
# RFC 5321, section 4.2.1: the same command will be refused again.
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class MailOutcome:
    """How handing over one message ended. It has no text of the server's, which may repeat addresses.

    Attributes:
        code: the reply code by which the server accepted or refused it; None where there was none.
        error: why it was not accepted, or not for all, as a sentence; None where it was.
        is_accepted: whether the server took it for at least one recipient.
        is_final: whether the server will not take it later, either.
    """

    code: int | None = None
    error: str | None = None
    is_accepted: bool = False
    is_final: bool = False


class Mail:
    """Sends mail by one server.

    Args:
        server: takes the mail.
        sender: the address that it comes from.
        trusted: the certificates that are trusted; those of the machine by default.
    """

    def __init__(self, server: MailServer, sender: str, *, trusted: ssl.SSLContext | None = None) -> None:
        self.sender = sender
        self._server = server
        self._trusted = trusted

    async def send(self, message: EmailMessage, recipients: Sequence[str]) -> MailOutcome:
        """Hand `message` over for `recipients`, whatever its headers say."""
        server = self._server
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                refused, _ = await aiosmtplib.send(
                    message,
                    sender=self.sender,
                    recipients=list(recipients),
                    hostname=server.host,
                    port=server.port,
                    username=server.user,
                    password=server.password,
                    use_tls=server.encryption == "tls",
                    # Never "if the server offers it": who stands between could leave out the offer.
                    start_tls=server.encryption == "starttls",
                    tls_context=self._trusted if server.encryption else None,
                    # Without it the machine's own name is looked up each time, which can take seconds.
                    local_hostname=self.sender.rpartition("@")[2],
                    timeout=_STEP_SECONDS,
                )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _failure_of(error)
        some = f"{len(refused)} of {len(recipients)} recipients were refused." if refused else None
        return MailOutcome(aiosmtplib.SMTPStatus.completed, some, is_accepted=True)


def _failure_of(error: Exception) -> MailOutcome:
    code, is_permanent = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None, False
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            code = error.recipients[0].code
            is_permanent = all(each.code >= _PERMANENT for each in error.recipients)
            said = "All recipients were refused."
        case aiosmtplib.SMTPDataError():
            is_permanent, said = error.code >= _PERMANENT, "The message was refused."
        # What an operator can mend is tried again.
        case aiosmtplib.SMTPAuthenticationError():
            said = "The mail server refused the server's user or password."
        case aiosmtplib.SMTPSenderRefused():
            said = "The mail server refused the server's own address."
        case aiosmtplib.SMTPResponseException():
            said = "The mail server refused the exchange."
        case TimeoutError():
            said = "The mail server did not answer in time."
        case aiosmtplib.SMTPConnectError() | ssl.SSLError():
            said = "The mail server took no connection, or has no certificate that is valid for its name."
        case _ if type(error) in (aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported):
            said = "The mail server offers no encryption, or no way to sign in."
        case _:
            said = "The connection to the mail server broke."
    return MailOutcome(code, said, is_final=is_permanent)
