"""WebSockets as uvicorn speaks them, which also take text that is ready: for a thousand sockets it is the same.

Otherwise an event goes through ten calls of ASGI and of the library for each socket, of which none changes it. Nearly
all that is left is the system call: what a socket is given before the event loop comes around is written together.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from execution_monitor.asgi_extensions import offer_to_send_now

# RFC 6455, section 5.2: a whole text, without a mask; and from which lengths on the length takes two or eight bytes.
_TEXT = b"\x81"
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 2**16
# What uvloop lets a socket's buffer hold before it says that there is no more room.
_MOST_WAITING_BYTES = 65_536
# What clients are told when the server stops (IANA's list of close codes), and how long they have to answer.
_RESTART, _STOPS = 1012, "The server stops; connect again."
_FAREWELL_SECONDS = 1.0
# For a client that reads what it did wrong only when it has sent all of it.
_LINGER_SECONDS = 30.0


class LoopRound:
    """One coming around of the event loop, and what is written at its end."""

    def __init__(self) -> None:
        self.number = 0
        self._is_begun = False
        self._waiting: list[ReadyFrames] = []

    def begin(self) -> None:
        """Let this round end when the event loop comes around."""
        if not self._is_begun:
            self._is_begun = True
            asyncio.get_running_loop().call_soon(self._end)

    def wait(self, socket: "ReadyFrames") -> None:
        """Let `socket` write at the end."""
        self._waiting.append(socket)

    def _end(self) -> None:
        self.number += 1
        self._is_begun = False
        waiting, self._waiting = self._waiting, []
        for socket in waiting:
            socket.write_waiting()


class ReadyFrames(WebSocketsSansIOProtocol):
    """A WebSocket whose application may send text at once: the first of a round is written, more of them together."""

    def __init__(self, *arguments: Any, loop_round: LoopRound, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._round = loop_round
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
        offer_to_send_now(cast("MutableMapping[str, Any]", self.scope), self._send_now)
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

    def _send_now(self, text: bytes) -> bool:
        if (
            not self.handshake_complete
            or self.close_sent
            or self.disconnected
            or not self._has_room
            or self.transport.is_closing()
            or self._waiting_bytes > _MOST_WAITING_BYTES
        ):
            return False
        frame = _head_of(len(text)) + text
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


@lru_cache(maxsize=1_024)
def _head_of(length: int) -> bytes:
    if length < _IN_TWO_BYTES:
        return _TEXT + bytes((length,))
    if length < _IN_EIGHT_BYTES:
        return _TEXT + b"\x7e" + length.to_bytes(2, "big")
    return _TEXT + b"\x7f" + length.to_bytes(8, "big")
