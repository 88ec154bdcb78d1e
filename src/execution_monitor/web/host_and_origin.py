"""Which names the server answers to, and which other sites' pages may use it."""

import re
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from execution_monitor.asgi.problems import answer_problem
from execution_monitor.asgi.request_id import HEADER as REQUEST_ID

# RFC 9112, section 3.2, and RFC 3986, section 3.2: a name or a number and perhaps a port, without user and password.
_HOST = re.compile(
    r"(?:\[(?P<number>[0-9a-f:.]+(?:%[a-z0-9._~%-]+)?)\]|(?P<name>(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*))(?::[0-9]*)?",
    re.IGNORECASE | re.ASCII,
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_METHODS = ("GET", "HEAD", "POST")
_REQUEST_HEADERS = ("Authorization", "Content-Type", "Last-Event-ID", "Traceparent", "Tracestate")
_RESPONSE_HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", REQUEST_ID.decode())


class HostAndOriginMiddleware:
    """ASGI middleware. A request must name a host that is ours, and a page's WebSocket an origin that may have one.

    Without it a page anywhere could have its own name lead to this machine (DNS rebinding), and would then be of the
    same origin as this server. A number in `Host` is nobody's name: it is always ours. So is `localhost`.
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
        # With two of them, who knows which one others went by (RFC 9112, section 3.2).
        parts = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if parts is None:
            return answer_problem(
                HTTPStatus.BAD_REQUEST,
                "A request has one Host, a name or a number and perhaps a port: monitor.example.com:443.",
                "BAD_USER_INPUT",
            )
        host = hosts[0]
        if not self._is_ours((parts["number"] or parts["name"] or "").lower().removesuffix(".")):
            return answer_problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not answer to the name in Host; EXECUTION_MONITOR_ALLOWED_HOSTS lists those it has.",
                "MISDIRECTED_REQUEST",
            )
        # Whatever else a page sends across origins, a browser asks for leave first; not so for a WebSocket.
        if scope["type"] == "websocket" and not self._may_come_from(headers.get("origin"), host):
            return answer_problem(
                HTTPStatus.FORBIDDEN,
                "Pages of that origin may not connect; EXECUTION_MONITOR_ALLOWED_ORIGINS lists those that may.",
                "FORBIDDEN",
            )
        return None

    def _is_ours(self, name: str) -> bool:
        return (
            name == "localhost"
            or _is_number(name)
            or "*" in self._hosts
            or any(_fits(name, each) for each in self._hosts)
        )

    def _may_come_from(self, origin: str | None, host: str) -> bool:
        return origin is None or origin in self._origins or _is_of(origin.lower(), host.lower())


def share_across_origins(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """`app`, usable by pages of `origins` (the fetch standard's CORS protocol); without any, by its own alone."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=_METHODS,
        allow_headers=_REQUEST_HEADERS,
        expose_headers=_RESPONSE_HEADERS,
    )


def _is_of(origin: str, host: str) -> bool:
    """Whether `origin` is that of the pages of `host`; a proxy may have taken off the TLS that the scheme tells of."""
    scheme, _, place = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and place.removesuffix(port) == host.removesuffix(port)


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _fits(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
