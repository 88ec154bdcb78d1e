"""uvicorn as we run it: its sockets, its options, its end, and a task beside it."""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn
from typing_extensions import override

from execution_monitor.asgi.shutdown import STATE_KEY, Draining
from execution_monitor.errors import SetupError
from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY, TcpConnections
from execution_monitor.server.http_protocol import HttpProtocol
from execution_monitor.server.listeners import make_room_for_sockets
from execution_monitor.server.websocket_protocol import LoopIteration, WebSocketProtocol
from execution_monitor.settings import Settings
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# A stop takes less than ten seconds, whoever does not read or answer: one for what runs beside the server; a few for
# requests that run, after which one socket that nobody reads would hold it up for ever; a few for the application; the
# rest for what cannot let go.
_COMPANION_SECONDS = 1.5
_GRACE_SECONDS = 4
_CLOSING_SECONDS = 3
_ROUNDS = 10
_ROUND_SECONDS = 0.1
# A client that takes nothing answers no ping either: it is let go of within 25 seconds.
_PING_SECONDS, _PONG_SECONDS = 10.0, 15.0

# What lives as long as the process need not be looked through again and again, and the rows of one page are more than
# the 700 objects after which Python would look through what is young: a tenth of the time of a list.
_YOUNG_OBJECTS = 20_000

Companion = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Options:
    """What chooses another place."""

    host: str = "--host"
    port: str = "--port"


_COMMAND_LINE = Options()
_METRICS = Options("EXECUTION_MONITOR_METRICS_HOST", "EXECUTION_MONITOR_METRICS_PORT")


def bind(host: str, port: int, options: Options = _COMMAND_LINE) -> socket.socket:
    """A listening place at `host` and `port`; raises `SetupError` with what to do when it cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise SetupError(f"{host} is no address of this machine; pass another with {options.host}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound to one port, but only one may listen: now, not when the server has started.
        listener.listen()
    except OSError as error:
        listener.close()
        raise SetupError(_explain(error, host, port, options)) from error
    listener.set_inheritable(True)
    return listener


def _explain(error: OSError, host: str, port: int, options: Options) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use; stop what uses it, or choose another with {options.port}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have; choose one above 1023 with {options.port}."
    return f"{host} is no address of this machine; pass another with {options.host}."


@contextlib.contextmanager
def metrics_listener(settings: Settings, main: socket.socket, worker: int = 0) -> Generator[Sequence[socket.socket]]:
    """The place where `worker` serves `/metrics` without a token, if `settings` want one; closed in the end."""
    if settings.metrics_port is None:
        yield ()
        return
    port = settings.metrics_port + worker
    if port == main.getsockname()[1]:
        # At another address, both could be had; but what is open at the one must not be at the other.
        raise SetupError(f"Port {port} is the server's own; choose another with {_METRICS.port}.")
    with bind(settings.metrics_host, port, _METRICS) as listener:
        yield (listener,)


def run(app: Any, settings: Settings, listener: socket.socket, *, companion: Companion | None = None) -> None:
    """Serve `app` until SIGINT or SIGTERM; `companion` runs from the first request to the last."""
    with metrics_listener(settings, listener) as more:
        Server(app, settings, companion=companion).run(sockets=[listener, *more])


class Server(uvicorn.Server):
    """A server that stops in time: the first signal begins the end, the second is the end.

    `companion` is a task beside it, which it starts, cancels and awaits. As the worker of a `parent` process it obeys
    SIGTERM alone, and ends when the parent is gone.
    """

    def __init__(
        self, app: Any, settings: Settings, *, companion: Companion | None = None, parent: int | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=HttpProtocol,
                # A message holds an operation, as a body does.
                ws_max_size=settings.max_body_bytes,
                ws=cast("Any", partial(WebSocketProtocol, loop_iteration=LoopIteration())),
                # Compressed, a frame is of one socket alone and cannot be shared; and each would hold 32 kB for it.
                ws_per_message_deflate=False,
                ws_ping_interval=_PING_SECONDS,
                ws_ping_timeout=_PONG_SECONDS,
                lifespan="on",
                timeout_graceful_shutdown=_GRACE_SECONDS,
                server_header=False,
                forwarded_allow_ips=settings.forwarded_allow_ips,
                # Our own log tells of requests, without the query strings that hold tokens and values.
                access_log=False,
                log_config=None,
            )
        )
        self._drain_seconds = settings.drain_seconds
        self._companion = companion
        self._parent = parent
        self._task: asyncio.Task[None] | None = None
        self._signals = 0
        self._leaves_at: float | None = None

    @override
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets)
        await _cancel_what_is_left()

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches all processes of a terminal; the parent tells its workers what to do about it.
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
        if self._signals and self._leaves_at is None:
            self._leaves_at = now + self._drain_seconds
            log.info("draining", seconds=self._drain_seconds)
            self._drain()
        if self._leaves_at is not None and now >= self._leaves_at:
            self.should_exit = True
        if self._connections is not None:
            self._connections.watch(now)
        return await super().on_tick(counter)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._connections is not None:
            self._limit(self._connections)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS)
        if self.started and self._companion is not None:
            self._task = asyncio.create_task(self._accompany(self._companion))

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain()
        if self._task is not None:
            # Within a time of its own: the application is told to end whatever becomes of its companion.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMPANION_SECONDS):
                    await end_tasks(self._task)
        try:
            async with asyncio.timeout(_GRACE_SECONDS + _CLOSING_SECONDS):
                await super().shutdown(sockets)
        except TimeoutError:
            log.warning("stop_cut_short", seconds=_GRACE_SECONDS + _CLOSING_SECONDS)

    @property
    def _connections(self) -> TcpConnections | None:
        return self.lifespan.state.get(CONNECTIONS_KEY)

    @staticmethod
    def _limit(connections: TcpConnections) -> None:
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

    async def _accompany(self, companion: Companion) -> None:
        try:
            await companion()
        finally:
            # Half of what was asked for is not what was asked for.
            self.should_exit = True


async def _cancel_what_is_left() -> None:
    """Cancel whatever still runs, as often as it takes: each time breaks the next wait of a clean-up."""
    for _ in range(_ROUNDS):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_ROUND_SECONDS)
