"""The outbound client: one POST at a time, without redirects or proxies, that ends within ten seconds."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Self

import httpcore2

from execution_monitor.outbound.connections import NotPublic, NotResolved, PublicBackend, Resolve, resolve
from execution_monitor.outbound.destinations import Destination, DestinationRules
from execution_monitor.outbound.pools import IDLE_SECONDS, MAX_CONNECTIONS_OF_ONE, Pools

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 1_024
_LONGEST_RETRY_AFTER = 1_000_000


class Failure(Enum):
    """Why there is no answer; the values are shown to the owner of the receiver's address."""

    NOT_RESOLVED = "The name of the receiver was not found."
    NOT_PUBLIC = "The name of the receiver has an address that is not public."
    NOT_CONNECTED = "The receiver took no connection."
    NOT_TRUSTED = "The certificate of the receiver is not valid for its name."
    TIMED_OUT = f"The receiver did not answer within {TIMEOUT_SECONDS:.0f} seconds."
    BROKEN = "The receiver closed the connection or answered with something else than HTTP."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered.

    Attributes:
        status: the status code.
        retry_after: seconds that it wants to be left alone; None where it does not say.
        body: the first 1,024 bytes of the body as text, as it was sent: never unpacked.
    """

    status: int
    retry_after: float | None
    body: str


class Outbound:
    """Sends to addresses that users chose; an async context manager that closes its connections in the end.

    Args:
        rules: which addresses may be sent to.
        resolver: finds the addresses of a name.
        trusted: the certificates that are trusted; those of the machine by default.
    """

    def __init__(
        self,
        rules: DestinationRules,
        *,
        resolver: Resolve = resolve,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self.rules = rules
        self._trusted = trusted
        self._backend = PublicBackend(rules.allows_inside, resolver)
        self._pools = Pools(self._make_pool)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pools.aclose()

    async def post(
        self, destination: Destination, body: bytes, headers: Mapping[str, str], *, seconds: float = TIMEOUT_SECONDS
    ) -> Answer | Failure:
        """Send `body`, and return what was answered within `seconds`, or why there is no answer.

        A receiver that has sent a status has answered, however slowly the rest comes.
        """
        # Of the one that `check` returned: rules may have changed since the URL was stored.
        destination = self.rules.check(destination.url)
        deadline = time.monotonic() + seconds
        sent = [
            (b"host", _host_header(destination)),
            (b"user-agent", b"execution-monitor"),
            (b"accept-encoding", b"identity"),
            (b"content-length", str(len(body)).encode()),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
        ]
        # That of the whole ends everything else; this one is divided among the addresses of a name.
        timeouts = {"connect": seconds}
        try:
            async with (
                self._pools.of(f"{_scheme_of(destination)}://{destination.authority}") as pool,
                asyncio.timeout(seconds),
                pool.stream(
                    "POST", destination.url, headers=sent, content=body, extensions={"timeout": timeouts}
                ) as response,
            ):
                begun = await _read_beginning(response, deadline)
                return Answer(response.status, _retry_after(response.headers), begun.decode(errors="replace"))
        except NotResolved:
            return Failure.NOT_RESOLVED
        except NotPublic:
            return Failure.NOT_PUBLIC
        except (TimeoutError, httpcore2.TimeoutException):
            return Failure.TIMED_OUT
        except httpcore2.ConnectError as error:
            return Failure.NOT_TRUSTED if _is_of_tls(error) else Failure.NOT_CONNECTED
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            return Failure.BROKEN

    def _make_pool(self) -> httpcore2.AsyncConnectionPool:
        # Each connection would read all certificates of the machine otherwise.
        self._trusted = self._trusted or httpcore2.default_ssl_context()
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._trusted,
            max_connections=MAX_CONNECTIONS_OF_ONE,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._backend,
        )


def _scheme_of(destination: Destination) -> str:
    return destination.url.partition(":")[0].lower()


def _host_header(destination: Destination) -> bytes:
    default = {"https": 443, "http": 80}[_scheme_of(destination)]
    authority = destination.authority
    return (authority.rpartition(":")[0] if destination.port == default else authority).encode("ascii")


async def _read_beginning(response: httpcore2.Response, deadline: float) -> bytes:
    """The beginning of the body; what is not there at the deadline, or is broken, is left out."""
    begun = bytearray()
    try:
        # A little earlier than the whole exchange ends.
        async with asyncio.timeout(max(0.0, (deadline - time.monotonic()) * 0.9)):
            async for chunk in response.aiter_stream():
                begun += chunk
                if len(begun) >= MAX_ANSWER_BYTES:
                    break
    except (TimeoutError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        pass
    return bytes(begun[:MAX_ANSWER_BYTES])


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """The seconds of a `Retry-After`, which may be a date (RFC 9110, section 10.2.3)."""
    text = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if text.isascii() and text.isdecimal():
        return float(min(int(text[:10]), _LONGEST_RETRY_AFTER))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER)


def _is_of_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
