"""uvicorn as we run it: its configuration, a stop in time, and a task beside it."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn
from typing_extensions import override

from execution_monitor.asgi.shutdown import STATE_KEY, Draining
from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY, TcpConnections
from execution_monitor.server.http_protocol import HttpProtocol
from execution_monitor.server.listeners import make_room_for_sockets, metrics_listener
from execution_monitor.server.websocket_protocol import LoopIteration, WebSocketProtocol
from execution_monitor.settings import Settings
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# A stop takes less than ten seconds, even with clients that do not read: one or two for the companion; a few for the
# requests that run, since one client that does not read would hold up the stop for ever; a few for the application, the
# last of them also where the stop is forced or took too long; the rest for tasks that do not end.
_COMPANION_SECONDS = 1.5
_GRACE_SECONDS = 4
_CLOSING_SECONDS = 2
_LAST_SECONDS = 1
_ROUNDS = 10
_ROUND_SECONDS = 0.1
# A client that does not read sends no pong: its connection is closed within 25 seconds.
_PING_SECONDS, _PONG_SECONDS = 10.0, 15.0

# Python collects young objects after 700 allocations, fewer than the rows of one page make: that took a tenth of the
# time of a list. Objects that live as long as the process are frozen, so that they are never searched.
_YOUNG_OBJECTS = 20_000

Companion = Callable[[], Awaitable[None]]


def collect_garbage_less_often() -> None:
    """Let Python search fewer objects, and less often, from now on: once everything that stays has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def run(app: Any, settings: Settings, listener: socket.socket, *, companion: Companion | None = None) -> None:
    """Serve `app` until SIGINT or SIGTERM; `companion` runs meanwhile."""
    with metrics_listener(settings, listener) as more:
        Server(app, settings, companion=companion).run(sockets=[listener, *more])


class Server(uvicorn.Server):
    """A server that stops in time: the first signal begins a graceful stop, the second forces it.

    `companion` is a task beside it, which it starts, cancels and awaits; an error of it stops the server, which then
    raises the error. As the worker of a `parent` process it obeys SIGTERM alone, and stops when the parent has died.
    """

    def __init__(
        self, app: Any, settings: Settings, *, companion: Companion | None = None, parent: int | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=HttpProtocol,
                # A message holds an operation, as the body of a request does.
                ws_max_size=settings.max_body_bytes,
                ws=cast("Any", partial(WebSocketProtocol, loop_iteration=LoopIteration())),
                # Compressed frames cannot be shared between sockets, and each socket would need 32 kB more.
                ws_per_message_deflate=False,
                ws_ping_interval=_PING_SECONDS,
                ws_ping_timeout=_PONG_SECONDS,
                lifespan="on",
                timeout_graceful_shutdown=_GRACE_SECONDS,
                server_header=False,
                forwarded_allow_ips=settings.forwarded_allow_ips,
                # `RequestLogMiddleware` logs requests, without query strings, which hold tokens and values.
                access_log=False,
                log_config=None,
            )
        )
        self._drain_seconds = settings.drain_seconds
        self._companion = companion
        self._parent = parent
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._signals = 0
        self._stops_at: float | None = None

    @override
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets)
        await _cancel_remaining_tasks()
        if self._failure is not None:
            raise self._failure

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches all processes of a terminal; workers wait for SIGTERM of their parent.
        if self._parent is not None and sig == signal.SIGINT:
            return
        self._signals += 1
        if self._signals > 1:
            self.should_exit = self.force_exit = True

    @override
    async def on_tick(self, counter: int) -> bool:
        now = asyncio.get_running_loop().time()
        if self._parent is not None and os.getppid() != self._parent:
            self._signals = max(self._signals, 1)
        if self._signals and self._stops_at is None:
            self._stops_at = now + self._drain_seconds
            log.info("draining", seconds=self._drain_seconds)
            self._drain()
        if self._stops_at is not None and now >= self._stops_at:
            self.should_exit = True
        if self._connections is not None:
            self._connections.check_timeouts(now)
        return await super().on_tick(counter)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._connections is not None:
            self._limit_connections(self._connections)
        collect_garbage_less_often()
        if self.started and self._companion is not None:
            self._task = asyncio.create_task(self._run_companion(self._companion))

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain()
        if self._task is not None:
            # With a time limit of its own: the application must be stopped whatever the companion does.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMPANION_SECONDS):
                    await end_tasks(self._task)
        try:
            async with asyncio.timeout(_GRACE_SECONDS + _CLOSING_SECONDS):
                await super().shutdown(sockets)
        except TimeoutError:
            log.warning("stop_cut_short", seconds=_GRACE_SECONDS + _CLOSING_SECONDS)
        await self._close_application()

    async def _close_application(self) -> None:
        """Tell the application to close if it has not closed yet, as after a forced stop: it must not be cancelled."""
        if not self.lifespan.shutdown_event.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self.lifespan.shutdown()

    @property
    def _connections(self) -> TcpConnections | None:
        return self.lifespan.state.get(CONNECTIONS_KEY)

    @staticmethod
    def _limit_connections(connections: TcpConnections) -> None:
        connections.room = make_room_for_sockets(connections.limits.total)
        if connections.room < connections.limits.total:
            log.warning(
                "fewer_connections",
                wanted=connections.limits.total,
                room=connections.room,
                advice="Raise the limit of open files (ulimit -n), or lower EXECUTION_MONITOR_MAX_TCP_CONNECTIONS.",
            )

    def _drain(self) -> None:
        draining: Draining | None = self.lifespan.state.get(STATE_KEY)
        if draining is not None and not draining.has_begun:
            draining.begin()

    async def _run_companion(self, companion: Companion) -> None:
        try:
            await companion()
        except Exception as error:  # noqa: BLE001 - whatever it is, `serve` raises it
            # While the server stops, an error is only how the companion ends.
            self._failure = None if self.should_exit else error
        finally:
            # The command is for both: without the companion the server stops, too.
            self.should_exit = True


async def _cancel_remaining_tasks() -> None:
    """Cancel all tasks that still run, repeatedly: each time ends the next wait of a clean-up."""
    for _ in range(_ROUNDS):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_ROUND_SECONDS)
