"""uvicorn's WebSocket protocol, with a fast path for text that is sent to many sockets.

Through ASGI and the library an event takes ten calls for each socket, none of which changes it. On the fast path nearly
all that is left is the system call; what one socket sends in one iteration of the event loop is written together.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any, cast

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from execution_monitor.asgi.extensions import BEHIND_KEY, Delay, offer_to_send_now
from execution_monitor.asgi.websocket_frames import SharedTexts, frame_header

# What a socket's buffer in uvloop holds before it pauses writing.
_MAX_WAITING_BYTES = 65_536
_MAX_SHARED_BYTES = 131_072
# The close frame when the server stops (IANA's registry of close codes), and how long clients have to respond to it.
_RESTART, _STOPS = 1012, "The server stops; connect again."
_CLOSE_SECONDS = 1.0
# For a client that reads the reason of a close only after it has sent everything.
_LINGER_SECONDS = 30.0


class LoopIteration:
    """The current iteration of the event loop, and the sockets that write at its end."""

    def __init__(self) -> None:
        self.number = 0
        self._is_begun = False
        self._waiting: list[WebSocketProtocol] = []

    def begin(self) -> None:
        """Have this iteration end, once all callbacks that are ready have run."""
        if not self._is_begun:
            self._is_begun = True
            asyncio.get_running_loop().call_soon(self._end)

    def wait(self, socket: "WebSocketProtocol") -> None:
        """Have `socket` write at the end."""
        self._waiting.append(socket)

    def _end(self) -> None:
        self.number += 1
        self._is_begun = False
        waiting, self._waiting = self._waiting, []
        for socket in waiting:
            socket.write_waiting()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket with `send_now` and `send_all`: in one iteration the first text is written at once."""

    def __init__(self, *arguments: Any, loop_iteration: LoopIteration, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._iteration = loop_iteration
        self._written_in = -1
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._has_room = True
        self._ignores_input = False
        # Called when the connection is lost.
        self.on_lost: Callable[[], object] | None = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if not self._ignores_input:
            super().data_received(data)

    @property
    def pending_ping_payload(self) -> bytes | None:
        """The payload of the ping that waits for its pong: uvicorn's mark, and how late live updates are."""
        return self._ping_payload

    @pending_ping_payload.setter
    def pending_ping_payload(self, mark: bytes | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride] - uvicorn only sets and compares it
        delay: Delay | None = self.app_state.get(BEHIND_KEY)
        if mark is None or delay is None:
            self._ping_payload = mark
        else:
            self._ping_payload = b'{"behindSeconds":%d,"id":"%s"}' % (delay.seconds_to_report, mark.hex().encode())

    @override
    def pause_writing(self) -> None:
        self._has_room = False
        super().pause_writing()

    @override
    def resume_writing(self) -> None:
        self._has_room = True
        super().resume_writing()

    @override
    async def run_asgi(self) -> None:
        offer_to_send_now(cast("MutableMapping[str, Any]", self.scope), self._send_now, self._send_all)
        await super().run_asgi()

    @override
    async def send(self, message: Any) -> None:
        # In the order in which they were sent.
        self.write_waiting()
        await super().send(message)
        if self.close_sent and not self.handshake_complete:
            # A refused handshake is complete, too; uvicorn takes it for a failure.
            self.handshake_complete = True

    @override
    def handle_parser_exception(self) -> None:
        # uvicorn closes while the client may still send, and the kernel resets a connection that is closed with bytes
        # unread: the client may lose the reason.
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close else (1002, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._ignores_input = True
        self.stop_keepalive()
        if self.close_timer is not None:
            self.close_timer.cancel()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    @override
    def shutdown(self) -> None:
        if self.transport.is_closing():
            return
        if self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        if not self.handshake_complete:
            response = self.conn.reject(HTTPStatus.SERVICE_UNAVAILABLE, f"{_STOPS}\n")
            response.headers["Retry-After"] = "1"
            self.conn.send_response(response)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
            return
        self.write_waiting()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": _RESTART, "reason": _STOPS})
        self.conn.send_close(_RESTART, _STOPS)
        self.transport.write(b"".join(self.conn.data_to_send()))
        # Nothing may be sent after that.
        self.disconnected = True
        self.close_timer = self.loop.call_later(_CLOSE_SECONDS, self.transport.close)

    def write_waiting(self) -> None:
        """Write what waits for the end of the iteration."""
        if self._waiting:
            frames, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if not self.transport.is_closing():
                self.transport.write(b"".join(frames))

    @property
    def _has_capacity(self) -> bool:
        return (
            self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and self._has_room
            and not self.transport.is_closing()
            and self._waiting_bytes <= _MAX_WAITING_BYTES
        )

    def _send_all(self, beginning: bytes, texts: SharedTexts) -> bool:
        # What does not fit stays in the buffer of each socket, and there may be thousands.
        if texts.size > _MAX_SHARED_BYTES or not self._has_capacity:
            return False
        self.write_waiting()
        self.transport.write(texts.frames(beginning))
        return True

    def _send_now(self, text: bytes) -> bool:
        if not self._has_capacity:
            return False
        frame = frame_header(len(text)) + text
        if self._written_in != self._iteration.number:
            self._iteration.begin()
            self._written_in = self._iteration.number
            self.transport.write(frame)
        else:
            if not self._waiting:
                self._iteration.wait(self)
            self._waiting.append(frame)
            self._waiting_bytes += len(frame)
        return True
