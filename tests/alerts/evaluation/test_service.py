"""A process that delivers makes alerts: by the changes that it feeds, and by evaluating rules."""

import asyncio

import httpx2
import pytest

from execution_monitor.alerts.conditions import Event, Rate
from execution_monitor.app import create_delivery_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.alerts.alerting import FAILED, Alerting
from tests.support.servers import served, wait_until_ready

SECONDS = "execution_monitor_alert_evaluation_seconds_total"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"metrics": "open"})


async def test_a_process_that_delivers_feeds_rules_and_evaluates_them(database: Database, settings: Settings):
    process = Alerting(database)
    rules = [await process.rule(Rate(300, count_above=0)), await process.rule(Event(FAILED))]
    await process.ran("run-1", status="failed")

    async with served(create_delivery_app(settings)) as url, httpx2.AsyncClient(base_url=url) as client:
        await wait_until_ready(url)
        async with asyncio.timeout(60):
            while len(await process.alerts()) < len(rules):  # noqa: ASYNC110 - another process makes them
                await asyncio.sleep(0.05)
            # The time of an evaluation is known when all of it has ended.
            while SECONDS + " 0.0" in (lines := (await client.get("/metrics")).text.splitlines()):  # noqa: ASYNC110 - another process measures
                await asyncio.sleep(0.05)

    assert {each["rule_id"] for each in await process.alerts()} == {each["_id"] for each in rules}
    assert await process.events_sent() == [(None, "fired"), (None, "fired")]
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("execution_monitor_alert_"))
    assert float(values["execution_monitor_alert_questions_total"]) >= 1
    assert float(values[SECONDS]) > 0
    assert 'execution_monitor_alert_evaluations_total{outcome="failed"} 0.0' in lines
