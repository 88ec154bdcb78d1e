"""graphql-transport-ws: operations over a WebSocket, to the letter of its PROTOCOL.md (enisdenjo/graphql-ws)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, cast

import orjson
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from execution_monitor.asgi.authentication import Admit
from execution_monitor.asgi.eager_tasks import run_ahead
from execution_monitor.asgi.extensions import send_all_of, send_now_of
from execution_monitor.asgi.origin import origin_of
from execution_monitor.asgi.websocket_frames import SharedTexts
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import (
    BadUserInput,
    DatabaseUnavailable,
    ExecutionMonitorError,
    IssuerUnavailable,
    RateLimited,
    Unauthenticated,
)
from execution_monitor.graphql.errors import show
from execution_monitor.graphql.execution.event_renderer import Payloads
from execution_monitor.graphql.execution.executor import Operations
from execution_monitor.graphql.validation.operation import RequestErrors
from execution_monitor.graphql.validation.request import GraphQLRequest, to_request
from execution_monitor.limits.streams import Ended, Session, Sessions, Waiting
from execution_monitor.live.lag import LagMeter

SUBPROTOCOL = "graphql-transport-ws"


class Close(Enum):
    """Why the server closes a socket: the protocol's codes and reasons."""

    INVALID_MESSAGE = (4400, "Invalid message")
    UNAUTHORIZED = (4401, "Unauthorized")
    FORBIDDEN = (4403, "Forbidden")
    NO_SUBPROTOCOL = (4406, "Subprotocol not acceptable")
    INIT_TIMEOUT = (4408, "Connection initialisation timeout")
    SUBSCRIBER_EXISTS = (4409, "Subscriber already exists")
    TOO_MANY_INITS = (4429, "Too many initialisation requests")
    TOO_MANY_OPERATIONS = (4429, "Too many operations")
    TOO_MANY_CONNECTIONS = (4429, "Too many connections")
    TRY_LATER = (1013, "Try again later")
    TOO_SLOW = (1013, "Too slow")
    RESTART = (1012, "Service restart")


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What the protocol leaves to the server."""

    init_seconds: float = 10.0  # for the first message
    send_seconds: float = 20.0  # for a client to take what is sent to it
    close_seconds: float = 3.0  # for the farewell, which whoever does not read will not take either
    operations: int = 100  # at once on one socket


class _Closed(Exception):
    def __init__(self, close: Close, detail: str = "") -> None:
        super().__init__(close.name)
        self.code = close.value[0]
        # A reason has room for 123 bytes (RFC 6455, section 5.5).
        self.reason = (detail or close.value[1]).encode()[:123].decode(errors="ignore")


class _Gone(Exception):
    """The client has left; what reads learns it as well."""


class TransportWS:
    """Serves the protocol to every socket that asks for it."""

    def __init__(
        self,
        operations: Operations,
        admit: Admit,
        sessions: Sessions,
        behind: LagMeter,
        limits: SocketLimits | None = None,
    ) -> None:
        self._operations = operations
        self._admit = admit
        self._sessions = sessions
        self._behind = behind
        self._limits = limits or SocketLimits()

    async def handle(self, socket: WebSocket) -> None:
        """Serve one socket until either side closes it."""
        address = origin_of(socket.scope).address
        waiting = self._sessions.wait(address)
        try:
            await self._sessions.take_turn(address)
            waiting.open()
        except ExecutionMonitorError as error:
            # Before it is accepted: a socket that is open costs more than an answer.
            await socket.send_denial_response(_denial_of(error))
            return
        # Closed, too, as soon as it is known whose socket this is.
        with contextlib.closing(waiting):
            if SUBPROTOCOL not in socket.scope["subprotocols"]:
                await socket.accept()
                await socket.close(*Close.NO_SUBPROTOCOL.value)
                return
            await socket.accept(SUBPROTOCOL)
            connection = _Connection(
                socket, self._operations, self._admit, self._sessions, self._behind, self._limits, waiting
            )
            await connection.serve()


def _denial_of(error: ExecutionMonitorError) -> Response:
    headers = {"Cache-Control": "no-store", **error.headers}
    return Response(orjson.dumps({"errors": [show(error)]}), error.status, headers, media_type="application/json")


class _Connection:
    """One socket: its caller, and its operations by id."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it serves, to whom, and within what
        self,
        socket: WebSocket,
        operations: Operations,
        admit: Admit,
        sessions: Sessions,
        behind: LagMeter,
        limits: SocketLimits,
        waiting: Waiting,
    ) -> None:
        self._socket = socket
        self._operations = operations
        self._admit = admit
        self._sessions = sessions
        self._behind = behind
        self._limits = limits
        self._origin = origin_of(socket.scope)
        self._caller: Caller | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending: asyncio.Task[None] | None = None  # what the client has no room for yet
        self._send_now = send_now_of(socket.scope)
        self._send_all = send_all_of(socket.scope)
        self._session: Session | None = None
        self._waiting = waiting
        # Ends the reading: because nobody has said whose socket this is, or because it is closed from here.
        self._reading = asyncio.timeout(limits.init_seconds)
        self._reads = True
        self._closed: _Closed | None = None

    async def serve(self) -> None:
        """Read messages until the socket is closed, by whomever."""
        closed: _Closed | None = None
        try:
            async with self._reading:
                await self._read()
        except _Closed as error:
            closed = error
        except _Gone:
            pass
        except TimeoutError:
            if not self._reading.expired():
                raise
            closed = self._closed or _Closed(Close.INIT_TIMEOUT)
        finally:
            self._reads = False
            self._waiting.close()
            self._behind.forget(self._send_behind)
            if self._session is not None:
                self._session.close()
            tasks = [*self._running.values(), *([] if self._sending is None else [self._sending])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if closed is not None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                async with asyncio.timeout(self._limits.close_seconds):
                    await self._socket.close(closed.code, closed.reason)

    def _close(self, close: Close, detail: str = "") -> None:
        if self._closed is not None or not self._reads:
            return
        self._closed = _Closed(close, detail)
        if not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            await self._obey(received.get("text"))

    async def _obey(self, text: str | None) -> None:
        message = _parse(text)
        kind = message.get("type")
        payload = message.get("payload")
        if kind == "connection_init":
            await self._initialise(payload)
        elif kind == "ping":
            await self._send({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
        elif kind == "pong":
            return
        elif kind == "subscribe":
            self._subscribe(message)
        elif kind == "complete":
            task = self._running.pop(_id_of(message), None)
            if task is not None:
                task.cancel()
        else:
            raise _Closed(Close.INVALID_MESSAGE, "Invalid message: unknown type")

    async def _initialise(self, payload: Any) -> None:
        if self._caller is not None:
            raise _Closed(Close.TOO_MANY_INITS)
        if payload is not None and not isinstance(payload, dict):
            raise _Closed(Close.INVALID_MESSAGE, "Invalid message: the payload must be an object")
        stated = cast("dict[str, Any]", payload or {})
        headers = {name.lower(): value for name, value in stated.items() if isinstance(value, str)}
        try:
            stated_or_sent = headers if "authorization" in headers else self._socket.headers
            self._caller = await self._admit(stated_or_sent, self._origin)
        except Unauthenticated as error:
            raise _Closed(Close.FORBIDDEN, f"Forbidden: {error.message}") from error
        except (IssuerUnavailable, DatabaseUnavailable) as error:
            raise _Closed(Close.TRY_LATER) from error
        session = self._sessions.hold(self._caller, self._origin.address)
        try:
            ended = session.open()
        except RateLimited as error:
            raise _Closed(Close.TOO_MANY_CONNECTIONS, error.message) from error
        self._session = session
        self._waiting.close()
        if self._closed is None:
            self._reading.reschedule(None)
        ended.add_done_callback(self._close_with_token)
        await self._send({"type": "connection_ack"})
        self._behind.listen(self._send_behind)

    def _close_with_token(self, ended: Ended) -> None:
        if not ended.cancelled():
            self._close(Close.FORBIDDEN, f"Forbidden: {ended.result()}")

    def _send_behind(self, seconds: int) -> bool:
        """Tell the client how late live updates are: by a ping, which is no event and needs no subscription."""
        return self.push(b'{"type":"ping","payload":{"behindSeconds":%d}}' % seconds)

    def _subscribe(self, message: Mapping[str, Any]) -> None:
        if self._caller is None:
            raise _Closed(Close.UNAUTHORIZED)
        operation_id = _id_of(message)
        if operation_id in self._running:
            raise _Closed(Close.SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        if len(self._running) >= self._limits.operations:
            raise _Closed(Close.TOO_MANY_OPERATIONS)
        try:
            asked = to_request(message.get("payload"))
        except BadUserInput as error:
            raise _Closed(Close.INVALID_MESSAGE, f"Invalid message: {error.message}") from error
        task = asyncio.create_task(self._run(operation_id, asked, self._caller))
        self._running[operation_id] = task
        task.add_done_callback(partial(self._forget, operation_id))

    def _forget(self, operation_id: str, task: asyncio.Task[None]) -> None:
        if self._running.get(operation_id) is task:
            del self._running[operation_id]
        if not task.cancelled() and not isinstance(task.exception(), _Gone | None):
            self._close(Close.RESTART, "Something went wrong here; connect again")

    async def _run(self, operation_id: str, asked: GraphQLRequest, caller: Caller) -> None:
        # The payload is shared by many sockets; only the frame around it is this one's.
        before = b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'
        try:
            prepared = await self._operations.prepare(asked, caller, self._origin)
            # Subscriptions last, and who asks the same shares one text of it.
            del asked
            payloads = await self._operations.begin(prepared, _Sink(self, before))
            async with contextlib.aclosing(payloads):
                async for payload in payloads:
                    await self._send_text(before + payload + b"}")
        except RequestErrors as error:
            await self._send({"id": operation_id, "type": "error", "payload": error.errors})
        except ExecutionMonitorError as error:
            await self._send({"id": operation_id, "type": "error", "payload": [show(error)]})
        else:
            await self._send({"id": operation_id, "type": "complete"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, text: bytes) -> None:
        """Send `text` when all before it has been taken; return when it has been, too."""
        while self._sending is not None:
            await asyncio.wait({self._sending})
        try:
            self._begin_to_send(text)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise _Gone from error
        if self._sending is not None:
            await asyncio.wait({self._sending})

    def push(self, text: bytes) -> bool:
        """Whether the message could be sent without waiting for what was sent before."""
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
        """Whether the messages could be sent, all of them, without waiting for what was sent before."""
        if self._sending is not None or self._send_all is None:
            return False
        texts = payloads.shared.once(SharedTexts, _shared_texts_of, payloads)
        return self._send_all(before, texts)

    def _begin_to_send(self, text: bytes) -> None:
        # Text that the client has room for is on its way at once: a task and a time limit for each would cost more
        # than sending it.
        rest = run_ahead(self._socket.send({"type": "websocket.send", "text": text.decode()}))
        if rest is not None:
            self._sending = asyncio.create_task(self._finish_sending(rest))

    async def _finish_sending(self, rest: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await rest
        except TimeoutError:
            self._close(Close.TOO_SLOW)
        except (WebSocketDisconnect, RuntimeError):
            # The client has gone; what reads learns it as well.
            pass
        finally:
            self._sending = None


class _Sink:
    """Where one operation's payloads go: into messages that begin with `before`."""

    __slots__ = ("_before", "_connection")

    def __init__(self, connection: _Connection, before: bytes) -> None:
        self._connection = connection
        self._before = before

    def push(self, payload: bytes) -> bool:
        return self._connection.push(self._before + payload + b"}")

    def push_all(self, payloads: Payloads) -> bool:
        return self._connection.push_all(self._before, payloads)


def _shared_texts_of(payloads: Payloads) -> SharedTexts:
    return SharedTexts([payload + b"}" for payload in payloads.payloads])


def _parse(text: str | None) -> dict[str, Any]:
    try:
        message = orjson.loads(text or "")
    except orjson.JSONDecodeError as error:
        raise _Closed(Close.INVALID_MESSAGE, "Invalid message: not JSON") from error
    if not isinstance(message, dict):
        raise _Closed(Close.INVALID_MESSAGE, "Invalid message: not an object")
    return cast("dict[str, Any]", message)


def _id_of(message: Mapping[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise _Closed(Close.INVALID_MESSAGE, "Invalid message: the id must be text")
    return operation_id
