"""The export over REST: its two formats, its limits, who may see what, and how it ends."""

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from execution_monitor.app import create_app
from execution_monitor.auth.caller import Scope
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.executions.executions import Executions
from execution_monitor.rest.export import MOST_AT_ONCE
from execution_monitor.rest.openapi import EXPORT_PATH
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AuditEvent
from tests.rest.client import Fetch, Store
from tests.rest.documents import A_FAILED_EXECUTION, START, an_execution, executions
from tests.support.servers import served, wait_until_ready

MOST = 450
BIGGEST = 2**53


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"export_rows": MOST, "rate_limit": "off", "rate_limit_address": "off"})


async def lines_of(fetch: Fetch, query: str = "", **options: Any) -> list[dict[str, Any]]:
    response = await fetch(f"{EXPORT_PATH}?format=jsonl&{query}", **options)
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def ids_of(lines: list[dict[str, Any]]) -> list[str]:
    return [line["execution_id"] for line in lines]


async def events_of(database: Database, count: int) -> list[dict[str, Any]]:
    """The events of exports, once there are so many: a trail that is not strict is written a moment later."""
    trail = database.collection(AuditEvent)
    async with asyncio.timeout(10):
        # Nothing in this process says when it has been written.
        while len(found := await trail.find({"operation_name": "exportExecutions"}).sort("_id").to_list()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def test_a_line_of_json_has_what_the_list_shows_and_no_payload(fetch: Fetch, store: Store):
    await store([A_FAILED_EXECUTION])

    (line,) = await lines_of(fetch)

    assert line == {
        "execution_id": "run-1",
        "execution_name": "Nightly run",
        "workflow_name": "nightly",
        "workflow_template_id": "nightly-v2",
        "status": "failed",
        "status_detail": "upstream_failed",
        "created": "2026-01-01T00:00:00.000Z",
        "started_at": "2026-01-01T00:00:05.000Z",
        "completed_at": "2026-01-01T00:01:35.000Z",
        "total_duration": 90.0,
        "attempt": 2,
        "retry_of_execution_id": "run-00",
        "parent_execution_id": "run-0",
        "total_steps": 2,
        "steps_completed": 1,
        "steps_failed": 1,
        "total_cost": 0.5,
        "tokens_used": 14_162_275_774,
        "triggered_by": "schedule",
        "user_id": "ada",
        "session_id": "session-1",
        "error_code": "ENOSPC",
        "error": "Disk full.",
        "tags": [{"key": "team", "value": "data"}],
    }


async def test_csv_is_a_file_whose_texts_no_spreadsheet_runs(fetch: Fetch, store: Store):
    await store(
        [
            an_execution(
                "=1+1",
                execution_name="+cmd",
                workflow_name="-2+3",
                triggered_by="@SUM(A1)",
                session_id="\t=1",
                workflow_template_id="\r=1",
                status_detail="\n=1",
                error_details={"message": 'He said "no"; =2+2,\nénd', "code": "-1"},
                tags=[{"key": "=a", "value": "b"}, {"key": "c", "value": "d"}],
                total_cost=-0.5,
                tokens_used=BIGGEST,
            )
        ]
    )

    response = await fetch(EXPORT_PATH)

    names, cells = csv.reader(io.StringIO(response.text, newline=""))
    row = dict(zip(names, cells, strict=True))
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["content-disposition"].startswith('attachment; filename="executions-20')
    assert response.headers["content-disposition"].endswith('Z.csv"')
    assert response.headers["cache-control"] == "no-store"
    assert {name: value for name, value in row.items() if value.startswith("'")} == {
        "execution_id": "'=1+1",
        "execution_name": "'+cmd",
        "workflow_name": "'-2+3",
        "triggered_by": "'@SUM(A1)",
        "session_id": "'\t=1",
        "workflow_template_id": "'\r=1",
        "status_detail": "'\n=1",
        "error_code": "'-1",
        "tags": "'=a=b; c=d",
    }
    assert row["error"] == 'He said "no"; =2+2,\nénd'
    # Numbers are not quoted, and no digit is lost.
    assert f",-0.5,{BIGGEST}," in response.text
    # Where semicolons separate cells, the quotes keep a text in one.
    assert '"He said ""no""; =2+2,' in response.text


async def test_all_that_match_come_in_the_order_of_the_list(fetch: Fetch, store: Store):
    await store(executions(420, status="completed", total_cost=1.0))
    await store([an_execution("dear", total_cost=9.0), an_execution("other", workflow_name="hourly", total_cost=5.0)])
    condition = json.dumps({"not": {"workflowName": {"eq": "hourly"}}})

    listed = await lines_of(fetch, f"sort_by=total_cost&filter={condition}")
    oldest_first = await lines_of(fetch, "status=completed&order=asc&end_date=2026-01-01T00:09:00Z")

    assert listed[0]["execution_id"] == "dear"
    assert sorted(ids_of(listed[1:])) == sorted(f"e{each}" for each in range(420))
    assert ids_of(oldest_first) == [f"e{each}" for each in range(10)]


async def test_a_file_that_is_cut_says_so_and_where_the_rest_begins(fetch: Fetch, store: Store):
    rows = [an_execution(f"e{each:03}", created=START + timedelta(minutes=each)) for each in range(MOST + 1)]
    await store(rows[:-1])
    whole = await lines_of(fetch)
    await store(rows[-1:])

    *lines, last = await lines_of(fetch)
    text = (await fetch(f"{EXPORT_PATH}?sort_by=workflow_name")).text
    rest = await lines_of(fetch, last["incomplete"].rsplit(" ", 1)[1].rstrip("."))

    assert len(whole) == MOST
    assert ids_of(lines) == [row["execution_id"] for row in rows[:0:-1]]
    assert last == {
        "incomplete": f"these are the first {MOST} of more executions, the most in one export; "
        "the rest begins at end_date=2026-01-01T00:00:00.000Z."
    }
    assert ids_of(rest) == ["e000"]
    assert len(text.splitlines()) == 1 + MOST + 1
    assert text.splitlines()[-1] == (
        f'"# Incomplete: these are the first {MOST} of more executions, the most in one export; '
        'select fewer with start_date, end_date or filter."'
    )


async def test_a_mistake_is_a_problem(fetch: Fetch):
    response = await fetch(f"{EXPORT_PATH}?filter=[]")

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith("filter must be the JSON of an ExecutionFilter")


async def test_nobody_exports_what_they_may_not_see(fetch: Fetch, store: Store, token_for: Callable[..., str]):
    await store([an_execution("own"), an_execution("hers", user_id="grace"), an_execution("far", tenant_id="globex")])
    tokens = {
        "operator": token_for("olivia", "acme", Scope.EXECUTIONS_READ_TENANT),
        "owner": token_for("ada", "acme"),
        "stranger": token_for("mallory", "acme"),
    }
    everything = json.dumps({"or": [{"userId": {"eq": "grace"}}, {"userId": {"eq": "ada"}}]})

    found = {name: ids_of(await lines_of(fetch, f"filter={everything}", token=token)) for name, token in tokens.items()}

    assert {name: sorted(each) for name, each in found.items()} == {
        "operator": ["hers", "own"],
        "owner": ["own"],
        "stranger": [],
    }


async def test_a_head_request_reads_no_more_than_a_page(fetch: Fetch, store: Store, database: Database):
    await store(executions(420))

    response = await fetch(EXPORT_PATH, method="HEAD")

    (event,) = await events_of(database, 1)
    assert response.status_code == 200
    assert response.content == b""
    assert event["executions"] == 200


async def collect(response: httpx2.Response, parts: list[bytes]) -> None:
    async for part in response.aiter_bytes():
        parts.append(part)  # noqa: PERF401 - what has come is needed where the rest does not


@contextlib.asynccontextmanager
async def begun(server: str, token: str) -> AsyncGenerator[httpx2.Response]:
    """An export whose first part has come, and the rest not."""
    async with (
        httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client,
        client.stream("GET", f"{EXPORT_PATH}?format=jsonl") as response,
    ):
        yield response


def before_later_pages(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]]) -> None:
    """Let every page but the first come after `act`."""
    read: Any = Executions.list

    async def act_and_read(*arguments: Any) -> Any:
        _, _, _, _, page, _ = arguments
        if page.after is not None:
            await act()
        return await read(*arguments)

    monkeypatch.setattr(Executions, "list", act_and_read)


async def test_exports_are_limited_recorded_and_end_with_their_client(  # noqa: PLR0913
    server: str,
    fetch: Fetch,
    store: Store,
    database: Database,
    token_for: Callable[..., str],
    *,
    monkeypatch: pytest.MonkeyPatch,
):
    await store(executions(420))
    token, held = token_for("ada", "acme"), asyncio.Event()
    before_later_pages(monkeypatch, held.wait)

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MOST_AT_ONCE):
            response = await stack.enter_async_context(begun(server, token))
            assert response.status_code == 200
        refused = await fetch(EXPORT_PATH)
        other = await fetch(EXPORT_PATH, token=token_for("grace", "acme"))
    # All clients have left; none of the exports goes on.
    left = await events_of(database, MOST_AT_ONCE + 2)
    held.set()
    whole = await lines_of(fetch)
    await events_of(database, MOST_AT_ONCE + 3)

    assert refused.status_code == 429
    assert refused.json()["detail"] == "4 exports of yours run, the most at once; wait until one has ended."
    assert int(refused.headers["retry-after"]) > 0
    assert other.status_code == 200
    assert len(whole) == 420
    ended = [(each["subject"], each["outcome"], each["executions"]) for each in left]
    assert sorted(ended) == sorted(
        [("ada", "denied", 0), ("grace", "succeeded", 0), *[("ada", "succeeded", 200)] * MOST_AT_ONCE]
    )


async def test_an_export_that_cannot_be_finished_says_why_and_has_no_end(
    server: str, store: Store, database: Database, token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    await store(executions(420))

    async def fail() -> None:
        raise DatabaseUnavailable("MongoDB cannot be reached.")

    before_later_pages(monkeypatch, fail)
    parts: list[bytes] = []
    async with begun(server, token_for("ada", "acme")) as response:
        with pytest.raises(httpx2.RemoteProtocolError):
            await collect(response, parts)

    lines = b"".join(parts).splitlines()
    (event,) = await events_of(database, 1)
    assert len(lines) == 201
    assert json.loads(lines[-1]) == {"incomplete": "MongoDB cannot be reached."}
    assert (event["outcome"], event["codes"], event["executions"]) == ("failed", ["DATABASE_UNAVAILABLE"], 200)


async def test_an_export_costs_as_ten_pages_and_waits_for_a_strict_trail(
    database: Database, store: Store, settings: Settings, token_for: Callable[..., str]
):
    await store(executions(3))
    async with served(create_app(settings.model_copy(update={"rate_limit": "1500/hour", "audit": "strict"}))) as url:
        await wait_until_ready(url)
        headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
            responses = [await client.get(f"{EXPORT_PATH}?status=pending") for _ in range(2)]

    trail = await database.collection(AuditEvent).find({"operation_name": "exportExecutions"}).sort("_id").to_list()
    assert [response.status_code for response in responses] == [200, 429]
    assert "r=500" in responses[0].headers["ratelimit"]
    assert [(each["kind"], each["outcome"], each["executions"]) for each in trail] == [
        ("rest", "succeeded", 3),
        ("rest", "denied", 0),
    ]
    assert trail[0]["arguments"] == {"exportExecutions": {"status": "pending"}}
