"""Sending to one WebSocket: at once while the client has room for it, else one after another within a time limit."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from execution_monitor.asgi.eager_tasks import start_eagerly
from execution_monitor.asgi.extensions import send_all_of, send_now_of
from execution_monitor.asgi.websocket_frames import SharedTexts
from execution_monitor.graphql.execution.event_renderer import Payloads


class ClientGone(Exception):
    """The client has left; the task that reads from the socket finds out, too."""


class WebSocketSender:
    """Sends text frames over `socket`; calls `on_too_slow` when the client does not take one in `send_seconds`."""

    __slots__ = ("_on_too_slow", "_send_all", "_send_now", "_send_seconds", "_sending", "_socket")

    def __init__(self, socket: WebSocket, send_seconds: float, on_too_slow: Callable[[], None]) -> None:
        self._socket = socket
        self._send_seconds = send_seconds
        self._on_too_slow = on_too_slow
        self._send_now = send_now_of(socket.scope)
        self._send_all = send_all_of(socket.scope)
        self._sending: asyncio.Task[None] | None = None  # a frame that the client has no room for yet

    async def send(self, text: bytes) -> None:
        """Send `text` after all before it has been sent; return when it has been sent, too.

        Raises:
            ClientGone: the socket is closed.
        """
        while self._sending is not None:
            await asyncio.wait({self._sending})
        try:
            self._begin_to_send(text)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ClientGone from error
        if self._sending is not None:
            await asyncio.wait({self._sending})

    def push(self, text: bytes) -> bool:
        """Send `text` without waiting; returns False where something before it is still being sent."""
        if self._sending is not None:
            return False
        if self._send_now is not None:
            return self._send_now(text)
        try:
            self._begin_to_send(text)
        except (WebSocketDisconnect, RuntimeError):
            return False
        return True

    def push_all(self, before: bytes, payloads: Payloads) -> bool:
        """Send all of `payloads`, each as the text `before`, itself and `}`, without waiting; returns False for none.

        The endings of these texts are the same for all sockets, and are made once.
        """
        if self._sending is not None or self._send_all is None:
            return False
        return self._send_all(before, payloads.shared.once(SharedTexts, _shared_texts_of, payloads))

    def release(self) -> list[asyncio.Task[None]]:
        """Call `on_too_slow` no more; returns the task that still sends a frame, if there is one."""
        # It refers to the owner of this sender; without that circle neither waits for the garbage collector.
        self._on_too_slow = _ignore
        return [] if self._sending is None else [self._sending]

    def _begin_to_send(self, text: bytes) -> None:
        # Text that the client has room for is sent at once: a task and a time limit for each would cost more than
        # sending it.
        rest = start_eagerly(self._socket.send({"type": "websocket.send", "text": text.decode()}))
        if rest is not None:
            self._sending = asyncio.create_task(self._finish_sending(rest))

    async def _finish_sending(self, rest: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._send_seconds):
                await rest
        except TimeoutError:
            self._on_too_slow()
        except (WebSocketDisconnect, RuntimeError):
            # The client has left; the task that reads from the socket finds out, too.
            pass
        finally:
            self._sending = None


def _shared_texts_of(payloads: Payloads) -> SharedTexts:
    return SharedTexts([payload + b"}" for payload in payloads.payloads])


def _ignore() -> None:
    """Called instead of `on_too_slow` after the release."""
