"""Live updates of REST: a WebSocket and a stream of Server-Sent Events, with a message for every change."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from enum import Enum
from functools import partial

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from typing_extensions import override

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.asgi.heartbeat import heartbeat_comment, with_heartbeats
from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import (
    BadUserInput,
    DatabaseUnavailable,
    ExecutionMonitorError,
    Forbidden,
    RateLimited,
    Unauthenticated,
)
from execution_monitor.limits.streams import Ended
from execution_monitor.live.lag import LagMeter
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.rest.list_request import read_live_filter
from execution_monitor.rest.live_messages import render
from execution_monitor.rest.openapi import SOCKET_PATH, STREAM_PATH
from execution_monitor.services import RequestServices

# A browser cannot send headers with a WebSocket. A subprotocol, unlike an address, is not written into logs.
TOKEN_SUBPROTOCOL = "bearer"  # noqa: S105 - the name of a protocol

_SEND_SECONDS = 20.0  # for a client to take a message
_CLOSE_SECONDS = 3.0  # for a client to take the close, which one that does not read will not
_RETRY = b"retry: 2000\n"  # milliseconds until an EventSource connects again


class CloseCode(Enum):
    """Why the server closes a socket; 4400 and above are ours, the others RFC 6455's."""

    INVALID_PARAMETER = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403  # also when the token expires or is revoked
    TOO_MANY = 4429
    TOO_SLOW = 1013
    UNAVAILABLE = 1011
    RESTART = 1012


_CLOSES: Mapping[type[ExecutionMonitorError], CloseCode] = {
    BadUserInput: CloseCode.INVALID_PARAMETER,
    Unauthenticated: CloseCode.UNAUTHENTICATED,
    Forbidden: CloseCode.FORBIDDEN,
    RateLimited: CloseCode.TOO_MANY,
    DatabaseUnavailable: CloseCode.UNAVAILABLE,
}


def live_routes(services: RequestServices) -> list[BaseRoute]:
    """The routes of the socket and the stream; they must come before the one that takes any execution's id."""
    return [
        Route(STREAM_PATH, partial(stream_executions, services)),
        WebSocketRoute(SOCKET_PATH, partial(watch_executions, services)),
    ]


async def stream_executions(services: RequestServices, request: Request) -> Response:
    """Respond with Server-Sent Events, one for each change of the executions that the query parameters select."""
    caller = await services.admit(request.headers, origin_of(request.scope))
    after = request.headers.get("last-event-id") or None
    async with contextlib.AsyncExitStack() as resources:
        operation = _operation(request, caller, "streamExecutions")
        outcome = await resources.enter_async_context(services.observers.observe(operation))
        subscriber = await services.live.subscribe(caller, read_live_filter(request.query_params), after)
        resources.callback(subscriber.close)
        ended = resources.enter_context(services.streams.hold(caller, operation.origin.address))
        return _EventStream(_frames(subscriber, ended, outcome, services.live.behind), resources.pop_all())


def _operation(connection: HTTPConnection, caller: Caller, name: str) -> Operation:
    parameters = connection.query_params
    return Operation(
        caller,
        origin_of(connection.scope),
        OperationKind.SUBSCRIPTION,
        name,
        arguments=lambda: {name: dict(parameters)},
    )


class _EventStream(StreamingResponse):
    """Server-Sent Events of a subscription; `resources` are closed even if the client left before the first."""

    def __init__(self, frames: AsyncGenerator[bytes], resources: contextlib.AsyncExitStack) -> None:
        headers = {**NO_STORE, "X-Accel-Buffering": "no"}
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._resources = resources

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources:
            await super().__call__(scope, receive, send)


async def _frames(subscriber: Subscriber, ended: Ended, outcome: Outcome, behind: LagMeter) -> AsyncGenerator[bytes]:
    # An id alone is no event; it is where a client resumes that loses the connection before the first event.
    yield _RETRY + b"id: " + subscriber.cursor.encode() + b"\n\n"
    async with contextlib.aclosing(with_heartbeats(_events(subscriber, outcome), ended)) as paced:
        async for event in paced:
            yield heartbeat_comment(behind.seconds_to_report) if event is None else event


async def _events(subscriber: Subscriber, outcome: Outcome) -> AsyncGenerator[bytes]:
    with contextlib.closing(subscriber):
        async for delivery in subscriber:
            outcome.deliver(delivery.execution_id)
            yield b"id: " + delivery.cursor.encode() + b"\ndata: " + render(delivery) + b"\n\n"


async def watch_executions(services: RequestServices, socket: WebSocket) -> None:
    """Serve one WebSocket: a text message for each change of the executions that the query parameters select."""
    offered: list[str] = socket.scope["subprotocols"]
    has_token = len(offered) == 2 and offered[0] == TOKEN_SUBPROTOCOL  # noqa: PLR2004 - the name and the token
    accepted = TOKEN_SUBPROTOCOL if has_token else None
    try:
        headers = {"authorization": f"Bearer {offered[1]}"} if has_token else socket.headers
        caller = await services.admit(headers, origin_of(socket.scope))
        operation = _operation(socket, caller, "watchExecutions")
        async with services.observers.observe(operation) as outcome:
            subscriber = await services.live.subscribe(caller, read_live_filter(socket.query_params))
            # Accepted only now, so that a client that is connected gets every change from here on.
            held = services.streams.hold(caller, operation.origin.address)
            with contextlib.closing(subscriber), held as ended:
                await socket.accept(accepted)
                close, reason = await _follow(socket, subscriber, ended, outcome)
    except ExecutionMonitorError as error:
        found = next((close for kind, close in _CLOSES.items() if isinstance(error, kind)), CloseCode.UNAVAILABLE)
        # A browser shows a page the code and reason of a close, but nothing of a refused handshake.
        await socket.accept(accepted)
        await _close(socket, found, error.message)
        return
    await _close(socket, close, reason)


async def _follow(socket: WebSocket, subscriber: Subscriber, ended: Ended, outcome: Outcome) -> tuple[CloseCode, str]:
    """Send what happens until either side ends it; return why the server does."""
    sending = asyncio.create_task(_send(socket, subscriber, outcome))
    leaving = asyncio.create_task(_wait_for_disconnect(socket))
    try:
        await asyncio.wait({sending, leaving, ended}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not leaving.done():
            return sending.result()
        return CloseCode.FORBIDDEN, ended.result() if ended.done() else ""
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send(socket: WebSocket, subscriber: Subscriber, outcome: Outcome) -> tuple[CloseCode, str]:
    async for delivery in subscriber:
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await socket.send_text(render(delivery).decode())
            outcome.deliver(delivery.execution_id)
        except TimeoutError:
            return CloseCode.TOO_SLOW, "Read what is sent, or narrow the filter."
        except (WebSocketDisconnect, RuntimeError):
            break
    return CloseCode.RESTART, "The server stops; connect again."


async def _wait_for_disconnect(socket: WebSocket) -> None:
    # Clients have nothing to send here; whatever they send is ignored.
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _close(socket: WebSocket, close: CloseCode, reason: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            # A reason has room for 123 bytes (RFC 6455, section 5.5).
            await socket.close(close.value, reason.encode()[:123].decode(errors="ignore"))
