"""GraphQL over WebSocket: graphql-transport-ws, to the letter of PROTOCOL.md of enisdenjo/graphql-ws."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import orjson
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.credentials import has_credential
from execution_monitor.errors import (
    BadUserInput,
    ExecutionMonitorError,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from execution_monitor.graphql.errors import to_request_error
from execution_monitor.graphql.execution.event_renderer import Payloads
from execution_monitor.graphql.execution.executor import OperationExecutor
from execution_monitor.graphql.transport.transport_ws_protocol import (
    SUBPROTOCOL,
    CloseCode,
    CloseSocket,
    MessageType,
    invalid_message,
    operation_id_of,
    parse_message,
)
from execution_monitor.graphql.transport.websocket_sender import ClientGone, WebSocketSender
from execution_monitor.graphql.validation.operation import RequestErrors
from execution_monitor.graphql.validation.request import GraphQLRequest, parse_request
from execution_monitor.limits.streams import Ended, OpenStream, WaitingSocket
from execution_monitor.services import RequestServices


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Limits that the protocol leaves to the server."""

    init_seconds: float = 10.0  # until `connection_init`
    send_seconds: float = 20.0  # for a client to take a frame
    close_seconds: float = 3.0  # for the close frame, which a client that does not read will not take either
    operations: int = 100  # at once on one socket


class GraphQLTransportWSEndpoint:
    """Serves WebSockets with the subprotocol graphql-transport-ws."""

    def __init__(
        self, executor: OperationExecutor, services: RequestServices, limits: SocketLimits | None = None
    ) -> None:
        self.executor = executor
        self.services = services
        self.limits = limits or SocketLimits()

    async def handle(self, socket: WebSocket) -> None:
        """Serve one socket until either side closes it."""
        address = origin_of(socket.scope).address
        streams = self.services.streams
        waiting = streams.wait(address)
        try:
            await streams.take_turn(address)
            waiting.open()
        except ExecutionMonitorError as error:
            # Before it is accepted: an open socket costs more than a response.
            await socket.send_denial_response(_denial_response(error))
            return
        # Closed earlier than here as soon as the socket is authenticated.
        with contextlib.closing(waiting):
            if SUBPROTOCOL not in socket.scope["subprotocols"]:
                await socket.accept()
                await socket.close(*CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE.value)
                return
            await socket.accept(SUBPROTOCOL)
            await _Connection(self, socket, waiting).serve()


def _denial_response(error: ExecutionMonitorError) -> Response:
    body = orjson.dumps({"errors": [to_request_error(error)]})
    headers = {"Cache-Control": "no-store", **error.headers}
    return Response(body, error.status, headers, media_type="application/json")


class _Connection:
    """One accepted socket: its caller, and its operations by id."""

    def __init__(self, endpoint: GraphQLTransportWSEndpoint, socket: WebSocket, waiting: WaitingSocket) -> None:
        self._endpoint = endpoint
        self._socket = socket
        self._waiting = waiting
        self._origin = origin_of(socket.scope)
        self._caller: Caller | None = None
        self._stream: OpenStream | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._sender = WebSocketSender(socket, endpoint.limits.send_seconds, partial(self._close, CloseCode.TOO_SLOW))
        # Ends the reading: because no `connection_init` came in time, or because the server closes the socket.
        self._reading = asyncio.timeout(endpoint.limits.init_seconds)
        self._reads = True
        self._closed: CloseSocket | None = None

    async def serve(self) -> None:
        """Handle messages until either side closes the socket."""
        closed: CloseSocket | None = None
        try:
            async with self._reading:
                await self._read()
        except CloseSocket as error:
            closed = error
        except ClientGone:
            pass
        except TimeoutError:
            if not self._reading.expired():
                raise
            closed = self._closed or CloseSocket(CloseCode.CONNECTION_INITIALISATION_TIMEOUT)
        finally:
            await self._release()
        if closed is not None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(self._endpoint.limits.close_seconds):
                    await self._socket.close(closed.code, closed.reason)

    async def _release(self) -> None:
        """Give up what the socket holds, and end its operations."""
        self._reads = False
        self._waiting.close()
        self._endpoint.services.live.behind.forget(self._ping_delay)
        if self._stream is not None:
            self._stream.close()
        tasks = [*self._operations.values(), *self._sender.release()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _close(self, close: CloseCode, reason: str = "") -> None:
        """Close the socket from outside the reading."""
        if self._closed is not None or not self._reads:
            return
        self._closed = CloseSocket(close, reason)
        if not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            await self._handle(parse_message(received.get("text")))

    async def _handle(self, message: Mapping[str, Any]) -> None:
        match message.get("type"):
            case MessageType.CONNECTION_INIT:
                await self.handle_connection_init(message)
            case MessageType.PING:
                await self.handle_ping(message)
            case MessageType.PONG:
                pass
            case MessageType.SUBSCRIBE:
                self.handle_subscribe(message)
            case MessageType.COMPLETE:
                self.handle_complete(message)
            case _:
                raise invalid_message("unknown type")

    async def handle_connection_init(self, message: Mapping[str, Any]) -> None:
        """Authenticate the socket and acknowledge it.

        The token or key is in the payload, or in the headers of the handshake. The socket is closed when it expires.
        """
        if self._caller is not None:
            raise CloseSocket(CloseCode.TOO_MANY_INITIALISATION_REQUESTS)
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise invalid_message("the payload must be an object")
        self._caller = caller = await self._authenticate(cast("dict[str, Any]", payload or {}))
        stream = self._endpoint.services.streams.hold(caller, self._origin.address)
        try:
            ended = stream.open()
        except RateLimited as error:
            raise CloseSocket(CloseCode.TOO_MANY_CONNECTIONS, error.message) from error
        self._stream = stream
        self._waiting.close()
        if self._closed is None:
            self._reading.reschedule(None)
        ended.add_done_callback(self._close_with_token)
        await self._send({"type": MessageType.CONNECTION_ACK})
        self._endpoint.services.live.behind.listen(self._ping_delay)

    async def _authenticate(self, payload: Mapping[str, Any]) -> Caller:
        in_payload = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
        headers = in_payload if has_credential(in_payload) else self._socket.headers
        try:
            return await self._endpoint.services.admit(headers, self._origin)
        except Unauthenticated as error:
            raise CloseSocket(CloseCode.FORBIDDEN, f"Forbidden: {error.message}") from error
        except Unavailable as error:
            raise CloseSocket(CloseCode.TRY_AGAIN_LATER) from error

    def _close_with_token(self, ended: Ended) -> None:
        if not ended.cancelled():
            self._close(CloseCode.FORBIDDEN, f"Forbidden: {ended.result()}")

    def _ping_delay(self, seconds: int) -> bool:
        """Send how late live updates are: in a ping, which is not an event and needs no subscription."""
        return self._sender.push(b'{"type":"ping","payload":{"behindSeconds":%d}}' % seconds)

    async def handle_ping(self, message: Mapping[str, Any]) -> None:
        """Send a pong with the payload of the ping, at any time."""
        payload = message.get("payload")
        pong = {"type": MessageType.PONG}
        await self._send(pong if payload is None else {**pong, "payload": payload})

    def handle_subscribe(self, message: Mapping[str, Any]) -> None:
        """Start an operation; its id is in use until it ends."""
        if self._caller is None:
            raise CloseSocket(CloseCode.UNAUTHORIZED)
        operation_id = operation_id_of(message)
        if operation_id in self._operations:
            raise CloseSocket(CloseCode.SUBSCRIBER_ALREADY_EXISTS, f"Subscriber for {operation_id} already exists")
        if len(self._operations) >= self._endpoint.limits.operations:
            raise CloseSocket(CloseCode.TOO_MANY_OPERATIONS)
        try:
            request = parse_request(message.get("payload"))
        except BadUserInput as error:
            raise invalid_message(error.message) from error
        task = asyncio.create_task(self._run(operation_id, request, self._caller))
        self._operations[operation_id] = task
        task.add_done_callback(partial(self._forget, operation_id))

    def handle_complete(self, message: Mapping[str, Any]) -> None:
        """End an operation; one that has ended already, or never was, is ignored."""
        task = self._operations.pop(operation_id_of(message), None)
        if task is not None:
            task.cancel()

    def _forget(self, operation_id: str, task: asyncio.Task[None]) -> None:
        if self._operations.get(operation_id) is task:
            del self._operations[operation_id]
        if not task.cancelled() and not isinstance(task.exception(), ClientGone | None):
            self._close(CloseCode.SERVICE_RESTART, "Something went wrong here; connect again")

    async def _run(self, operation_id: str, request: GraphQLRequest, caller: Caller) -> None:
        """Send the payloads of one operation in `next` messages, then `complete`, or `error` instead of all."""
        # The payload is shared by many sockets; only the text before it is this one's.
        before = b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'
        try:
            executable = await self._endpoint.executor.prepare(request, caller, self._origin)
            # Subscriptions last: equal requests share one text, that of the validated operation.
            del request
            payloads = await self._endpoint.executor.stream(executable, _Sink(self._sender, before))
            async with contextlib.aclosing(payloads):
                async for payload in payloads:
                    await self._sender.send(before + payload + b"}")
        except RequestErrors as error:
            await self._send({"id": operation_id, "type": MessageType.ERROR, "payload": error.errors})
        except ExecutionMonitorError as error:
            await self._send({"id": operation_id, "type": MessageType.ERROR, "payload": [to_request_error(error)]})
        else:
            await self._send({"id": operation_id, "type": MessageType.COMPLETE})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._sender.send(orjson.dumps(message))


class _Sink:
    """Where the payloads of one operation go: into messages that begin with `before`."""

    __slots__ = ("_before", "_sender")

    def __init__(self, sender: WebSocketSender, before: bytes) -> None:
        self._sender = sender
        self._before = before

    def push(self, payload: bytes) -> bool:
        return self._sender.push(self._before + payload + b"}")

    def push_all(self, payloads: Payloads) -> bool:
        return self._sender.push_all(self._before, payloads)
