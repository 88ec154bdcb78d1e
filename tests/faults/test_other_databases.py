"""Other databases of the same cluster that are busy: their changes do not delay the change stream."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncGenerator, Callable
from typing import Any

from pymongo import MongoClient

from execution_monitor.tasks import end_tasks
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full, result_of, scene
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess

_PER_SECOND = 5_000 if is_full() else 500
_BATCHES_PER_SECOND = 10
_CHANGES = 3_000 if is_full() else 200


async def test_writes_to_other_databases_delay_no_event(
    shared_server: ServerProcess, shared_mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    # One writer, so that events come in the order in which their writes were acknowledged.
    async with (
        scene([shared_server.url], shared_mongod.uri, writers=1, pause=0.005) as busy,
        writing_elsewhere(shared_mongod.uri) as written,
    ):
        await busy.receive_more(_CHANGES)

    acknowledged, received = busy.writers.truth.times, busy.client.times
    late = [max(0.0, at - was) for at, was in zip(received[-_CHANGES:], acknowledged[-_CHANGES:], strict=True)]
    quantiles = statistics.quantiles(late, n=100)
    assert not busy.ledger.gaps
    assert sum(written)
    report(
        result_of(
            "other databases of the cluster at 5,000 writes a second",
            [busy],
            measure="silence",
            worst=busy.silence,
            limit=2,
            note=f"from commit to client {quantiles[49] * 1_000:.3g} ms (p50), {quantiles[98] * 1_000:.3g} ms (p99)",
        )
    )


@contextlib.asynccontextmanager
async def writing_elsewhere(uri: str) -> AsyncGenerator[list[int]]:
    """Insert documents into three other databases; yields the sizes of all batches so far."""
    written: list[int] = []
    size = _PER_SECOND // _BATCHES_PER_SECOND

    async def write(mongo: MongoClient[dict[str, Any]]) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            rows = [{"number": number, "text": "x" * 200} for number in range(size)]
            database = mongo[f"elsewhere-{len(written) % 3}"]
            await asyncio.to_thread(database["lines"].insert_many, rows, ordered=False)
            written.append(size)
            await asyncio.sleep(began + len(written) / _BATCHES_PER_SECOND - clock())

    with MongoClient[dict[str, Any]](uri) as mongo:
        writing = asyncio.create_task(write(mongo))
        try:
            yield written
            assert not writing.done(), writing.exception()
        finally:
            await end_tasks(writing)
