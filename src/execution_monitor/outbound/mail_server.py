"""The server that takes mail, and addresses of mail: what settings and users may write."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}
_MAX_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
_MAX_LOCAL = 64
# Practically all there are: without quotes and comments, so that nothing in one can end a header or a command.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that mail is handed to. Its `repr` has no password.

    Attributes:
        host: its name or address.
        port: its port.
        encryption: `tls` from the first byte on, `starttls` before anything is sent, or None.
        user: who signs in; None where nobody needs to.
        password: of the user.
    """

    host: str
    port: int
    encryption: Literal["tls", "starttls"] | None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, *, encrypts: bool = True) -> "MailServer":
        """The server that `url` names; `smtp://` means STARTTLS where it `encrypts`.

        Raises:
            ValueError: It cannot be read; the message does not repeat it, since it may hold a password.
        """
        example = "write it as smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com:465"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"The port cannot be read; {example}.") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"This is no address of a mail server; {example}.")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"Nothing may stand behind the port; percent-encode the password, and {example}.")
        if (parts.username is None) != (parts.password is None):
            raise ValueError(f"User and password come together; {example}.")
        return cls(
            host=parts.hostname,
            port=_PORTS[parts.scheme] if port is None else port,
            encryption="tls" if parts.scheme == "smtps" else "starttls" if encrypts else None,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )


def check_mail_address(text: str) -> str:
    """The domain, in lower case, of an address such as `ada@example.com`; raises `ValueError` for any other text."""
    local, at, domain = text.rpartition("@")
    domain = domain.lower()
    is_address = at and len(local) <= _MAX_LOCAL and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)
    if len(text) > _MAX_ADDRESS or not is_address:
        raise ValueError("Write an address of mail as name@example.com, without a display name.")
    return domain
