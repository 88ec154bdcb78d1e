"""Destinations: which URLs may be sent to, as they are checked before anything is stored, resolved or connected to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from execution_monitor.errors import BadUserInput
from execution_monitor.outbound.addresses import is_public

MAX_URL_LENGTH = 2_000
_PORTS = {"https": (443, 8443), "http": (80, 8080)}
# Printable ASCII: what is sent is what was checked.
_URL = re.compile(r"[!-~]+", re.ASCII)
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# As browsers and resolvers do, a host that ends in a number is taken for an address: in decimal, octal or hexadecimal.
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.ASCII)
_CANONICAL_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!\Z)|\Z)){4}", re.ASCII)


class Service(Enum):
    """Services whose addresses are secrets, by the hosts that they have; None for any receiver."""

    ANY = None
    SLACK = re.compile(r"hooks\.slack(?:-gov)?\.com")
    TEAMS = re.compile(r"[a-z0-9.-]+\.(?:webhook\.office\.com|logic\.azure\.com|api\.powerplatform\.com)")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request goes. Its `repr` has neither path nor query, which may be secrets.

    Attributes:
        url: the URL, as it was given.
        host: the name or address in it.
        port: the port in it, or that of its scheme.
        is_inside: whether an operator allowed it though it is not public.
    """

    url: str
    host: str
    port: int
    is_inside: bool

    @property
    def authority(self) -> str:
        """The host and the port, as settings write them."""
        return authority_of(self.host, self.port)

    def __repr__(self) -> str:
        """The host and the port alone."""
        return f"Destination({self.authority})"


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """What a URL must be like.

    Attributes:
        inside: hosts and ports, as `host:port`, that an operator allows though they are not public.
        allows_http: whether a URL without encryption will do, as in development.
    """

    inside: frozenset[str] = frozenset()
    allows_http: bool = False

    @classmethod
    def allowing(cls, inside: Iterable[str], *, is_development: bool) -> "DestinationRules":
        """The rules for the values of settings."""
        return cls(frozenset(each.lower() for each in inside), is_development)

    def check(self, url: str, service: Service = Service.ANY) -> Destination:
        """The destination that `url` names.

        Raises:
            BadUserInput: It may not be sent to; the message says why and does not repeat it.
        """
        if len(url) > MAX_URL_LENGTH or not _URL.fullmatch(url):
            raise BadUserInput(f"A URL has at most {MAX_URL_LENGTH:,} characters, all of them printable ASCII.")
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError as error:
            raise BadUserInput("The URL cannot be read; write it as https://receiver.example.com/path.") from error
        schemes = ("https", "http") if self.allows_http else ("https",)
        if scheme not in schemes:
            raise BadUserInput("The URL must begin with https://.")
        if "@" in parts.netloc:
            raise BadUserInput("The URL must hold no user name and no password.")
        if "\\" in url or parts.fragment:
            raise BadUserInput("The URL must hold no backslash and no fragment.")
        port = _PORTS[scheme][0] if port is None else port
        _check_host(host)
        destination = Destination(url, host, port, self.allows_inside(host, port))
        if service.value is not None and not service.value.fullmatch(host):
            raise BadUserInput(f"This is no address of {service.name.capitalize()}.")
        if not destination.is_inside:
            self._check_public(destination, scheme)
        return destination

    def allows_inside(self, host: str, port: int) -> bool:
        """Whether an operator allowed this host and port, whatever addresses it has."""
        return authority_of(host, port) in self.inside

    def _check_public(self, destination: Destination, scheme: str) -> None:
        if destination.port not in _PORTS[scheme]:
            raise BadUserInput(f"The port must be one of {', '.join(map(str, _PORTS[scheme]))}.")
        if _is_address(destination.host) and not is_public(destination.host):
            raise BadUserInput(
                "The address is not public; an operator can allow it by EXECUTION_MONITOR_OUTBOUND_ALLOW."
            )


def _check_host(host: str) -> None:
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError as error:
            raise BadUserInput("The host of the URL is no valid address.") from error
        return
    if _ENDS_IN_NUMBER.fullmatch(host):
        if not _CANONICAL_V4.fullmatch(host):
            raise BadUserInput("An address in the URL must be written as four decimal numbers.")
        return
    if not _NAME.fullmatch(host):
        raise BadUserInput("The host of the URL is no valid name; write international names in ASCII (xn--...).")


def _is_address(host: str) -> bool:
    return ":" in host or bool(_CANONICAL_V4.fullmatch(host))


def authority_of(host: str, port: int) -> str:
    """A host and a port as one text, an address of IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
