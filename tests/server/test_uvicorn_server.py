"""The server around an application: that it is told to close however the server stops, and what stops the server."""

import asyncio
import gc
import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.server import uvicorn_server
from execution_monitor.server.listeners import bind
from execution_monitor.server.uvicorn_server import Server
from execution_monitor.settings import Settings


@dataclass
class App:
    """An application that notes what it is told, and takes `closing_seconds` to close."""

    closing_seconds: float = 0.0
    seen: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            self.seen.append((await receive())["type"])
            await asyncio.sleep(self.closing_seconds)
            self.seen.append("closed")
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            raise
        await send({"type": "lifespan.shutdown.complete"})


CLOSED = ["lifespan.shutdown", "closed"]


@pytest.fixture(autouse=True)
def _own_collector() -> Generator[None]:
    """A server changes how the process collects garbage."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def run(app: App, companion: Callable[[Server], Any]) -> None:
    """Serve `app` until it stops, with a companion that is given the server."""

    async def work() -> None:
        await companion(server)

    with bind("127.0.0.1", 0) as listener:
        server = Server(app, Settings(), companion=work)
        server.run(sockets=[listener])


async def stop(server: Server, signals: int) -> None:
    for _ in range(signals):
        server.handle_exit(signal.SIGTERM, None)
    await asyncio.Event().wait()


@pytest.mark.parametrize("signals", [1, 2, 3])
def test_the_application_is_told_to_close_also_when_the_stop_is_forced(signals: int):
    app = App(closing_seconds=0.05)

    run(app, lambda server: stop(server, signals))

    assert app.seen == CLOSED


def test_the_application_is_told_to_close_also_when_the_stop_has_taken_too_long(monkeypatch: pytest.MonkeyPatch):
    # As when the machine stood still during the stop.
    monkeypatch.setattr(uvicorn_server, "_GRACE_SECONDS", 0)
    monkeypatch.setattr(uvicorn_server, "_CLOSING_SECONDS", 0)
    app = App(closing_seconds=0.05)

    run(app, lambda server: stop(server, 1))

    assert app.seen == CLOSED


def test_an_application_that_does_not_close_is_cancelled_in_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uvicorn_server, "_LAST_SECONDS", 0.05)
    app = App(closing_seconds=600)

    run(app, lambda server: stop(server, 2))

    assert app.seen == ["lifespan.shutdown", "cancelled"]


def test_a_companion_that_ends_stops_the_server():
    app = App()

    async def end(_: Server) -> None:
        """Nothing is left to do."""

    run(app, end)

    assert app.seen == CLOSED


def test_a_companion_that_fails_stops_the_server_which_says_why():
    app = App()

    async def fail(_: Server) -> None:
        raise DatabaseUnavailable("MongoDB cannot be reached.")

    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        run(app, fail)

    assert app.seen == CLOSED


def test_how_a_companion_ends_once_the_server_stops_is_no_failure():
    async def fail_when_cancelled(server: Server) -> None:
        try:
            await stop(server, 1)
        except asyncio.CancelledError:
            raise DatabaseUnavailable("The connection is closed.") from None

    run(app := App(), fail_when_cancelled)

    assert app.seen == CLOSED
