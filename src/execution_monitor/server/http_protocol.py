"""How an HTTP connection reads requests: uvicorn's, with bounds, and without what a client may not make it believe."""

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
    Refused,
    to_origin_form,
    too_large,
)
from execution_monitor.server.http_upgrades import head_without_offer, takes_websocket
from execution_monitor.server.websocket_protocol import WebSocketProtocol

_RETRY_SECONDS = 10


class HttpProtocol(LingeringHttpProtocol):
    """Reads requests, bounds their heads, and ignores what nobody asked it to understand.

    `TcpConnections` counts it, and tells it the time by what it is doing.
    """

    # Until the connection is lost.
    parser: httptools.HttpRequestParser
    url = b""
    # The scope of the last message whose head is complete: another one has a head that is not.
    _headed: object = None
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
            self._is_deaf = True
            full = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections are open; try again.")
            self.transport.write(self._render(full, b"retry-after: %d\r\n" % _RETRY_SECONDS))
            self.transport.close()
        else:
            self._connection = connection

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.leave()
        self._forsake(self._answering)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._read_bytes = len(data)
        self._bytes_beside_bodies += self._read_bytes
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                self._meet_offer(memoryview(data)[offer.args[0] :])
            if self._bytes_beside_bodies > MAX_HEAD_BYTES:
                raise too_large(self.url)
        except Refused as refusal:
            self._refuse(refusal)
        except httptools.HttpParserError as error:
            cause = error.__context__
            invalid = Refused(HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.")
            self._refuse(cause if isinstance(cause, Refused) else invalid)
        else:
            if self._awaits_body:
                self._await_body(self.cycle)
            elif self.scope is not self._headed and not self._is_deaf:
                self._enter(Phase.HEAD)

    def _meet_offer(self, behind: memoryview) -> None:
        """Take the offer of the head that has come, or read on what stands `behind` as if there were none."""
        while True:
            if self._takes_offer(behind):
                self.handle_websocket_upgrade()
                return
            self._ignore_offer()
            try:
                self.parser.feed_data(behind)
            except httptools.HttpParserUpgrade as offer:
                behind = behind[offer.args[0] :]
            else:
                return

    def _takes_offer(self, behind: memoryview) -> bool:
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise Refused(HTTPStatus.NOT_IMPLEMENTED, "This server is no proxy.")
        version = self.parser.get_http_version()
        if self._is_answering or not takes_websocket(method, version, self.headers):
            return False
        if behind:
            raise Refused(HTTPStatus.BAD_REQUEST, "Wait for the answer to the handshake before you send more.")
        return True

    def _ignore_offer(self) -> None:
        # Behind a head with an offer llhttp reads no body, which would be read as the next request.
        head = head_without_offer(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
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
            # It reads fewer and shorter lines than llhttp does, and would say nothing at all.
            self.transport.set_protocol(self)
            self.connections.discard(socket)
            self.connections.add(self)
            raise Refused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "A handshake has at most 128 headers of at most 8,190 bytes; send the token in the first message.",
            )
        self._connection.hand_over()
        socket.on_lost = self._connection.leave
        # This object and its parser refer to each other, and nobody will tell it that the connection is lost.
        self.parser = None  # pyright: ignore[reportAttributeAccessIssue] - as uvicorn does
        self._is_deaf = True

    @override
    def on_headers_complete(self) -> None:
        # What came in one read with the end of a body has not been counted.
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
        # What comes from here on are trailers, which nobody may take for headers (RFC 9110, section 6.5.1).
        self.headers = []
        self._headed = self.scope
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
        # A head with an offer has not become a request.
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
        """Begin `phase`, unless it has begun."""
        if self._connection.phase is not phase:
            self._connection.enter(phase)

    def _enter_answering(self) -> None:
        self._connection.enter(Phase.UNREAD if self.flow.write_paused else Phase.ACTIVE)

    def _await_body(self, cycle: RequestResponseCycle) -> None:
        """Note that more of the body has to come, perhaps after its answer."""
        self._let_answer_arrive(cycle)
        self._enter(Phase.DRAINING if cycle.response_complete else Phase.BODY)

    @property
    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
