"""Middleware that checks `Host` and `Origin`, and CORS: which host names the server has, and whose pages may use it."""

import re
from collections.abc import Collection, Sequence
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from execution_monitor.asgi.cross_site import is_same_origin
from execution_monitor.asgi.problems import problem_response
from execution_monitor.asgi.request_id import HEADER as REQUEST_ID

# RFC 9112, section 3.2, and RFC 3986, section 3.2: a name or an IP address and perhaps a port, without a user.
_HOST = re.compile(
    r"(?:\[(?P<number>[0-9a-f:.]+(?:%[a-z0-9._~%-]+)?)\]|(?P<name>(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*))(?::[0-9]*)?",
    re.IGNORECASE | re.ASCII,
)
_METHODS = ("GET", "HEAD", "POST")
_REQUEST_HEADERS = ("Authorization", "Content-Type", "Last-Event-ID", "Traceparent", "Tracestate", "X-Api-Key")
_RESPONSE_HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", REQUEST_ID.decode())


class HostAndOriginMiddleware:
    """ASGI middleware that refuses requests for other hosts, and WebSockets of pages of other origins.

    Without it any page could have its own host name resolve to this machine (DNS rebinding), and would then have the
    same origin as this server. An IP address in `Host` cannot be used for that and is accepted; so is `localhost`.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket, or refuse it."""
        refusal = None if scope["type"] == "lifespan" else self._refuse(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        # Of two, a proxy may have used either (RFC 9112, section 3.2).
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return problem_response(
                HTTPStatus.BAD_REQUEST,
                "Send one Host, a name or an IP address and perhaps a port: monitor.example.com:443.",
                "BAD_USER_INPUT",
            )
        host = hosts[0]
        if not self._has_host((match["number"] or match["name"] or "").lower().removesuffix(".")):
            return problem_response(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not have the name in Host; EXECUTION_MONITOR_ALLOWED_HOSTS lists its names.",
                "MISDIRECTED_REQUEST",
            )
        # For all else that a page sends across origins, browsers ask first (CORS); for a WebSocket they do not.
        if scope["type"] == "websocket" and not self._allows_origin(headers.get("origin"), host):
            return problem_response(
                HTTPStatus.FORBIDDEN,
                "Pages of that origin may not connect; EXECUTION_MONITOR_ALLOWED_ORIGINS lists those that may.",
                "FORBIDDEN",
            )
        return None

    def _has_host(self, name: str) -> bool:
        return (
            name == "localhost"
            or _is_ip_address(name)
            or "*" in self._hosts
            or any(_matches(name, each) for each in self._hosts)
        )

    def _allows_origin(self, origin: str | None, host: str) -> bool:
        return origin is None or origin in self._origins or is_same_origin(origin.lower(), host.lower())


def cors_middleware(origins: Collection[str]) -> Sequence[Middleware]:
    """Starlette's CORS middleware for pages of `origins` (the fetch standard's CORS protocol); nothing without any."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_RESPONSE_HEADERS,
        )
    ]


def _is_ip_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
