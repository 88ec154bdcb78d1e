"""A subscriber that costs next to nothing: it counts frames and notes when they came, and reads none of them.

A library's client takes longer to hand over a message than the server takes to send it; a hundred of those beside the
server on one machine measure themselves.
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
# RFC 6455, section 5.2: what a length of seven bits stands for.
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a subscriber says, each message when the one before it was answered.

    `answers` is how many messages come before those of changes.
    """

    messages: Sequence[Mapping[str, Any]]
    answers: int


def over_graphql(token: str, query: str) -> Conversation:
    """graphql-transport-ws with one subscription, which is not answered."""
    opening = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
    return Conversation([opening, {"id": "1", "type": "subscribe", "payload": {"query": query}}], answers=1)


class Socket(asyncio.Protocol):
    """The client's end of one WebSocket; what is said and what is heard is up to those derived from it."""

    def __init__(self, host: str, port: int) -> None:
        self._handshake = _HANDSHAKE.format(host=host, port=port).encode()
        self._buffer = bytearray()
        self._is_open = False

    def opened(self) -> None:
        """The server has switched to WebSockets."""

    def refused(self, head: bytes) -> None:
        """The server has answered with something else; `head` ends with its empty line."""
        raise AssertionError(head)

    def hear(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        """Take in a text: it is `buffer[begins:ends]`, for as long as this call lasts."""
        raise NotImplementedError

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has one without saying so.
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
                self.refused(head)
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
                self.hear(buffer, begins, ends, now)
            elif kind == _PING:
                self._send(_PONG, bytes(buffer[begins:ends]))
            else:
                self.transport.close()
            start = ends
        del buffer[:start]

    def say(self, text: bytes) -> None:
        """Send a text."""
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
        self._to_say = list(map(orjson.dumps, conversation.messages))
        self._answers = conversation.answers
        self.times: list[float] = []  # of messages behind the answers, by time.monotonic
        self.is_ready = asyncio.Event()  # it has said everything, and is answered

    @override
    def opened(self) -> None:
        self.say(self._to_say.pop(0))

    @override
    def hear(self, buffer: bytearray, begins: int, ends: int, now: float) -> None:
        if self.is_ready.is_set():
            self.times.append(now)
            return
        self._answers -= 1
        if self._to_say:
            self.say(self._to_say.pop(0))
        if not self._answers:
            self.is_ready.set()


async def listen(host: str, port: int, conversation: Conversation) -> Listener:
    """A listener that has asked for its subscription; raises `TimeoutError` where the server does not answer."""
    loop = asyncio.get_running_loop()
    _, listener = await loop.create_connection(lambda: Listener(host, port, conversation), host, port)
    async with asyncio.timeout(30):
        await listener.is_ready.wait()
    return listener
