"""The application on a real socket, in this process and on this event loop."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from execution_monitor import services
from execution_monitor.limits.tcp_connections import CONNECTIONS_KEY, TcpConnections
from execution_monitor.live.service import LiveLimits
from execution_monitor.server.http_protocol import HttpProtocol
from execution_monitor.server.websocket_protocol import LoopIteration, WebSocketProtocol
from execution_monitor.storage.database import Database

# As uvicorn's.
_TICK_SECONDS = 0.1
# A start takes several of them. Each look takes time from it, in the same process.
_READY_POLL_SECONDS = 0.03


class _Server(uvicorn.Server):
    """A server that leaves signals to pytest, and checks the time limits of connections as ours does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End it now, not with its next tick."""
        self.should_exit = True
        self._stop.set()

    @override
    async def main_loop(self) -> None:
        ticks = itertools.count()
        while not await self.on_tick(next(ticks)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_SECONDS)

    @override
    async def on_tick(self, counter: int) -> bool:
        connections: TcpConnections | None = self.lifespan.state.get(CONNECTIONS_KEY)
        if connections is not None:
            connections.check_timeouts(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextlib.asynccontextmanager
async def served(
    app: ASGIApp, *, port: int = 0, ready_frames: bool = True, ping_seconds: float = 20.0
) -> AsyncGenerator[str]:
    """Serve `app` during the block; yields its base URL once the socket listens.

    HTTP connections are ours; so are WebSockets, unless `ready_frames` is False: then they are uvicorn's.
    """
    # asyncio switches Nagle's algorithm off, 40 ms a response, only for sockets that name their protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        # Before uvicorn starts, so that a client that connects early waits instead of being refused.
        listener.listen()
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws=cast("Any", partial(WebSocketProtocol, loop_iteration=LoopIteration()))
            if ready_frames
            else "websockets-sansio",
            ws_ping_interval=ping_seconds,
            lifespan="on",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            await running


@contextlib.asynccontextmanager
async def served_on_prepared(create: Callable[[], ASGIApp]) -> AsyncGenerator[str]:
    """As `served`, for the app that `create` returns, and ready, on a database that is prepared already.

    To look again for what the database misses is left out. Live updates begin now: a look back would read again what
    the tests before have changed, in the same database.
    """
    async with contextlib.AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "prepare", find_prepared)
            patch.setattr(services, "LiveLimits", partial(LiveLimits, lookback_seconds=0))
            url = await stack.enter_async_context(served(create()))
            await wait_until_ready(url)
        yield url


async def find_prepared(database: Database) -> None:
    """As `Database.prepare`, of a database that lacks nothing."""
    database._is_laid_out, database._unprepared = True, []  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def wait_until_ready(url: str) -> None:
    """Return when `/readyz` answers 200: the server has reached MongoDB."""
    async with httpx2.AsyncClient(base_url=url) as client:
        while (await client.get("/readyz")).status_code != HTTPStatus.OK:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(_READY_POLL_SECONDS)
