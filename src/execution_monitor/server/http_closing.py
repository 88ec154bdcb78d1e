"""How an HTTP connection ends: by a refusal or an answer that its client can read, or by a limit in time."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from execution_monitor.limits.tcp_connections import Connection, Phase, TcpConnections
from execution_monitor.server.http_request_heads import Refused

_LATE = {
    Phase.HEAD: "The head of the request took too long.",
    Phase.BODY: "The body of the request came too slowly.",
}


class LingeringHttpProtocol(HttpToolsProtocol):
    """uvicorn closes at once, and a socket that is closed with bytes unread takes back what was sent on it last.

    This closes the half that writes and lets pass what the client still sends, for a while (RFC 9112, section 9.6).
    Pipelined requests are answered in their order, a refusal last.
    """

    _connection: Connection
    _all: TcpConnections
    # The request that was read last has a body of which more is to come.
    _awaits_body = False
    _body_bytes = 0
    _body_was_paused = False
    # What is answered before those that are pipelined behind it.
    _answering: RequestResponseCycle | None = None
    _refusal: Refused | None = None
    # Nothing that comes is read any more.
    _is_deaf = False
    _untaken_bytes = 0

    @property
    def _is_answering(self) -> bool:
        return bool(self.cycle and not self.cycle.response_complete)

    def _let_answer_arrive(self, cycle: RequestResponseCycle) -> None:
        """Let the answer of `cycle` arrive, even one that closes, although more of its request is to come."""
        if not isinstance(cycle.transport, _UnreadTransport):
            self._body_bytes = 0
            # It has what is used of a transport.
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
            self._untaken_bytes = self.transport.get_write_buffer_size()
            self._connection.enter(Phase.UNREAD)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._connection.phase is Phase.UNREAD:
            self._connection.enter(Phase.ACTIVE if self._is_answering else Phase.IDLE)

    @override
    def on_response_complete(self) -> None:
        # As uvicorn does, but for the timer of each connection that waits for the next request.
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
            self._answer_refusal(self._refusal)
        elif self._awaits_body:
            self._connection.enter(Phase.DRAINING)
        elif self._connection.phase is Phase.ACTIVE:
            self._connection.enter(Phase.IDLE)

    def _refuse(self, refusal: Refused) -> None:
        """Read nothing more, and answer `refusal` when all before it is answered."""
        self._is_deaf = True
        self._all.count_invalid(refusal.status)
        self._refusal = refusal
        if self._awaits_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            # The request itself is what is refused, and has not been begun.
            self.pipeline.popleft()
        elif self._awaits_body and self._is_answering:
            self._forsake(self.cycle)
            if self.cycle.response_started:
                self._close()
            else:
                self._answer_refusal(refusal)
            return
        if self._is_answering:
            self._connection.enter(Phase.ACTIVE)
        else:
            self._answer_refusal(refusal)

    def _answer_refusal(self, refusal: Refused) -> None:
        # Whoever still sends the body of a request that was answered knows what became of it.
        if not (self._awaits_body and self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.write(self._render(refusal))
        self._linger()

    def _linger(self) -> None:
        """Close the half that writes, and let pass what comes: a socket closed with bytes unread takes back its answer.

        RFC 9112, section 9.6.
        """
        self._is_deaf = True
        self.flow.resume_reading()
        if not self.transport.is_closing():
            self.transport.write_eof()
        self._connection.enter(Phase.DRAINING)

    def _render(self, refusal: Refused, more: bytes = b"") -> bytes:
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
    def _forsake(cycle: RequestResponseCycle | None) -> None:
        """Tell the application of `cycle` that its client has gone."""
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def time_out(self, phase: Phase) -> bool:
        """End what has been in `phase` for too long: with 408 where the client has begun to speak."""
        if phase in (Phase.UNREAD, Phase.CLOSING):
            return self._abort_unless_read()
        if phase not in _LATE:
            self._close()
            return True
        if self.flow.read_paused or (phase is Phase.BODY and self._is_body_in_time()):
            return False
        self._refuse(Refused(HTTPStatus.REQUEST_TIMEOUT, _LATE[phase]))
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
        # Of a window in which nothing was read for a while, the client had a part alone.
        is_ours = self._body_was_paused or self.cycle.waiting_for_100_continue
        self._body_bytes, self._body_was_paused = 0, False
        return is_ours or received >= limits.body_bytes_per_second * limits.body_window_seconds

    def _close(self) -> None:
        """Close when what was sent has been taken, or no more of it is being taken."""
        self._untaken_bytes = self.transport.get_write_buffer_size()
        self.transport.close()
        self._connection.enter(Phase.CLOSING)

    def _abort_unless_read(self) -> bool:
        before, self._untaken_bytes = self._untaken_bytes, self.transport.get_write_buffer_size()
        if self._untaken_bytes < before:
            return False
        self.transport.abort()
        return True


class _UnreadTransport:
    """What an answer needs of a transport, for one whose request may still be coming when it ends."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.close = close
        self.write = transport.write
        self.is_closing = transport.is_closing
