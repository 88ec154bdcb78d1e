"""The origin of a request: client address, user agent and request id, read from an ASGI scope."""

import ipaddress
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from execution_monitor.asgi.request_id import identify

_USER_AGENT = b"user-agent"
# Longer ones are sent to fill logs.
_MAX_USER_AGENT_LENGTH = 256
# The network that an Internet provider gives to one customer (RFC 6177).
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the client's address and user agent, and the request id."""

    address: str | None
    user_agent: str | None
    request_id: str


def origin_of(scope: MutableMapping[str, Any]) -> Origin:
    """The origin of the request or WebSocket of an ASGI `scope`."""
    client = scope.get("client")
    return Origin(
        address=client[0] if client else None,
        user_agent=next((_decode(value) for name, value in scope["headers"] if name == _USER_AGENT), None),
        request_id=identify(scope),
    )


def network_of(address: str) -> str:
    """The network of one customer that an IPv6 `address` belongs to; other addresses, and other text, as they are."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _IPV6_PREFIX), strict=False))
    except ValueError:
        return address


def proxies_in(listed: str) -> Callable[[str], bool]:
    """Make a function that says whether an address is one of the proxies `listed`.

    `listed` is addresses and networks, separated by commas, or `*` for all addresses.
    """
    if listed == "*":
        return lambda _: True
    networks = [ipaddress.ip_network(each.strip()) for each in listed.split(",") if each.strip()]

    @lru_cache(maxsize=1_024)
    def is_proxy(address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in networks)

    return is_proxy


def _decode(value: bytes) -> str:
    # RFC 9110, section 5.5: bytes beyond ASCII are opaque.
    return value[:_MAX_USER_AGENT_LENGTH].decode("latin-1")
