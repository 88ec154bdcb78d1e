"""WebSockets as uvicorn speaks them, which also take text that is ready: for a thousand sockets it is the same.

Otherwise an event goes through ten calls of ASGI and of the library for each socket, of which none changes it. Nearly
all that is left is the system call: what a socket is given before the event loop comes around is written together.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any, cast

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from execution_monitor.asgi.extensions import BEHIND_KEY, Delay, offer_to_send_now
from execution_monitor.asgi.websocket_frames import SharedTexts, head_of

# What uvloop lets a socket's buffer hold before it says that there is no more room.
_MOST_WAITING_BYTES = 65_536
_MOST_TOGETHER_BYTES = 131_072
# What clients are told when the server stops (IANA's list of close codes), and how long they have to answer.
_RESTART, _STOPS = 1012, "The server stops; connect again."
_FAREWELL_SECONDS = 1.0
# For a client that reads what it did wrong only when it has sent all of it.
_LINGER_SECONDS = 30.0


class LoopIteration:
    """One coming around of the event loop, and what is written at its end."""

    def __init__(self) -> None:
        self.number = 0
        self._is_begun = False
        self._waiting: list[WebSocketProtocol] = []

    def begin(self) -> None:
        """Let this round end when the event loop comes around."""
        if not self._is_begun:
            self._is_begun = True
            asyncio.get_running_loop().call_soon(self._end)

    def wait(self, socket: "WebSocketProtocol") -> None:
        """Let `socket` write at the end."""
        self._waiting.append(socket)

    def _end(self) -> None:
        self.number += 1
        self._is_begun = False
        waiting, self._waiting = self._waiting, []
        for socket in waiting:
            socket.write_waiting()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket whose application may send text at once: the first of a round is written, more of them together."""

    def __init__(self, *arguments: Any, loop_iteration: LoopIteration, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._round = loop_iteration
        self._written_in = -1
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._has_room = True
        self._is_deaf = False
        # Called when the connection is lost.
        self.on_lost: Callable[[], object] | None = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if not self._is_deaf:
            super().data_received(data)

    @property
    def pending_ping_payload(self) -> bytes | None:
        """What the ping that waits for its answer carries: uvicorn's mark, and how late live updates are."""
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
        # Everything in the order in which it was sent.
        self.write_waiting()
        await super().send(message)
        if self.close_sent and not self.handshake_complete:
            # A handshake that is refused is complete as well; uvicorn takes it for a failure.
            self.handshake_complete = True

    @override
    def handle_parser_exception(self) -> None:
        # uvicorn closes while the client may still send, and a socket that is closed with bytes unread takes back what
        # was sent last: the reason.
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close else (1002, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._is_deaf = True
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
        # Nothing may be sent behind that.
        self.disconnected = True
        self.close_timer = self.loop.call_later(_FAREWELL_SECONDS, self.transport.close)

    def write_waiting(self) -> None:
        """Write what waits for the end of the round."""
        if self._waiting:
            frames, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if not self.transport.is_closing():
                self.transport.write(b"".join(frames))

    @property
    def _takes_more(self) -> bool:
        return (
            self.handshake_complete
            and not self.close_sent
            and not self.disconnected
            and self._has_room
            and not self.transport.is_closing()
            and self._waiting_bytes <= _MOST_WAITING_BYTES
        )

    def _send_all(self, beginning: bytes, texts: SharedTexts) -> bool:
        # What a socket has no room for stays in its buffer, and there may be thousands.
        if texts.size > _MOST_TOGETHER_BYTES or not self._takes_more:
            return False
        self.write_waiting()
        self.transport.write(texts.frames(beginning))
        return True

    def _send_now(self, text: bytes) -> bool:
        if not self._takes_more:
            return False
        frame = head_of(len(text)) + text
        if self._written_in != self._round.number:
            self._round.begin()
            self._written_in = self._round.number
            self.transport.write(frame)
        else:
            if not self._waiting:
                self._round.wait(self)
            self._waiting.append(frame)
            self._waiting_bytes += len(frame)
        return True
