"""Close HTTP connections so that clients can read the last response (lingering close), or at a time limit."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from execution_monitor.limits.tcp_connections import Connection, Phase, TcpConnections
from execution_monitor.server.http_request_heads import RequestRefused

_LATE = {
    Phase.HEAD: "The head of the request took too long.",
    Phase.BODY: "The body of the request came too slowly.",
}


class LingeringHttpProtocol(HttpToolsProtocol):
    """An HTTP protocol that lingers: it half-closes, and discards for a while what the client still sends.

    uvicorn closes at once, but the kernel resets a connection that is closed with bytes unread, and the client may lose
    the last response (RFC 9112, section 9.6). Pipelined requests get their responses in order, a refusal last.
    """

    _connection: Connection
    _all: TcpConnections
    # Whether the request that was read last has a body of which more is to come.
    _awaits_body = False
    _body_bytes = 0
    _body_was_paused = False
    # The request whose response comes before those of the pipelined ones.
    _answering: RequestResponseCycle | None = None
    _refusal: RequestRefused | None = None
    # Whether nothing that arrives is read any more.
    _ignores_input = False
    _unread_bytes = 0

    @property
    def _is_answering(self) -> bool:
        return bool(self.cycle and not self.cycle.response_complete)

    def _keep_readable(self, cycle: RequestResponseCycle) -> None:
        """Let the client read the response of `cycle`, even one that closes, while more of the request arrives."""
        if not isinstance(cycle.transport, _UnreadTransport):
            self._body_bytes = 0
            # It has all that a cycle uses of a transport.
            cycle.transport = _UnreadTransport(self.transport, self._close_unread)  # pyright: ignore[reportAttributeAccessIssue]

    def _close_unread(self) -> None:
        if self._awaits_body and self.cycle.response_complete:
            self._linger()
        else:
            self.transport.close()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        if self._connection.phase is Phase.ACTIVE:
            self._unread_bytes = self.transport.get_write_buffer_size()
            self._connection.enter(Phase.UNREAD)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._connection.phase is Phase.UNREAD:
            self._connection.enter(Phase.ACTIVE if self._is_answering else Phase.IDLE)

    @override
    def on_response_complete(self) -> None:
        # As uvicorn does, but without its timer for each idle connection.
        self.server_state.total_requests += 1
        self._answering = None
        if self.transport.is_closing():
            self._close()
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._answering = cycle
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
        elif self._awaits_body:
            self._connection.enter(Phase.DRAINING)
        elif self._connection.phase is Phase.ACTIVE:
            self._connection.enter(Phase.IDLE)

    def _refuse(self, refusal: RequestRefused) -> None:
        """Read nothing more, and send `refusal` after the responses of all earlier requests."""
        self._ignores_input = True
        self._all.count_invalid(refusal.status)
        self._refusal = refusal
        if self._awaits_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            # It is this request that is refused, and it has not begun.
            self.pipeline.popleft()
        elif self._awaits_body and self._is_answering:
            self._disconnect(self.cycle)
            if self.cycle.response_started:
                self._close()
            else:
                self._send_refusal(refusal)
            return
        if self._is_answering:
            self._connection.enter(Phase.ACTIVE)
        else:
            self._send_refusal(refusal)

    def _send_refusal(self, refusal: RequestRefused) -> None:
        # A client that still sends the body of a request already has its response.
        if not (self._awaits_body and self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.write(self._render(refusal))
        self._linger()

    def _linger(self) -> None:
        """Half-close the connection, and discard what still arrives."""
        self._ignores_input = True
        self.flow.resume_reading()
        if not self.transport.is_closing():
            self.transport.write_eof()
        self._connection.enter(Phase.DRAINING)

    def _render(self, refusal: RequestRefused, more: bytes = b"") -> bytes:
        body = refusal.detail.encode()
        headers = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
        return b"%b%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
            STATUS_LINE[refusal.status],
            headers,
            more,
            len(body),
            body,
        )

    @staticmethod
    def _disconnect(cycle: RequestResponseCycle | None) -> None:
        """Send the application of `cycle` a disconnect."""
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def time_out(self, phase: Phase) -> bool:
        """End a connection at the time limit of `phase`, with 408 if a request has begun; whether it ended."""
        if phase in (Phase.UNREAD, Phase.CLOSING):
            return self._abort_unless_read()
        if phase not in _LATE:
            self._close()
            return True
        if self.flow.read_paused or (phase is Phase.BODY and self._is_body_in_time()):
            return False
        self._refuse(RequestRefused(HTTPStatus.REQUEST_TIMEOUT, _LATE[phase]))
        return True

    @override
    def shutdown(self) -> None:
        if self._connection.phase is Phase.DRAINING:
            self.transport.close()
        else:
            super().shutdown()

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()

    def _is_body_in_time(self) -> bool:
        limits, received = self._all.limits, self._body_bytes
        # If reading was paused, the client could not use the whole window.
        was_held_up = self._body_was_paused or self.cycle.waiting_for_100_continue
        self._body_bytes, self._body_was_paused = 0, False
        return was_held_up or received >= limits.body_bytes_per_second * limits.body_window_seconds

    def _close(self) -> None:
        """Close when the client has read what was sent, or reads no more of it."""
        self._unread_bytes = self.transport.get_write_buffer_size()
        self.transport.close()
        self._connection.enter(Phase.CLOSING)

    def _abort_unless_read(self) -> bool:
        before, self._unread_bytes = self._unread_bytes, self.transport.get_write_buffer_size()
        if self._unread_bytes < before:
            return False
        self.transport.abort()
        return True


class _UnreadTransport:
    """The transport of a response whose request may still be arriving when it ends."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.close = close
        self.write = transport.write
        self.is_closing = transport.is_closing
