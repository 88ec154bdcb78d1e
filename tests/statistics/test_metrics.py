"""Metrics of executions: what the last day adds up to, by tenant and workflow, with the rarest as `other`."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from execution_monitor.statistics import metrics
from execution_monitor.statistics.measures import Breakdown
from execution_monitor.statistics.sketches import Sketch
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.live.factories import execution
from tests.support.servers import served, wait_until_ready

DASHBOARD = Path(__file__).parents[2] / "src" / "docs" / "grafana-dashboard.json"
PREFIX = "execution_monitor_executions"
LABELS = ("tenant", "workflow", "le")


def recent(name: str, workflow: str | None, **fields: Any) -> dict[str, Any]:
    return execution(name, workflow_name=workflow, **{"created": datetime.now(UTC), **fields})


async def scraped(url: str) -> dict[tuple[str, ...], float]:
    """The samples of executions, by name and the values of their labels."""
    async with httpx2.AsyncClient(base_url=url) as client:
        text = (await client.get("/metrics")).text
    return {
        (sample.name.removeprefix(f"{PREFIX}_"), *(sample.labels[each] for each in LABELS if each in sample.labels)): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(PREFIX)
    }


async def scraped_once_read(url: str) -> dict[tuple[str, ...], float]:
    """As `scraped`, once the executions have been read."""
    async with asyncio.timeout(20):
        while ("age_seconds",) not in (found := await scraped(url)):
            pass
    return found


@pytest.fixture
async def url(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[str]:
    """A server whose metrics are open, of two workflows and the rest."""
    monkeypatch.setattr(metrics, "MAX_WORKFLOWS", 2)
    old = datetime.now(UTC) - timedelta(hours=25)
    await database.collection(Execution).insert_many(
        [
            *(recent(f"i{n}", "ingest", status="completed", total_duration=30.0 * n) for n in range(1, 4)),
            *(recent(f"t{n}", "train", status="failed", total_duration=2.0, user_id="ben") for n in range(2)),
            recent("r", "report", status="running"),
            recent("n", None, status="timed_out"),
            recent("g", "globex's", tenant_id="globex", status="completed", total_duration=0.5),
            recent("old", "ingest", status="failed", created=old),
        ]
    )
    changes = {"metrics": "open", "metrics_executions": "on"}
    async with served(create_app(settings.model_copy(update=changes))) as url:
        await wait_until_ready(url)
        yield url


async def test_executions_of_the_last_day_are_counted_by_tenant_and_workflow(url: str):
    first = await scraped(url)
    found = await scraped_once_read(url)

    # The first scrape waits for nothing.
    assert first == {}
    assert {key[1:]: value for key, value in found.items() if key[0] == "started"} == {
        ("acme", "ingest"): 3,
        ("acme", "train"): 2,
        ("acme", "other"): 2,
        ("globex", "other"): 1,
    }
    assert {key[1:]: value for key, value in found.items() if key[0] == "failed" and value} == {
        ("acme", "train"): 2,
        ("acme", "other"): 1,
    }
    assert found["running", "acme", "other"] == 1
    assert found["ended", "acme", "ingest"] == 3
    buckets = {le: found["duration_seconds_bucket", "acme", "ingest", le] for le in ("15.0", "60.0", "300.0", "+Inf")}
    assert buckets == {"15.0": 0, "60.0": 2, "300.0": 3, "+Inf": 3}
    assert found["duration_seconds_gsum", "acme", "ingest"] == 180
    assert found["duration_seconds_gcount", "acme", "ingest"] == 3


async def test_every_metric_of_the_dashboard_is_exported(url: str):
    async with httpx2.AsyncClient(base_url=url) as client:
        await scraped_once_read(url)
        text = (await client.get("/metrics")).text
    exported = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    series = {*exported, *(f"{name}_bucket" for name in exported)}
    dashboard = orjson.loads(DASHBOARD.read_bytes())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [each["query"]["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    named = {name for query in queries for name in re.findall(r"\b(?:execution_monitor|process)_\w+", query)}

    assert len(named) > 20
    assert {name for name in named if name not in series} == set()
    assert len(queries) > len(dashboard["panels"]) > 10


def test_the_dashboard_names_no_data_source_of_its_own():
    dashboard = orjson.loads(DASHBOARD.read_bytes())
    variables = {each["name"]: each["type"] for each in dashboard["templating"]["list"]}
    sources = [panel["datasource"]["uid"] for panel in dashboard["panels"]]
    sources += [target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel["targets"]]

    assert variables["datasource"] == "datasource"
    assert set(sources) == {"${datasource}"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_a_bucket_has_the_values_up_to_its_bound():
    sketch = Sketch()
    for value in (0.5, 4.0, 100_000.0):
        sketch.add(value)

    assert dict(metrics.buckets_of(sketch)) == {
        **dict.fromkeys(["1.0"], 1),
        **dict.fromkeys(["5.0", "15.0", "60.0", "300.0", "900.0", "3600.0", "14400.0", "86400.0"], 2),
        "+Inf": 3,
    }


def test_nothing_is_left_of_a_tenant_without_executions():
    assert metrics.most_frequent({("acme", metrics.OTHER): Breakdown()}) == {}
