"""The client of OpenLineage for Python, configured as the documentation says, sends events and sends them again."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import error_message_run, parent_run
from openlineage.client.transport.http import HttpTransport
from openlineage.client.uuid import generate_new_uuid
from typing_extensions import override

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import RateLimited
from execution_monitor.ingest.openlineage.routes import LINEAGE_PATH, openlineage_routes
from execution_monitor.ingest.service import Stored
from execution_monitor.ingest.writer.facts import Facts
from tests.ingest.http.storing_nothing import Endpoint, StoringNothing
from tests.ingest.openlineage.captures import documents_of
from tests.support.raw_http import serving_raw

_DOCS = Path(__file__).parents[3] / "src" / "docs"
PAGES = "".join((_DOCS / page).read_text(encoding="utf-8") for page in ("ingest.md", "openlineage.md"))
_EXPORT = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)


class _BusyAtFirst(StoringNothing):
    """Refuses what is sent first, as often as it is told."""

    refusals = 0

    @override
    async def store(self, caller: Caller, facts: Facts) -> Stored:
        if self.refusals:
            self.refusals -= 1
            raise RateLimited("Wait.", 0)
        return await super().store(caller, facts)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(openlineage_routes, LINEAGE_PATH, ingest=_BusyAtFirst())


@pytest.fixture
async def url(endpoint: Endpoint) -> AsyncGenerator[str]:
    async with serving_raw(endpoint.application()) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[None]:
    monkeypatch.chdir(tmp_path)
    for name in _settings():
        monkeypatch.delenv(name)
    yield
    # The client sets some itself.
    for name in _settings():
        del os.environ[name]


def _settings() -> list[str]:
    return [name for name in os.environ if name.startswith("OPENLINEAGE")]


def written_for(url: str, language: str, mark: str) -> str:
    """The block of the pages in `language` that contains `mark`, with an address and a key."""
    (block,) = [
        each for each in re.findall(rf"^```{language}\n(.*?)^```", PAGES, re.MULTILINE | re.DOTALL) if mark in each
    ]
    return block.replace("https://monitor.example.org", url).replace("em_...", "em_1")


def by_variables(url: str, monkeypatch: pytest.MonkeyPatch) -> OpenLineageClient:
    for name, value in _EXPORT.findall(written_for(url, "sh", "OPENLINEAGE__TRANSPORT__TYPE")):
        monkeypatch.setenv(name, value)
    return OpenLineageClient()


def as_dbt_does(url: str, monkeypatch: pytest.MonkeyPatch) -> OpenLineageClient:
    for name, value in _EXPORT.findall(written_for(url, "sh", "dbt-ol build")):
        monkeypatch.setenv(name, value)
    return OpenLineageClient()


def by_file(url: str, _: pytest.MonkeyPatch) -> OpenLineageClient:
    Path("openlineage.yml").write_text(written_for(url, "yaml", "transport:"), encoding="utf-8")
    return OpenLineageClient()


def as_airflow_does(url: str, _: pytest.MonkeyPatch) -> OpenLineageClient:
    variables = dict(_EXPORT.findall(written_for(url, "sh", "AIRFLOW__OPENLINEAGE__TRANSPORT")))
    return OpenLineageClient(
        config={"transport": orjson.loads(variables["AIRFLOW__OPENLINEAGE__TRANSPORT"].strip("'"))}
    )


def events_of_a_run() -> list[RunEvent]:
    """A run with a step that fails, as a program reports it."""
    run, step = str(generate_new_uuid()), str(generate_new_uuid())
    parent = parent_run.ParentRunFacet(parent_run.Run(run), parent_run.Job("prod", "nightly"))
    error = error_message_run.ErrorMessageRunFacet("no such table", "python")
    nightly, load = Job("prod", "nightly"), Job("prod", "nightly.load")

    def event(state: RunState, of: Run, job: Job) -> RunEvent:
        return RunEvent(
            eventTime=datetime.now(UTC).isoformat(), eventType=state, run=of, job=job, producer="https://a.b"
        )

    return [
        event(RunState.START, Run(run), nightly),
        event(RunState.START, Run(step, {"parent": parent}), load),
        event(RunState.FAIL, Run(step, {"parent": parent, "errorMessage": error}), load),
        event(RunState.FAIL, Run(run), nightly),
    ]


@pytest.mark.parametrize("configure", [by_variables, by_file, as_airflow_does, as_dbt_does])
async def test_a_client_that_is_configured_as_documented_reports(
    endpoint: Endpoint,
    url: str,
    configure: Callable[[str, pytest.MonkeyPatch], OpenLineageClient],
    monkeypatch: pytest.MonkeyPatch,
):
    client = configure(url, monkeypatch)
    events = events_of_a_run()
    assert isinstance(client.transport, HttpTransport)

    for event in events:
        await asyncio.to_thread(client.emit, event)

    run, step = events[0].run.runId, events[1].run.runId
    stored = Facts(lambda _, value: value)
    for each in endpoint.ingest.given:
        stored.join(each)
    documents = documents_of(stored)
    assert documents["executions"][run]["status"] == "failed"
    assert documents["steps"][run, step]["step_name"] == "load"
    assert documents["steps"][run, step]["error_details"] == {"message": "no such table"}


async def test_a_client_sends_again_what_it_is_told_to(endpoint: Endpoint, url: str, monkeypatch: pytest.MonkeyPatch):
    assert isinstance(endpoint.ingest, _BusyAtFirst)
    endpoint.ingest.refusals = 2
    event = events_of_a_run()[0]

    await asyncio.to_thread(by_variables(url, monkeypatch).emit, event)

    assert [each.execution_ids for each in endpoint.ingest.given] == [[event.run.runId]]
    assert len(endpoint.observer.ended) == 3
