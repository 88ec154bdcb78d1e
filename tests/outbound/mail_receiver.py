"""A real server of mail on this machine, which refuses what a test says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "monitor", "correct horse"


@dataclass
class MailReceiver:
    """Where it listens, what it got, and what it answers to commands instead of accepting them."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list[tuple[list[str], EmailMessage]])
    signed_in: list[str | None] = field(default_factory=list[str | None])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    data_answer: str = "250 OK"

    # As aiosmtpd calls them.
    async def handle_RCPT(self, *call: Any) -> str:  # noqa: N802
        """Accept a recipient, unless it is refused."""
        _server, _session, envelope, address, _options = call
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message."""
        if self.data_answer.startswith("250"):
            message = message_from_bytes(cast("bytes", envelope.content), policy=default)
            self.mails.append((list(envelope.rcpt_tos), message))
            self.signed_in.append(None if session.auth_data is None else str(session.auth_data))
        return self.data_answer


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """Whether the user and the password are right."""
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    # Unhandled, it answers 535 itself.
    return AuthResult(success=is_right, handled=is_right, auth_data=USER if is_right else None)


class _Session(SMTP):
    """A connection that ends with the server, whatever its client does."""

    async def end(self) -> None:
        """Close it, and wait until nothing of it runs."""
        # One whose handshake failed has never begun.
        if self._handler_coroutine is not None:
            self._writer.close()
            self._handler_coroutine.cancel()
            await asyncio.gather(self._handler_coroutine, return_exceptions=True)


@contextlib.asynccontextmanager
async def receiving_mail(
    context: ssl.SSLContext | None = None, *, implicit: bool = False, signs_in: bool = False
) -> AsyncGenerator[MailReceiver]:
    """A server of mail; with a context it demands STARTTLS, or is `implicit`ly encrypted from the first byte on."""
    receiver = MailReceiver()
    sessions: list[_Session] = []

    def begin() -> _Session:
        session = _Session(
            receiver,
            hostname="mail.example.com",
            tls_context=None if implicit else context,
            require_starttls=context is not None and not implicit,
            authenticator=authenticate,
            auth_required=signs_in,
            auth_require_tls=not implicit,
            loop=asyncio.get_running_loop(),
        )
        sessions.append(session)
        return session

    server = await asyncio.get_running_loop().create_server(begin, "127.0.0.1", 0, ssl=context if implicit else None)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for each in sessions:
            await each.end()
