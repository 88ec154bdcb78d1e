"""Middleware that logs every request and socket, under an id that the client gets in `X-Request-Id`."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution_monitor.asgi.problems import CLIENT_LEFT
from execution_monitor.asgi.request_id import HEADER, bind_request_id, identify
from execution_monitor.observability.metrics.http import HttpMetrics

log = structlog.get_logger()

# Machines request these every few seconds: only failures are of interest.
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})
_FIRST_FAILURE = 400
_OPENING = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
# No path of ours is longer.
_MAX_PATH_LENGTH = 256


class RequestLogMiddleware:
    """ASGI middleware around all other middleware; a line has method, path, status or close code, and seconds.

    It has nothing of query strings, headers and bodies, which hold tokens and the values of operations.
    """

    def __init__(self, app: ASGIApp, traffic: HttpMetrics) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = identify(scope)
        bind_request_id(request_id)
        begun = time.perf_counter()
        exchange = _Exchange(receive, send, request_id)
        if scope["type"] == "websocket":
            self._traffic.opened()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            seconds = round(time.perf_counter() - begun, 6)
            path = scope["path"][:_MAX_PATH_LENGTH]
            client = scope.get("client")
            address = client[0] if client else None
            if scope["type"] == "websocket":
                self._traffic.closed(exchange.code)
                refusal = {"status": exchange.status} if exchange.is_refused else {}
                log.info("socket", path=path, code=exchange.code, **refusal, seconds=seconds, address=address)
            else:
                self._traffic.answered(exchange.status)
                write = log.debug if path in _PROBES and exchange.status < _FIRST_FAILURE else log.info
                write(
                    "request",
                    method=scope["method"],
                    path=path,
                    status=exchange.status,
                    seconds=seconds,
                    address=address,
                )


class _Exchange:
    """The messages of one request or socket: its status, its close code, and the header with its id."""

    def __init__(self, receive: Receive, send: Send, request_id: str) -> None:
        self._receive = receive
        self._send = send
        self._header = (HEADER, request_id.encode())
        self.status = CLIENT_LEFT
        self.code: int | None = None
        # Whether a handshake was refused, with the status.
        self.is_refused = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect" and self.code is None:
            self.code = message.get("code")
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in _OPENING:
            self.status = int(message.get("status", self.status))
            self.is_refused = kind == "websocket.http.response.start"
            message = {**message, "headers": [*message.get("headers", ()), self._header]}
        elif kind == "websocket.close" and self.code is None:
            self.code = message.get("code", 1000)
        await self._send(message)
