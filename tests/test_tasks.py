"""Tasks end although a cancellation is lost, and a server tells its application to end whatever else does not."""

import asyncio
import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from execution_monitor.server import uvicorn_server
from execution_monitor.server.uvicorn_server import Server, bind
from execution_monitor.settings import Settings
from execution_monitor.tasks import TimeLimit, end_tasks
from tests.support.tokens import SECRET

SOON = 20.0


class Stubborn:
    """A task that loses some cancellations, as a write of PyMongo loses one that comes as it ends."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.cancellations = 0

    async def run(self) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancellations += 1
                if self.cancellations > self.lost:
                    raise


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ZeroDivisionError


def _ignore(*_: object) -> None:
    """In place of what would change this process."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution_monitor.tasks._AGAIN_SECONDS", 0.01)


async def test_a_task_that_loses_cancellations_ends():
    stubborn = Stubborn(3)
    task = asyncio.create_task(stubborn.run())
    await asyncio.sleep(0)

    async with asyncio.timeout(SOON):
        await end_tasks(task)

    assert task.cancelled()
    assert stubborn.cancellations == 4


async def test_tasks_end_whatever_becomes_of_each():
    async def answer() -> int:
        return 1

    async def break_down() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    tasks = [asyncio.create_task(each) for each in (answer(), fail(), wait_for_ever(), break_down())]
    await asyncio.sleep(0)

    async with asyncio.timeout(SOON):
        await end_tasks(*tasks)

    assert all(task.done() for task in tasks)
    await end_tasks(*tasks)
    await end_tasks()


@pytest.fixture
def settings() -> Settings:
    return Settings(jwt_secret=SecretStr(SECRET), environment="production")


@pytest.mark.parametrize("lost", [0, 1, 1_000], ids=["a good companion", "a lost cancellation", "one that never ends"])
async def test_the_application_is_told_to_end_whatever_its_companion_does(
    lost: int, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    told: list[str] = []

    async def application(_: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        for _ in range(2):
            message = await receive()
            told.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    stubborn = Stubborn(lost)
    own_task: list[asyncio.Task[Any] | None] = []

    async def accompany() -> None:
        own_task.append(asyncio.current_task())
        running.should_exit = True
        await stubborn.run()

    # The objects of this process are not the server's to freeze.
    ignore = SimpleNamespace(collect=_ignore, freeze=_ignore, set_threshold=_ignore)
    monkeypatch.setattr(uvicorn_server, "gc", ignore)
    monkeypatch.setattr(uvicorn_server, "_COMPANION_SECONDS", 0.2)
    with bind("127.0.0.1", 0) as listener:
        running = Server(application, settings, companion=accompany)
        try:
            async with asyncio.timeout(SOON):
                await running.serve(sockets=[listener])
        finally:
            # Else the loop of a test that failed would not end.
            stubborn.lost = 0
    (task,) = own_task
    assert task
    await end_tasks(task)

    assert told == ["lifespan.startup", "lifespan.shutdown"]
    assert stubborn.cancellations > min(lost, 1)
    assert "Traceback" not in caplog.text


async def lose_cancellations(count: int) -> None:
    """Wait for ever, as a call of PyMongo does that loses so many cancellations."""
    for _ in range(count):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    await asyncio.Event().wait()


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_time_limit_holds_though_cancellations_are_lost(lost: int):
    task = asyncio.current_task()
    assert task is not None

    async with asyncio.timeout(SOON):
        with pytest.raises(TimeoutError):
            async with TimeLimit(0.01):
                await lose_cancellations(lost)

    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_what_ends_within_its_time_limit_is_not_touched():
    async with TimeLimit(0.05):
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)


async def test_what_ends_although_it_was_cancelled_has_ended():
    async with TimeLimit(0.01):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        found = "an answer"

    await asyncio.sleep(0)
    assert found == "an answer"


async def test_a_time_limit_that_is_extended_counts_from_then():
    async with TimeLimit(0.01) as limit:
        limit.extend(None)
        await asyncio.sleep(0.05)
        limit.extend(SOON)

    async def wait() -> None:
        async with TimeLimit(SOON) as limit:
            limit.extend(0.01)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait()


async def test_a_cancellation_from_elsewhere_is_no_end_of_time():
    async def wait() -> None:
        async with TimeLimit(SOON):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_error_at_the_end_of_time_is_told_as_it_is():
    async def fail_at_the_end() -> None:
        async with TimeLimit(0.01):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ValueError("mine") from None

    with pytest.raises(ValueError, match="mine"):
        await fail_at_the_end()
    await asyncio.sleep(0)
