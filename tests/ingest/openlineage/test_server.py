"""Captured runs sent to a server over HTTP: what is stored, whose it is, and what others see of it."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.uuid import generate_static_uuid
from pydantic import SecretStr

from execution_monitor.auth.caller import Scope
from execution_monitor.ingest.openlineage.routes import BATCH_PATH, LINEAGE_PATH
from execution_monitor.ingest.redaction import Redaction
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer
from execution_monitor.rest.paths import LIST_PATH
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS, Execution, LogEntry, Step
from execution_monitor.storage.server_documents import AuditEvent, IngestRun
from tests.ingest.openlineage.captures import NAMES, capture, facts_of
from tests.ingest.writer.reports import stored_documents
from tests.storage.strategies import bounded
from tests.support.tokens import SECRET, token_of

ADA = Owner("acme", "ada")
CLEAN = Redaction(keeps_payloads=True).clean
AIRFLOW_RUN = "01a22080-3fd0-790a-8d86-f227bb86dfd9"

Send = Callable[..., Awaitable[httpx2.Response]]


@pytest.fixture
def settings(mongodb_uri: str, database_name: str) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        ingest_payloads="on",
    )


@pytest.fixture
async def send(server: str) -> AsyncGenerator[Send]:
    """`send(events, path=..., user=..., tenant=...)`: the response; without a user it is Ada of Acme."""
    async with httpx2.AsyncClient(base_url=server, timeout=30) as client:

        async def send(
            events: Any, path: str = LINEAGE_PATH, user: str = "ada", tenant: str = "acme"
        ) -> httpx2.Response:
            token = token_of(user, Scope.EXECUTIONS_WRITE, tenant=tenant)
            return await client.post(path, json=events, headers={"Authorization": f"Bearer {token}"})

        yield send


async def empty(database: Database) -> None:
    for document in (*DOCUMENTS, IngestRun):
        await database.collection(document).delete_many({})


async def rows_of(database: Database, document: type[Any] = Execution) -> list[dict[str, Any]]:
    return await database.collection(document).find().sort("created").to_list()


@pytest.mark.parametrize("name", NAMES)
@bounded(max_examples=12)
@given(data=st.data())
async def test_a_captured_run_in_any_order_repeated_and_in_batches_stores_the_same(
    database: Database, name: str, data: st.DataObject
):
    events = capture(name)
    await empty(database)
    await Writer(database).write(ADA, facts_of(events, CLEAN))
    expected = await stored_documents(database)

    await empty(database)
    sent = data.draw(st.permutations([*events, *events[:5]]), label="arrival")
    size = data.draw(st.integers(len(events) // 4, len(events)), label="batch")
    writers = [Writer(database), Writer(database)]
    batches = [sent[start : start + size] for start in range(0, len(sent), size)]
    await asyncio.gather(
        *(writers[place % 2].write(ADA, facts_of(batch, CLEAN)) for place, batch in enumerate(batches))
    )

    assert await stored_documents(database) == expected


async def test_a_run_is_shown_as_its_engine_has_it(send: Send, server: str, database: Database):
    for event in capture("airflow-run-2"):
        assert (await send(event)).status_code == 201

    reader = {"Authorization": f"Bearer {token_of('ada', Scope.EXECUTIONS_READ, Scope.EXECUTIONS_PAYLOAD)}"}
    async with httpx2.AsyncClient(base_url=server, headers=reader) as client:
        found = (await client.get(f"{LIST_PATH}/{AIRFLOW_RUN}")).json()
    steps = {step["step_name"]: (step["status"], step["attempt"]) for step in found["steps"]}
    assert (found["workflow_name"], found["status"], found["total_duration"]) == ("shop_orders", "completed", 12.755)
    assert (found["execution_name"], found["triggered_by"]) == (
        "manual__2026-11-28T04:53:25.584491+00:00_bkTVZMW3",
        "cli",
    )
    assert list(steps) == [
        "checks.skip",
        "flaky",
        "list_regions",
        "load[0]",
        "checks.count",
        "shell",
        "trigger_child",
        "load[1]",
        "load[2]",
    ]
    assert (steps["flaky"], steps["load[1]"], steps["shell"]) == (("completed", 2), ("completed", 1), ("pending", 1))
    (line,) = await rows_of(database, LogEntry)
    assert line["message"] == "Attempt 1 of flaky failed: the warehouse was busy"


async def test_what_is_sent_again_changes_nothing(send: Send, database: Database):
    await send(list(capture("airflow-run-4")))
    before = [await rows_of(database, document) for document in DOCUMENTS]

    assert (await send(list(capture("airflow-run-4")), BATCH_PATH)).json()["status"] == "success"

    assert [await rows_of(database, document) for document in DOCUMENTS] == before


async def test_planted_secrets_are_in_no_document(send: Send, database: Database):
    for name in NAMES:
        assert (await send(list(capture(name)))).status_code == 201

    stored = [row for document in DOCUMENTS for row in await rows_of(database, document)]
    assert len(stored) > 50
    assert "hunter2" not in repr(stored)


@pytest.mark.parametrize("order", ["the parent first", "the child first"])
async def test_a_run_that_a_task_started_is_below_the_execution_of_the_task(send: Send, database: Database, order: str):
    task = next(each for each in capture("airflow-run-0") if each["run"]["runId"].endswith("b1b4-dc7053236ab7"))
    invocation = capture("dbt-run-2")[0]
    assert invocation["run"]["facets"]["parent"]["run"] == {"runId": task["run"]["runId"]}

    for event in [task, invocation] if order == "the parent first" else [invocation, task]:
        assert (await send(event)).status_code == 201

    parents = {row["workflow_name"]: row.get("parent_execution_id") for row in await rows_of(database)}
    assert parents == {"shop_orders": None, "dbt-run-shop": task["run"]["facets"]["parent"]["run"]["runId"]}


@pytest.mark.parametrize("order", ["in order", "in reverse"])
async def test_a_run_that_was_cleared_and_the_run_that_clearing_began_are_two_of_which_one_repeats_the_other(
    send: Send, database: Database, order: str
):
    first = capture("airflow-run-2")[0]
    again = copy.deepcopy(first)
    dag_run = again["run"]["facets"]["airflowDagRun"]["dagRun"]
    dag_run["clear_number"] = 1
    run_after = datetime.fromisoformat(dag_run["run_after"])
    again["run"]["runId"] = str(generate_static_uuid(run_after, b"prod-airflow.shop_orders.1"))

    for event in [first, again] if order == "in order" else [again, first]:
        assert (await send(event)).status_code == 201

    repeated = {row["execution_id"]: row.get("retry_of_execution_id") for row in await rows_of(database)}
    assert repeated == {AIRFLOW_RUN: None, again["run"]["runId"]: AIRFLOW_RUN}


async def test_the_same_run_of_two_tenants_is_two_executions_of_which_each_sees_its_own(
    send: Send, server: str, database: Database
):
    events = list(capture("dagster-run-1"))
    for tenant in ("acme", "globex"):
        assert (await send(events, tenant=tenant)).status_code == 201

    assert sorted(row["tenant_id"] for row in await rows_of(database)) == ["acme", "globex"]
    assert len(await rows_of(database, Step)) == 8
    for tenant in ("acme", "globex"):
        reader = token_of("ada", Scope.EXECUTIONS_READ, tenant=tenant)
        async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {reader}"}) as client:
            assert (await client.get(LIST_PATH)).json()["total"] == 1


async def test_a_run_of_another_owner_is_refused_and_kept_as_it_was(send: Send, database: Database):
    event = capture("dagster-run-1")[0]
    await send(event)
    before = await rows_of(database)

    refused = await send({**event, "eventType": "FAIL"}, user="mallory")
    beside = await send([event, {**event, "run": {"runId": "run-2"}}], BATCH_PATH, user="mallory")

    assert refused.status_code == 400
    assert [each["index"] for each in beside.json()["failed_events"]] == [0]
    assert [row for row in await rows_of(database) if row["user_id"] == "ada"] == before
    assert {row["execution_id"] for row in await rows_of(database)} == {event["run"]["runId"], "run-2"}


@pytest.mark.parametrize("path", [LINEAGE_PATH, BATCH_PATH])
@pytest.mark.parametrize("scopes", [(), (Scope.EXECUTIONS_READ_TENANT, Scope.MANAGE)])
async def test_who_may_not_write_stores_nothing(server: str, database: Database, path: str, scopes: tuple[Scope, ...]):
    token = token_of("ada", *scopes)
    async with httpx2.AsyncClient(base_url=server) as client:
        response = await client.post(
            path, json=list(capture("dagster-run-1")), headers={"Authorization": f"Bearer {token}"}
        )

    assert (response.status_code, await rows_of(database)) == (403, [])


async def test_a_request_is_one_event_of_the_audit_trail_without_its_content(send: Send, database: Database):
    await send(list(capture("airflow-run-2")), BATCH_PATH)

    async with asyncio.timeout(10):
        while not (events := await database.collection(AuditEvent).find().to_list()):  # noqa: ASYNC110 - in MongoDB
            await asyncio.sleep(0.05)
    (event,) = events
    assert (event["operation_name"], event["outcome"]) == ("ingestOpenLineageBatch", "succeeded")
    assert event["arguments"] == {"ingestOpenLineageBatch": {"events": 17}}
    assert event["execution_ids"] == [AIRFLOW_RUN]
    assert "shop_orders" not in repr(event)


async def test_the_stock_client_reports_to_a_server(server: str, database: Database):
    token = token_of("ada", Scope.EXECUTIONS_WRITE)
    transport: Mapping[str, Any] = {"type": "http", "url": server, "auth": {"type": "api_key", "api_key": token}}
    client = OpenLineageClient(config={"transport": {**transport, "compression": "gzip"}})
    run = Run("01a22080-3fd0-790a-8d86-000000000001")

    def emit(states: Iterable[RunState]) -> None:
        for state in states:
            time = datetime.now(UTC).isoformat()
            client.emit(
                RunEvent(eventTime=time, run=run, job=Job("prod", "nightly"), producer="https://a.b", eventType=state)
            )

    await asyncio.to_thread(emit, [RunState.START, RunState.COMPLETE])

    (row,) = await rows_of(database)
    assert (row["execution_id"], row["workflow_name"], row["status"]) == (run.runId, "nightly", "completed")
    assert (row["user_id"], row["tenant_id"], row["version"]) == ("ada", "acme", 2)
