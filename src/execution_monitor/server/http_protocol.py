"""uvicorn's HTTP protocol with limits for heads and connections, and stricter about upgrades and trailers."""

from http import HTTPStatus
from typing import Any

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY, Connection, Phase, TcpConnections
from execution_monitor.server.http_closing import LingeringHttpProtocol
from execution_monitor.server.http_request_heads import (
    MAX_HEAD_BYTES,
    MAX_TARGET_BYTES,
    RequestRefused,
    head_without_upgrade,
    takes_websocket,
    to_origin_form,
    too_large,
)
from execution_monitor.server.websocket_protocol import WebSocketProtocol

_RETRY_SECONDS = 10


class HttpProtocol(LingeringHttpProtocol):
    """Reads requests, limits their heads, and ignores upgrades that it does not support.

    `TcpConnections` counts it and limits the time of each phase.
    """

    # Not None until the connection is lost.
    parser: httptools.HttpRequestParser
    url = b""
    # The scope of the last request whose head is complete; with any other scope a head is being read.
    _complete_scope: object = None
    _bytes_beside_bodies = 0
    _read_bytes = 0

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._all = self.app_state.get(CONNECTIONS_KEY) or TcpConnections()
        connection = self._all.enter(self, self.client[0] if self.client else None)
        if connection is None:
            self._connection = Connection(self._all, self)
            self._connection.leave()
            self._ignores_input = True
            full = RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections are open; try again.")
            self.transport.write(self._render(full, b"retry-after: %d\r\n" % _RETRY_SECONDS))
            self.transport.close()
        else:
            self._connection = connection

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.leave()
        self._disconnect(self._answering)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._ignores_input:
            return
        self._read_bytes = len(data)
        self._bytes_beside_bodies += self._read_bytes
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                self._handle_upgrade(memoryview(data)[offer.args[0] :])
            if self._bytes_beside_bodies > MAX_HEAD_BYTES:
                raise too_large(self.url)
        except RequestRefused as refusal:
            self._refuse(refusal)
        except httptools.HttpParserError as error:
            cause = error.__context__
            invalid = RequestRefused(HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.")
            self._refuse(cause if isinstance(cause, RequestRefused) else invalid)
        else:
            if self._awaits_body:
                self._await_body(self.cycle)
            elif self.scope is not self._complete_scope and not self._ignores_input:
                self._enter(Phase.HEAD)

    def _handle_upgrade(self, rest: memoryview) -> None:
        """Accept the upgrade that a head offers, or ignore it and parse the `rest` of the data."""
        while True:
            if self._accepts_upgrade(rest):
                self.handle_websocket_upgrade()
                return
            self._ignore_upgrade()
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = rest[offer.args[0] :]
            else:
                return

    def _accepts_upgrade(self, rest: memoryview) -> bool:
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise RequestRefused(HTTPStatus.NOT_IMPLEMENTED, "This server is no proxy.")
        version = self.parser.get_http_version()
        if self._is_answering or not takes_websocket(method, version, self.headers):
            return False
        if rest:
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "Wait for the response to the handshake before you send more.")
        return True

    def _ignore_upgrade(self) -> None:
        # After a head with an upgrade llhttp reads no body, and would take it for the next request.
        head = head_without_upgrade(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(head)

    @override
    def handle_websocket_upgrade(self) -> None:
        self.scope["method"] = "GET"
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        if not isinstance(socket, WebSocketProtocol):
            return
        if not socket.handshake_initiated:
            # Its parser accepts fewer and shorter lines than llhttp, and it would send no response.
            self.transport.set_protocol(self)
            self.connections.discard(socket)
            self.connections.add(self)
            raise RequestRefused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "A handshake has at most 128 headers of at most 8,190 bytes; send the token in the first message.",
            )
        self._connection.upgrade()
        socket.on_lost = self._connection.leave
        # This object and its parser refer to each other, and `connection_lost` is not called any more.
        self.parser = None  # pyright: ignore[reportAttributeAccessIssue] - as uvicorn does
        self._ignores_input = True

    @override
    def on_headers_complete(self) -> None:
        # Data in one read with the end of a body has not been counted.
        may_be_large = self._bytes_beside_bodies + self._read_bytes > MAX_HEAD_BYTES
        if len(self.url) > MAX_TARGET_BYTES or (may_be_large and self._head_bytes > MAX_HEAD_BYTES):
            raise too_large(self.url)
        if not self.url.startswith(b"/"):
            self.url = to_origin_form(self.url, self.headers)
        if self.parser.should_upgrade():
            return
        before = self.cycle
        super().on_headers_complete()
        if len(self.pipeline) == 1:
            self._answering = before
        # From here on come trailers, which must not be merged into the headers (RFC 9110, section 6.5.1).
        self.headers = []
        self._complete_scope = self.scope
        self._awaits_body = True
        phase = self._connection.phase
        if phase is not Phase.ACTIVE and phase is not Phase.UNREAD:
            self._enter_answering()

    @override
    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._bytes_beside_bodies = 0
        self._body_bytes += len(body)
        if self.flow.read_paused:
            self._body_was_paused = True

    @override
    def on_message_complete(self) -> None:
        self._bytes_beside_bodies = 0
        # A head whose upgrade was accepted is no request.
        if not self._awaits_body:
            return
        super().on_message_complete()
        self._awaits_body = False
        phase = self._connection.phase
        if phase is Phase.DRAINING:
            self._connection.enter(Phase.IDLE)
        elif phase is Phase.BODY:
            self._enter_answering()

    def _enter(self, phase: Phase) -> None:
        """Begin `phase`, unless the connection is in it."""
        if self._connection.phase is not phase:
            self._connection.enter(phase)

    def _enter_answering(self) -> None:
        self._connection.enter(Phase.UNREAD if self.flow.write_paused else Phase.ACTIVE)

    def _await_body(self, cycle: RequestResponseCycle) -> None:
        """Note that more of the body is to come, perhaps after the response."""
        self._keep_readable(cycle)
        self._enter(Phase.DRAINING if cycle.response_complete else Phase.BODY)

    @property
    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
