"""uvicorn as we run it: its socket, its options, and a task beside it."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from typing_extensions import override
from uvicorn.supervisors import Multiprocess

from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings

# One socket that nobody reads would hold up a stop for ever.
_GRACE_SECONDS = 5
# A client that takes nothing answers no ping either: it is let go of within 25 seconds.
_PING_SECONDS, _PONG_SECONDS = 10.0, 15.0
_APP = "execution_monitor.app:create_app_from_environment"

Companion = Callable[[], Awaitable[None]]


def bind(host: str, port: int) -> socket.socket:
    """A listening place at `host` and `port`; raises `SetupError` with what to do when it cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise SetupError(f"{host} is no address of this machine; pass another with --host.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound to one port, but only one may listen: now, not when the server has started.
        listener.listen()
    except OSError as error:
        listener.close()
        raise SetupError(_explain(error, host, port)) from error
    listener.set_inheritable(True)
    return listener


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use; stop what uses it, or choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have; choose one above 1023 with --port."
    return f"{host} is no address of this machine; pass another with --host."


def run(app: Any, settings: Settings, listener: socket.socket, *, companion: Companion | None = None) -> None:
    """Serve `app` until SIGINT or SIGTERM; `companion` runs from the first request to the last."""
    with contextlib.suppress(KeyboardInterrupt):
        _Server(_configure(app, settings), companion).run(sockets=[listener])


def run_workers(settings: Settings, listener: socket.socket, workers: int) -> None:
    """Serve from several processes; each reads `settings` back from the environment, where this puts them."""
    os.environ.update(settings.to_environment())
    config = _configure(_APP, settings, workers)
    with contextlib.suppress(KeyboardInterrupt):
        Multiprocess(config, sockets=[listener]).run()


def _configure(app: Any, settings: Settings, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PONG_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        # Our own log tells of requests, without the query strings that hold tokens and values.
        access_log=False,
        log_config=None,
        server_header=False,
    )


class _Server(uvicorn.Server):
    """A server with a task beside it, which it starts, cancels and awaits."""

    def __init__(self, config: uvicorn.Config, companion: Companion | None) -> None:
        super().__init__(config)
        self._companion = companion
        self._task: asyncio.Task[None] | None = None

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._companion is not None:
            self._task = asyncio.create_task(self._accompany(self._companion))

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Before the lifespan ends: the companion uses what that closes.
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await super().shutdown(sockets)

    async def _accompany(self, companion: Companion) -> None:
        try:
            await companion()
        finally:
            # Half of what was asked for is not what was asked for.
            self.should_exit = True
