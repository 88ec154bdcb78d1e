"""Servers feed while they serve, one of them at a time, unless they are told not to."""

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest

from execution_monitor.app import create_app, create_ingest_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.server_documents import ExecutionRollup, LeaseRecord
from tests.live.factories import execution
from tests.support.servers import served, wait_until_ready


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"statistics_rollups": "on", "delivery": "on", "metrics": "open"})


async def test_a_server_keeps_rollups_and_leaves_the_work_to_others_when_it_stops(
    database: Database, settings: Settings
):
    async with served(create_app(settings)) as url, httpx2.AsyncClient(base_url=url) as client:
        await wait_until_ready(url)
        await collection_of(Execution).insert_one(execution("e1"))
        async with asyncio.timeout(60):
            # Until the row of its day, and all others, are there.
            while await collection_of(ExecutionRollup).count_documents({"n": 1}) < 13:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        lines = (await client.get("/metrics")).text.splitlines()

    assert "execution_monitor_feeder_term 1.0" in lines
    assert 'execution_monitor_rollups_tenants{state="complete"} 1.0' in lines
    assert 'execution_monitor_rollups_settled_sums_total{use="reused"} 0.0' in lines
    lease = await database.collection(LeaseRecord).find_one({"_id": "feeder"})
    assert lease is not None
    assert lease["expires_at"] <= datetime.now(UTC)


@pytest.mark.parametrize("of_ingest", [False, True], ids=["rollups and webhooks are off", "only reports are taken"])
async def test_a_server_that_is_told_not_to_does_not_feed(database: Database, settings: Settings, *, of_ingest: bool):
    off = settings.model_copy(update={"statistics_rollups": "off", "delivery": "off"})
    application = create_ingest_app(settings) if of_ingest else create_app(off)
    async with served(application) as url:
        await wait_until_ready(url)

    assert await database.collection(LeaseRecord).find_one({"_id": "feeder"}) is None
