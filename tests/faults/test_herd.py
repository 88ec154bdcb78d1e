"""Very many clients that reconnect at once to a server that has just started: all catch up, none is refused."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from itertools import count
from typing import Any

import httpx2
import pytest
from pymongo import AsyncMongoClient

from execution_monitor.storage.documents import Execution
from execution_monitor.tasks import end_tasks
from tests.faults.bulks import Bulk
from tests.faults.crowd import BARRIER, crowd, live_cursor
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.live.factories import execution
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess

# With the seconds in which all must have caught up. Clients that do not parse their messages have all of them within
# 6 s; the crowd's process, which parses six million, takes the rest. Of two thousand no time is promised.
_HERDS = [(1_000, 30.0), (2_000, None)] if is_full() else [(100, None)]
_AWAY_SECONDS = 60.0 if is_full() else 2.0
_PER_SECOND = 100
_EXECUTIONS = 100
_SECONDS = 120.0
# Of a thousand.
_MOST_GROWTH = 150 * 2**20
_READYZ_SECONDS = 5.0
# More than a server that has just started reads back, 15 s or 32 MiB, though no time has passed.
_FAT = 0 if is_full() else 80
_FAT_BYTES = 500_000


@pytest.fixture
def new_server(
    tmp_path_factory: pytest.TempPathFactory, shared_mongod: SingleNodeReplicaSet
) -> Generator[ServerProcess]:
    """The server that replaces the other; not started."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), shared_mongod.uri, metrics="open")
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(("clients", "limit"), _HERDS)
async def test_clients_that_reconnect_all_at_once_catch_up(  # noqa: PLR0913, PLR0917 - the scene and its size
    shared_server: ServerProcess,
    new_server: ServerProcess,
    shared_mongod: SingleNodeReplicaSet,
    report: Callable[[FaultResult], None],
    clients: int,
    limit: float | None,
):
    async with AsyncMongoClient[dict[str, Any]](shared_mongod.uri) as mongo:
        bulk = Bulk(mongo, _EXECUTIONS)
        await bulk.insert()
        versions, after = list(bulk.versions), await live_cursor(shared_server.url, bulk.tenant)
        await write_past_the_look_back(mongo)
        async with changing(bulk) as stop:
            await asyncio.sleep(_AWAY_SECONDS)
            await asyncio.to_thread(new_server.start)
            conflated_before = (await asyncio.to_thread(new_server.metrics))["live_conflated_total"]
            new_server.reset_peak_resident()
            before = new_server.resident
            async with (
                polling_readiness(new_server.url) as response_times,
                crowd(
                    new_server.url,
                    bulk.tenant,
                    subscribers=clients,
                    versions=versions,
                    landmarks=("back", BARRIER),
                    after=after,
                    at_once=clients,
                ) as herd,
            ):
                began = time.monotonic()
                await bulk.mark("back")
                await herd.until_all_received("back", _SECONDS)
                caught_up = time.monotonic() - began
                growth = new_server.peak_resident - before
                await stop()
                await bulk.mark(BARRIER)
                await herd.until_all_received(BARRIER, _SECONDS)
                result = await herd.finish(bulk.versions)
            conflated = int((await asyncio.to_thread(new_server.metrics))["live_conflated_total"] - conflated_before)

    found = result.total
    report(
        FaultResult(
            f"{clients:,} clients that come back at once, 60 s behind",
            trials=1,
            lost=found.lost(conflated),
            repeated=found.repeated,
            measure="all caught up after",
            worst=caught_up,
            limit=limit,
            note=(
                f"{found.gaps} gaps, refused {sum(result.refused.values())} times, memory +{growth / 2**20:.0f} MiB, "
                f"`/readyz` answers within {max(response_times):.2g} s"
            ),
        )
    )
    assert result.connections == clients
    assert not result.errors
    assert not found.unreported
    assert growth < _MOST_GROWTH * max(1, clients / 1_000)


async def write_past_the_look_back(mongo: AsyncMongoClient[dict[str, Any]]) -> None:
    executions = mongo["live"][Execution.Settings.name]
    for _ in range(_FAT):
        await executions.insert_one(execution(tenant_id="fat", final_result="x" * _FAT_BYTES))


@contextlib.asynccontextmanager
async def changing(bulk: Bulk) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """Change one execution after another until the function that it yields is called."""
    is_over = asyncio.Event()

    async def change() -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        for number in count():
            if is_over.is_set():
                return
            await bulk.update_one(number % _EXECUTIONS)
            await asyncio.sleep(began + number / _PER_SECOND - clock())

    async def stop() -> None:
        is_over.set()
        await changing

    changing = asyncio.create_task(change())
    try:
        yield stop
    finally:
        await end_tasks(changing)


@contextlib.asynccontextmanager
async def polling_readiness(url: str) -> AsyncGenerator[list[float]]:
    """Request `/readyz` all the time; yields the seconds of each response, which must be a success."""
    seconds: list[float] = []

    async def poll() -> None:
        async with httpx2.AsyncClient(base_url=url, timeout=_READYZ_SECONDS) as http:
            while True:
                began = time.monotonic()
                (await http.get("/readyz")).raise_for_status()
                seconds.append(time.monotonic() - began)
                await asyncio.sleep(0.2)

    polling = asyncio.create_task(poll())
    try:
        yield seconds
        if polling.done():
            await polling
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
