"""A connection between server and MongoDB that is slow, narrow, cut in the middle of messages, or silent."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from execution_monitor.storage.documents import Execution, LogEntry
from tests.faults.bulks import Bulk
from tests.faults.client import Client
from tests.faults.faulty_proxy import FaultyProxy, faulty_proxy
from tests.faults.results import FaultResult
from tests.faults.scenes import PATIENCE, Scene, is_full, new_user, scene
from tests.live.factories import execution, log_line
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
_SILENT_SECONDS = 60.0 if is_full() else 5.0
_CUTS = 20 if is_full() else 3
_CHANGES_A_CUT = 50
_ALONGSIDE = 10_000 if is_full() else 500  # changes, some 1.5 kB each with pre- and post-image


@pytest.fixture(scope="module")
def oplog_mb() -> int:
    return 512


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(mongod: SingleNodeReplicaSet) -> AsyncGenerator[FaultyProxy]:
    host, _, port = mongod.address.partition(":")
    async with faulty_proxy(host, int(port)) as proxy:
        yield proxy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory, proxy: FaultyProxy) -> AsyncGenerator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), proxy.uri, metrics="open")
    try:
        # In a thread, since the proxy runs on this event loop.
        await asyncio.to_thread(server.start)
        yield server
    finally:
        server.close()


@pytest.fixture(autouse=True)
def restored(proxy: FaultyProxy) -> Generator[None]:
    yield
    proxy.restore()


async def delay(proxy: FaultyProxy, staged: Scene, bulk: Bulk) -> None:
    proxy.delay(300)
    await bulk.update()
    await staged.receive_more(200)


async def throttle(proxy: FaultyProxy, staged: Scene, bulk: Bulk) -> None:
    proxy.throttle(2**20)
    await bulk.update()
    await staged.receive_more(200)


async def cut(proxy: FaultyProxy, staged: Scene, bulk: Bulk) -> None:
    for _ in range(_CUTS):
        proxy.cut(after_bytes=random.randrange(1, 100_000))  # noqa: S311 - no secret
        for number in range(_CHANGES_A_CUT):
            await bulk.update_one(number)
        await staged.receive_more()


async def blackhole(proxy: FaultyProxy, staged: Scene, bulk: Bulk) -> None:
    proxy.blackhole()
    await asyncio.sleep(_SILENT_SECONDS)
    proxy.restore()
    await staged.first_event_after(time.monotonic())


Fault = Callable[[FaultyProxy, Scene, Bulk], Awaitable[None]]


@pytest.mark.parametrize(
    ("fault", "fail", "limit"),
    [
        pytest.param("MongoDB answers 300 ms later", delay, 10, id="delayed"),
        pytest.param("a line of 1 MB/s to MongoDB", throttle, 30, id="throttled"),
        pytest.param("the line to MongoDB cut in the middle of a message, 20 times", cut, 5, id="cut"),
        pytest.param("the line to MongoDB silent for 60 s", blackhole, 65, id="silent"),
    ],
)
async def test_no_subscriber_loses_a_change_when_the_connection_to_mongodb_fails(  # noqa: PLR0913, PLR0917 - a row of the table
    mongod: SingleNodeReplicaSet,
    proxy: FaultyProxy,
    server: ServerProcess,
    report: Callable[[FaultResult], None],
    fault: str,
    fail: Fault,
    limit: float,
):
    async with AsyncMongoClient[dict[str, Any]](mongod.uri) as mongo:
        bulk = Bulk(mongo, _ALONGSIDE)
        await bulk.insert()
        async with scene([server.url], mongod.uri) as failed:
            await fail(proxy, failed, bulk)
        proxy.restore()

    assert not failed.ledger.gaps
    assert failed.client.connections == 1
    report(
        FaultResult(
            fault,
            trials=1,
            lost=failed.ledger.lost,
            repeated=failed.ledger.repeated,
            measure="silence",
            worst=failed.silence,
            limit=limit,
        )
    )


async def write_a_large_change(mongo: AsyncMongoClient[dict[str, Any]]) -> None:
    """Cause 52 MB of change stream: two post-images, one pre-image and one description of the update."""
    size = (13 if is_full() else 1) * 2**20
    executions = mongo["live"][Execution.Settings.name]
    await executions.delete_many({"execution_id": "large"})
    await executions.insert_one(execution("large", tenant_id="big", final_result="a" * size))
    change = {"$set": {"final_result": "b" * size}, "$inc": {"version": 1}}
    await executions.update_one({"execution_id": "large"}, change)


async def write_many_lines(mongo: AsyncMongoClient[dict[str, Any]]) -> None:
    lines = mongo["live"][LogEntry.Settings.name]
    rows = [
        log_line("large", f"line {number}: {'x' * 120}", tenant_id="big")
        for number in range(60_000 if is_full() else 5_000)
    ]
    await lines.insert_many(rows)


@pytest.mark.parametrize(
    ("fault", "write"),
    [
        pytest.param("13 MB replaced by others, over a line of 9 MB/s", write_a_large_change, id="large"),
        pytest.param("60,000 log lines at once, over a line of 9 MB/s", write_many_lines, id="lines"),
    ],
)
async def test_a_subscriber_whose_change_comes_after_much_data_receives_it_within_seconds(  # noqa: PLR0913, PLR0917 - a row of the table
    mongod: SingleNodeReplicaSet,
    proxy: FaultyProxy,
    server: ServerProcess,
    report: Callable[[FaultResult], None],
    fault: str,
    write: Callable[[AsyncMongoClient[dict[str, Any]]], Awaitable[None]],
):
    tenant = f"{new_user()}-other"
    client = Client([server.url], token_of("ada", tenant=tenant))
    async with AsyncMongoClient[dict[str, Any]](mongod.uri) as mongo:
        executions = mongo["live"][Execution.Settings.name]
        await client.read_page()
        async with client.following():
            await executions.insert_one(execution("before", tenant_id=tenant, tokens_used=1))
            await client.until(lambda: client.ledger.received == 1, PATIENCE)
            opened = (await asyncio.to_thread(server.metrics))["live_streams_opened_total"]
            proxy.throttle((9 if is_full() else 2) * 2**20)
            await write(mongo)
            await executions.insert_one(execution("after", tenant_id=tenant, tokens_used=1))
            written = time.monotonic()
            await client.until(lambda: "after" in client.ledger.versions, PATIENCE)
            waited = time.monotonic() - written
            figures = await asyncio.to_thread(server.metrics)

    report(
        FaultResult(
            fault,
            trials=1,
            lost=client.ledger.lost,
            repeated=client.ledger.repeated,
            measure="another tenant receives after",
            worst=waited,
            limit=15,
            note=f"{client.ledger.gaps} gaps, {figures['live_streams_opened_total'] - opened:.0f} streams opened",
        )
    )
