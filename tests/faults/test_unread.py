"""A subscriber that never reads, among many that do: it is disconnected, and no other subscriber notices."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pymongo import AsyncMongoClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from execution_monitor.auth.caller import Scope
from execution_monitor.storage.documents import Execution
from execution_monitor.tasks import end_tasks
from tests.faults.client import Client
from tests.faults.oracle import Writers
from tests.faults.results import FaultResult
from tests.faults.scenes import PATIENCE, is_full, new_user, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

_READERS = 500 if is_full() else 40
_FAT = 200_000  # bytes of each unread change: a few fill the buffers of a socket, which hold megabytes
_UNREAD = "subscription { executionUpdates { cursor execution { inputParameters } } }"
_MOST_GROWTH = 256 * 1024 * 1024  # bytes: the replay buffer, decoded, and the backlog of the one subscriber


@pytest.fixture(scope="module")
def oplog_mb() -> int:
    return 512


async def test_a_subscriber_that_never_reads_is_disconnected_and_no_other_notices(
    server: ServerProcess, mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=5, small=1)
    closed_after: list[float] = []
    lost = repeated = 0
    ratios: list[float] = []
    grown: list[int] = []
    for _ in trials:
        user = new_user()
        writers = Writers(mongod.uri, "live", user, count=1, pause=0.25 if is_full() else 0.05)
        clients = [Client([server.url], token_of(user)) for _ in range(_READERS)]
        await asyncio.gather(*(client.read_page() for client in clients[:1]))
        for client in clients[1:]:
            client.cursor = clients[0].cursor
        async with contextlib.AsyncExitStack() as stack:
            for client in clients:
                await stack.enter_async_context(client.following())
            await stack.enter_async_context(writers.writing())
            async with filling(mongod, f"{user}-fat"):
                before = await latencies(clients, writers, 30)
                memory = server.resident
                async with unread(server, token_of(f"{user}-fat", Scope.EXECUTIONS_PAYLOAD)):
                    began = time.monotonic()
                    during = await latencies(clients, writers, 30)
                    await until_subscribers(server, _READERS)
                    closed_after.append(time.monotonic() - began)
            grown.append(server.resident - memory)
            await writers.stop()
            barrier = await writers.write_barrier()
            for client in clients:
                await wait_for(client, barrier)
                client.ledger.close(writers.truth)
                lost += client.ledger.lost
                repeated += client.ledger.repeated
        ratios.append(during / before)

    report(
        FaultResult(
            f"a subscriber that never reads, among {_READERS} that do",
            len(trials),
            lost=lost,
            repeated=repeated,
            measure="closed after",
            worst=max(closed_after),
            limit=30,
            note=(
                f"p99 of the others {statistics.median(ratios):.2f} of before, memory +{max(0, *grown) / 2**20:.0f} MiB"
            ),
        )
    )
    assert max(grown) < _MOST_GROWTH


async def wait_for(client: Client, barrier: str) -> None:
    """Return when `client` has received `barrier`, or its time is up."""
    with contextlib.suppress(TimeoutError):
        await client.until(lambda: barrier in client.ledger.versions, PATIENCE)


async def latencies(clients: list[Client], writers: Writers, changes: int) -> float:
    """The p99 of seconds from acknowledgement to arrival, over the next changes and all clients."""
    first = len(writers.truth.times)
    for client in clients:
        await client.until(lambda times=client.times: len(times) >= first + changes, PATIENCE)
    acknowledged = writers.truth.times
    return statistics.quantiles(
        (client.times[n] - acknowledged[n] for client in clients for n in range(first, first + changes - 1)), n=100
    )[-1]


@contextlib.asynccontextmanager
async def unread(server: ServerProcess, token: str) -> AsyncGenerator[ClientConnection]:
    """A connection whose client reads nothing."""
    url = server.url.replace("http", "ws", 1) + "/graphql"
    async with connect(
        url,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        compression=None,  # else the buffers of a socket would hold all of it
        max_queue=1,
        max_size=None,
        close_timeout=0.1,
    ) as socket:
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
        await socket.send(orjson.dumps(init).decode())
        assert orjson.loads(await socket.recv()) == {"type": "connection_ack"}
        subscribe = {"id": "1", "type": "subscribe", "payload": {"query": _UNREAD}}
        await socket.send(orjson.dumps(subscribe).decode())
        await until_subscribers(server, _READERS + 1)
        yield socket


@contextlib.asynccontextmanager
async def filling(mongod: SingleNodeReplicaSet, user: str) -> AsyncGenerator[None]:
    """A time in which large changes of `user` are written."""
    now = datetime.now(UTC)
    document = {
        "execution_id": user,
        "user_id": user,
        "tenant_id": "acme",
        "workflow_name": "fat",
        "status": "running",
        "created": now,
        "updated": now,
        "version": 1,
        "input_parameters": "x" * _FAT,
    }

    async def write() -> None:
        async with AsyncMongoClient[dict[str, Any]](mongod.uri) as mongo:
            collection = mongo["live"][Execution.Settings.name]
            await collection.insert_one(document)
            while True:
                await collection.update_one({"execution_id": user}, {"$inc": {"version": 1}})
                await asyncio.sleep(0.05)

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        await end_tasks(writing)
        assert writing.cancelled(), writing


async def until_subscribers(server: ServerProcess, wanted: int) -> None:
    """Return when the server has `wanted` subscribers."""
    async with asyncio.timeout(PATIENCE), httpx2.AsyncClient(base_url=server.url) as http:
        while await subscribers(http) != wanted:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.1)


async def subscribers(http: httpx2.AsyncClient) -> float:
    text = (await http.get("/metrics")).text
    (family,) = [
        each for each in text_string_to_metric_families(text) if each.name == "execution_monitor_live_subscribers"
    ]
    return family.samples[0].value
