"""Middleware that ends streams when the server stops, so that their clients reconnect to another one."""

import asyncio
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.asgi.shutdown import Draining


class DisconnectMiddleware:
    """ASGI middleware that ends the streams of HTTP when `draining` begins.

    A stream is a response whose application still waits for messages after it has read the whole request. The
    application gets a disconnect, and the response ends without a completion event: so clients reconnect and resume.
    The server itself closes WebSockets.
    """

    def __init__(self, app: ASGIApp, draining: Draining) -> None:
        self._app = app
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _Exchange(receive, send, self._draining)
        await self._app(scope, response.receive, response.send)
        if response.was_ended:
            await response.end(scope)


class _Exchange:
    def __init__(self, receive: Receive, send: Send, draining: Draining) -> None:
        self._receive = receive
        self._send = send
        self._draining = draining
        self._is_read = False
        self._has_begun = False
        self._is_complete = False
        self.was_ended = False

    async def receive(self) -> Message:
        if self._is_read:
            return await self._wait_for_disconnect()
        message = await self._receive()
        self._is_read = not message.get("more_body", False)
        return message

    async def _wait_for_disconnect(self) -> Message:
        receiving = asyncio.ensure_future(self._receive())
        self._draining.on_begin(receiving.cancel)
        try:
            await asyncio.wait({receiving})
        finally:
            self._draining.forget(receiving.cancel)
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
        if receiving.cancelled():
            self.was_ended = True
            return {"type": "http.disconnect"}
        return receiving.result()

    async def send(self, message: Message) -> None:
        self._has_begun = True
        self._is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def end(self, scope: Scope) -> None:
        """Complete the response, so that the client can tell it from a broken connection."""
        if not self._has_begun:
            headers = {**NO_STORE, "Retry-After": "1"}
            await Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)(
                scope, self._receive, self._send
            )
        elif not self._is_complete:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
