"""A WebSocket client that costs next to nothing: it counts messages and their times, and parses none of them.

A library's client takes longer to deliver a message than the server takes to send it: a hundred of those on the machine
of the server would measure themselves.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from typing_extensions import override

_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
# RFC 6455, section 5.2: lengths of seven bits that announce a longer one.
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages of a subscriber, each sent when the one before it was answered.

    `answers` is the number of messages that come before those of changes.
    """

    messages: Sequence[Mapping[str, Any]]
    answers: int


def over_graphql(token: str, query: str) -> Conversation:
    """graphql-transport-ws with one subscription, to which the server sends no answer."""
    opening = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
    return Conversation([opening, {"id": "1", "type": "subscribe", "payload": {"query": query}}], answers=1)


class Socket(asyncio.Protocol):
    """The client's end of one WebSocket; subclasses send and receive."""

    def __init__(self, host: str, port: int) -> None:
        self._handshake = _HANDSHAKE.format(host=host, port=port).encode()
        self._buffer = bytearray()
        self._is_open = False

    def opened(self) -> None:
        """The server has switched to WebSockets."""

    def handshake_refused(self, head: bytes) -> None:
        """The server has refused to switch; `head` is that of its response."""
        raise AssertionError(head)

    def text_received(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        """A text message has arrived; it is `buffer[begins:ends]` during this call only."""
        raise NotImplementedError

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._handshake)

    @override
    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        if not self._is_open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[: end + 4])
            if not head.startswith(b"HTTP/1.1 101"):
                self.transport.close()
                self.handshake_refused(head)
                return
            del self._buffer[: end + 4]
            self._is_open = True
            self.opened()
        self._read_frames(now)

    def _read_frames(self, now: float) -> None:
        buffer, start = self._buffer, 0
        while len(buffer) - start >= 2:
            kind, length, begins = buffer[start], buffer[start + 1], start + 2
            if length >= _TWO_BYTES:
                size = 2 if length < _EIGHT_BYTES else 8
                length, begins = int.from_bytes(buffer[begins : begins + size]), begins + size
            ends = begins + length
            if len(buffer) < ends:
                break
            if kind == _TEXT:
                self.text_received(buffer, begins, ends, now)
            elif kind == _PING:
                self._send(_PONG, bytes(buffer[begins:ends]))
            else:
                self.transport.close()
            start = ends
        del buffer[:start]

    def send_text(self, text: bytes) -> None:
        """Send a text message."""
        self._send(_TEXT, text)

    def _send(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < _TWO_BYTES else bytes([0x80 | _TWO_BYTES]) + size.to_bytes(2)
        # A mask of zeros leaves the payload as it is.
        self.transport.write(bytes([kind]) + length + bytes(4) + payload)


class Listener(Socket):
    """One socket with one subscription."""

    def __init__(self, host: str, port: int, conversation: Conversation) -> None:
        super().__init__(host, port)
        self._messages = list(map(orjson.dumps, conversation.messages))
        self._answers = conversation.answers
        self.times: list[float] = []  # of messages after the answers, by time.monotonic
        self.is_ready = asyncio.Event()  # all messages are sent and answered

    @override
    def opened(self) -> None:
        self.send_text(self._messages.pop(0))

    @override
    def text_received(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        if self.is_ready.is_set():
            self.times.append(now)
            return
        self._answers -= 1
        if self._messages:
            self.send_text(self._messages.pop(0))
        if not self._answers:
            self.is_ready.set()


async def listen(host: str, port: int, conversation: Conversation) -> Listener:
    """A subscribed listener.

    Raises:
        TimeoutError: If the server does not answer.
    """
    loop = asyncio.get_running_loop()
    _, listener = await loop.create_connection(lambda: Listener(host, port, conversation), host, port)
    async with asyncio.timeout(30):
        await listener.is_ready.wait()
    return listener
