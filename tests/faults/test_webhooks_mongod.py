"""Webhooks and a MongoDB that fails: every change is enqueued once and delivered, or the owner gets one gap."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.webhook_documents import WebhookDelivery
from tests.faults.results import FaultResult
from tests.faults.scenes import sized
from tests.faults.webhook_scene import webhook_scene_at
from tests.support.mongod import SingleNodeReplicaSet, roll_the_oplog

# Of processes that are started with fork.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def oplog_mb() -> int:
    # The least that MongoDB takes, so that it is rolled soon.
    return 16


async def test_mongod_that_is_killed_loses_no_change_and_enqueues_none_twice(
    mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=20, small=1)
    async with webhook_scene_at(mongod.uri, "killed") as staged:
        for trial in trials:
            async with staged.outage():
                mongod.kill()
                # Down for a moment, and for longer than an attempt or a claim lasts.
                await asyncio.sleep(trial % 5)
                await asyncio.to_thread(mongod.start)
        await staged.finish()
        result = await staged.result("`kill -9` of mongod, and its restart", len(trials))

    report(result)


async def test_an_oplog_that_is_rolled_past_the_feeder_is_one_gap_for_each_webhook(
    mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    trials = sized(full=5, small=1)
    lost = Counter[tuple[str, int]]()
    async with webhook_scene_at(mongod.uri, "rolled") as staged:
        for trial in trials:
            await staged.kill_all()
            before = await staged.enqueued()
            await asyncio.to_thread(roll_the_oplog, mongod.uri)
            for _ in range(2):
                staged.start()
            await staged.deliver_gaps(trial + 1)
            # What was written until one of them went on.
            lost |= staged.writing.versions - before
            await staged.deliver_more()
        await staged.finish()
        result = await staged.result("the oplog rolled past the feeder", len(trials), lost=lost)
        gaps = await gaps_of(staged.database)

    assert gaps == {staged.everything["_id"]: len(trials), staged.failures["_id"]: len(trials)}
    report(result)


async def gaps_of(database: Database) -> Counter[object]:
    """How many gaps each webhook got; each has arrived, and reaches from a time to a later one."""
    rows = await database.collection(WebhookDelivery).find({"kind": "gap"}).to_list()
    assert all(row["state"] == "delivered" and row["data"]["since"] <= row["data"]["until"] for row in rows)
    return Counter(row["webhook_id"] for row in rows)
