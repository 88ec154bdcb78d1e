"""Connections to receivers: a name is resolved once, and what is connected to is an address that was found public."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, cast

import httpcore2
from typing_extensions import override

from execution_monitor.outbound.addresses import is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
# Each address gets its share of the time: the first may swallow packets.
_MOST_ADDRESSES = 3


class NotPublic(Exception):
    """The name of a receiver has an address that is not public."""


class NotResolved(Exception):
    """The name of a receiver has no address."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of `host`, by the resolver of the machine."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise NotResolved from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PublicBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to public addresses, and to those that are allowed inside.

    Args:
        allows_inside: whether an operator allowed a host and port.
        resolver: finds the addresses of a name.
    """

    def __init__(self, allows_inside: Callable[[str, int], bool], resolver: Resolve = resolve) -> None:
        self._allows_inside = allows_inside
        self._resolve = resolver
        # Its type is open where anyio is missing.
        self._connections = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to one of the addresses of `host`; raises `NotResolved`, `NotPublic` or what httpcore raises."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise NotResolved
        # One that is not public among others is how a name is made to lead inside at the second look.
        if not self._allows_inside(host, port) and not all(map(is_public, addresses)):
            raise NotPublic
        tried = addresses[:_MOST_ADDRESSES]
        share = None if timeout is None else timeout / len(tried)
        for address in tried[:-1]:
            try:
                return await self._connections.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._connections.connect_tcp(tried[-1], port, share, local_address, socket_options)

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
