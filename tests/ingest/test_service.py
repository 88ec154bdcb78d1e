"""The service that stores reports, against a real MongoDB: groups, limits, refusals, and what readers see meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, Forbidden, ServerBusy
from execution_monitor.executions.executions import NEWEST_FIRST
from execution_monitor.executions.services import Monitor
from execution_monitor.ingest.service import Ingest
from execution_monitor.ingest.writer.claims import NOT_YOURS
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.group_commit import GroupLimits
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus, LogEntry, Step
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.pagination import PageRequest, PageSelection
from execution_monitor.storage.server_documents import IngestRun
from tests.ingest.writer.reports import NOON, keep
from tests.live.factories import CURSORS

ADA = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_WRITE, Scope.EXECUTIONS_READ}))
BEN = Caller("ben", "acme", ADA.scopes)


@pytest.fixture
async def ingest(database: Database) -> AsyncGenerator[Ingest]:
    async with Ingest(database, keep) as ingest:
        yield ingest


def report(ingest: Ingest, execution_id: str = "run", second: int = 0, **values: Any) -> Facts:
    facts, at = ingest.begin(), NOON + timedelta(seconds=second)
    execution = facts.execution(execution_id)
    execution.created(at)
    execution.set_known({"workflow_name": "etl", **values}, at=at)
    return facts


async def execution_of(database: Database, execution_id: str = "run") -> dict[str, Any]:
    row = await database.collection(Execution).find_one({"execution_id": execution_id})
    assert row is not None
    return row


async def test_what_arrives_while_a_write_is_under_way_goes_with_the_next(database: Database, ingest: Ingest):
    first = asyncio.create_task(ingest.store(ADA, report(ingest, triggered_by="0")))
    for _ in range(3):
        await asyncio.sleep(0)
    others = (ingest.store(ADA, report(ingest, second=each, triggered_by=str(each))) for each in range(1, 50))
    stored = await asyncio.gather(first, *others)

    row = await execution_of(database)
    assert all(each.refused == {} for each in stored)
    assert (row["triggered_by"], row["created"]) == ("49", NOON)
    # The first report alone, and the forty-nine others together.
    assert row["version"] == 2


async def test_a_caller_without_the_scope_is_refused(database: Database, ingest: Ingest):
    with pytest.raises(Forbidden, match="executions:write"):
        await ingest.store(Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ})), report(ingest))

    assert await database.collection(Execution).count_documents({}) == 0


async def test_members_of_a_group_get_what_became_of_their_own_reports(ingest: Ingest):
    await ingest.store(BEN, report(ingest, "ben's"))

    first, other, unchanged = await asyncio.gather(
        ingest.store(ADA, report(ingest, "a")),
        ingest.store(ADA, report(ingest, "ben's")),
        ingest.store(ADA, report(ingest, "b")),
    )

    assert (first.changed, first.refused) == ({"a"}, {})
    assert (other.changed, other.refused) == (frozenset(), {"ben's": NOT_YOURS})
    assert (unchanged.changed, unchanged.refused) == ({"b"}, {})
    assert (await ingest.store(ADA, report(ingest, "a"))).changed == frozenset()


async def test_a_report_that_cannot_be_stored_costs_no_other_of_its_group(database: Database, ingest: Ingest):
    first = asyncio.create_task(ingest.store(ADA, report(ingest, "first")))
    await asyncio.sleep(0)
    found = await asyncio.gather(
        first,
        *(ingest.store(ADA, report(ingest, f"run-{number}")) for number in range(3)),
        ingest.store(ADA, report(ingest, "huge", input_parameters="x" * (17 * 1024 * 1024))),
        return_exceptions=True,
    )

    assert [isinstance(each, BadUserInput) for each in found] == [False] * 4 + [True]
    rows = await database.collection(Execution).find({}).to_list()
    assert {row["execution_id"] for row in rows} == {"first", "run-0", "run-1", "run-2"}


def test_a_value_that_bson_cannot_hold_is_refused_before_it_joins_a_group(ingest: Ingest):
    with pytest.raises(BadUserInput, match="cannot be stored"):
        report(ingest, "poisoned", input_parameters={"an\0name": 1})


async def test_senders_that_are_refused_under_pressure_have_all_stored_when_they_send_again(database: Database):
    refused = 0

    async def send(ingest: Ingest, number: int) -> None:
        nonlocal refused
        while True:
            try:
                await ingest.store(ADA, report(ingest, f"run-{number}"))
            except ServerBusy:
                refused += 1
                await asyncio.sleep(0.01)
            else:
                return

    async with Ingest(database, keep, GroupLimits(waiting_requests=5)) as ingest:
        await asyncio.gather(*(send(ingest, number) for number in range(40)))

    assert refused > 0
    assert await database.collection(Execution).count_documents({}) == 40


async def test_who_waits_when_the_service_closes_is_told_to_send_again(database: Database):
    async with Ingest(database, keep) as ingest:
        waiting = [asyncio.create_task(ingest.store(ADA, report(ingest, f"run-{number}"))) for number in range(3)]
        await asyncio.sleep(0)

    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, ServerBusy) for each in found)


@pytest.mark.parametrize("first", ["run", "execution"])
@pytest.mark.parametrize(
    ("register", "field", "reference"),
    [
        ("parent_run", "ingest.parent_run_id", "parent_execution_id"),
        ("retry_of_run", "ingest.retry_of_run_id", "retry_of_execution_id"),
    ],
)
async def test_an_execution_is_related_to_that_of_a_run_whichever_is_known_first(
    database: Database, first: str, register: str, field: str, reference: str
):
    async with Ingest(database, keep) as ingest, Ingest(database, keep) as other:
        named = report(ingest, "child")
        named.execution("child").set(register, {field: "a-run"}, at=NOON)
        named.run("childs-run", "child")
        known = report(other, "parent")
        known.run("a-run", "parent")
        order = [(ingest, named), (other, known)]
        for service, facts in order if first == "execution" else reversed(order):
            await service.store(ADA, facts)

    row = await execution_of(database, "child")
    assert row[reference] == "parent"
    assert reference not in await execution_of(database, "parent")


async def test_an_execution_is_never_its_own_parent_nor_that_of_anothers_run(database: Database, ingest: Ingest):
    own = report(ingest, "own")
    own.execution("own").set("parent_run", {"ingest.parent_run_id": "own-run"}, at=NOON)
    own.run("own-run", "own")
    await ingest.store(ADA, own)
    bens = report(ingest, "bens")
    bens.run("a-run", "bens")
    await ingest.store(BEN, bens)
    adas = report(ingest, "adas")
    adas.execution("adas").set("parent_run", {"ingest.parent_run_id": "a-run"}, at=NOON)
    await ingest.store(ADA, adas)

    assert "parent_execution_id" not in await execution_of(database, "own")
    assert "parent_execution_id" not in await execution_of(database, "adas")


async def test_a_later_word_about_the_parent_run_replaces_the_parent(database: Database, ingest: Ingest):
    for number, name in enumerate(["one", "two"]):
        parent = report(ingest, name)
        parent.run(f"run-{name}", name)
        await ingest.store(ADA, parent)
        child = report(ingest, "child")
        at = NOON + timedelta(seconds=number)
        child.execution("child").set("parent_run", {"ingest.parent_run_id": f"run-{name}"}, at=at)
        await ingest.store(ADA, child)
        assert (await execution_of(database, "child"))["parent_execution_id"] == name

    gone = report(ingest, "child")
    gone.execution("child").set("parent_run", {"ingest.parent_run_id": "unknown"}, at=NOON + timedelta(seconds=9))
    await ingest.store(ADA, gone)
    assert "parent_execution_id" not in await execution_of(database, "child")


async def test_a_step_that_was_deleted_with_its_execution_is_stored_again(database: Database, ingest: Ingest):
    def with_a_step() -> Facts:
        facts = report(ingest)
        facts.step("run", "load").outcome(ExecutionStatus.COMPLETED, at=NOON)
        return facts

    await ingest.store(ADA, with_a_step())
    for document in (Execution, Step):
        await database.collection(document).delete_many({})
    stored = await ingest.store(ADA, with_a_step())

    assert stored.changed == {"run"}
    assert await database.collection(Step).count_documents({}) == 1
    assert (await execution_of(database))["steps_completed"] == 1


async def test_an_earlier_creation_loses_no_row_to_who_pages_newest_first_nor_to_live(
    database: Database, mongodb_uri: str, ingest: Ingest
):
    for number in range(12):
        await ingest.store(ADA, report(ingest, f"run-{number:02}", second=100 + number))
    monitor = Monitor.over(database, timeout_ms=10_000, count_limit=100, max_bytes=2**20)
    seen: list[str] = []
    cursor: str | None = None
    async with Live(database, mongodb_uri, CURSORS, LiveLimits(lookback_seconds=0)) as live:
        subscriber = await live.subscribe(ADA)
        for page_number in range(10):
            page = await monitor.executions.list(
                ADA, EVERYTHING, NEWEST_FIRST, PageRequest(3, after=cursor), PageSelection()
            )
            seen += [row["execution_id"] for row in page.rows]
            if not page.rows:
                break
            cursor = page.cursor_of(page.rows[-1])
            # One that was read, and one that was not, turn out to have begun before all others.
            for number in {11 - page_number, page_number}:
                await ingest.store(ADA, report(ingest, f"run-{number:02}", second=50 - page_number))
        latest: dict[str, Any] = {}
        stored = {row["execution_id"]: row async for row in database.collection(Execution).find()}
        moved = {each: row["created"] for each, row in stored.items() if row["version"] > 1}
        while {each: latest.get(each) for each in moved} != moved:
            delivery = await asyncio.wait_for(anext(subscriber), timeout=20)
            assert delivery.row is not None
            latest[delivery.row["execution_id"]] = delivery.row["created"]

    assert set(seen) == set(stored)
    assert len(moved) > 3


async def test_stored_stamps_and_runs_are_of_no_use_to_readers(database: Database, ingest: Ingest):
    facts = report(ingest)
    facts.log("run", "1", at=NOON, message="hello")
    facts.run("a-run", "run")
    await ingest.store(ADA, facts)

    row = await execution_of(database)
    assert all(type(value) in {bytes, int} for value in row["ingest"].values())
    line = await database.collection(LogEntry).find_one({})
    assert line is not None
    assert "ingest" not in line
    run = await database.collection(IngestRun).find_one({})
    assert run is not None
    assert set(run) == {"_id", "execution_id", "expires_at"}
