"""Very many executions that MongoDB deletes by TTL: each subscriber receives each deletion once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pymongo import AsyncMongoClient

from execution_monitor.storage.documents import Execution
from tests.faults.bulks import Bulk, followed
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess

_EXECUTIONS = 50_000 if is_full() else 500
_SUBSCRIBERS = 10
_SECONDS = 600.0 if is_full() else 60.0


async def test_executions_that_expire_are_sent_as_deleted(
    shared_server: ServerProcess, shared_mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    async with AsyncMongoClient[dict[str, Any]](shared_mongod.uri) as mongo:
        await mongo.admin.command("setParameter", 1, ttlMonitorSleepSecs=1)
        bulk = Bulk(mongo, _EXECUTIONS)
        await bulk.insert(expires=datetime.now(UTC))
        async with followed(shared_server, bulk, subscribers=_SUBSCRIBERS, seconds=_SECONDS) as following:
            await mongo["live"][Execution.Settings.name].create_index("expires", expireAfterSeconds=0)
            await bulk.until_expired()

    outcome = following.outcome
    found = outcome.result.total
    report(
        FaultResult(
            "50,000 executions deleted by TTL",
            trials=1,
            lost=found.lost(outcome.conflated),
            repeated=found.repeated,
            note=outcome.note,
        )
    )
    assert outcome.result.connections == _SUBSCRIBERS
