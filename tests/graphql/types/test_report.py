"""Reports by mutation: `reportExecution`, `reportSteps` and `appendLogs`, over a real server."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.server_documents import AuditEvent
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import GraphQLResponse, execute
from tests.support.documents import NOON, execution, store

Token = Callable[..., str]
EXECUTION = """mutation R($input: ReportExecutionInput!) { reportExecution(input: $input) { changed execution {
  executionId userId tenantId workflowName status attempt createdAt completedAt totalCost tokens stepsCompleted
  lastHeartbeatAt error { message } tags { key value } } } }"""
STEPS = """mutation R($input: ReportStepsInput!) { reportSteps(input: $input) {
  accepted rejected { index code message } } }"""
LOGS = """mutation R($input: AppendLogsInput!) { appendLogs(input: $input) {
  accepted rejected { index code message } } }"""
UPDATES = "subscription S($after: String) { executionUpdates(after: $after) { kind executionId } }"
REFUSED = "FORBIDDEN"


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def token(token_for: Token) -> str:
    return token_for("ada", "acme", "executions:write")


@pytest.fixture
def report(server: str, token: str) -> Callable[..., Any]:
    async def send(mutation: str, token: str = token, **given: Any) -> GraphQLResponse:
        values = {"executionId": "run-1", **({"reportedAt": at(0)} if mutation == EXECUTION else {}), **given}
        return await execute(server, token, mutation, input=values)

    return send


async def documents(database: Database) -> Mapping[str, Any]:
    """What is stored, without what may differ: when it was written, and the stamps."""
    kept: dict[str, Any] = {}
    for document in (Execution, Step, LogEntry):
        rows = await database.collection(document).find().sort("_id").to_list()
        ignored = ("updated", "version", "ingest")
        kept[document.__name__] = [{name: each[name] for name in each if name not in ignored} for each in rows]
    return kept


async def test_a_report_makes_an_execution_of_the_caller(report: Callable[..., Any]):
    answer = await report(EXECUTION, workflowName="etl", status="RUNNING", tags=[{"key": "team", "value": "data"}])

    assert answer.data["reportExecution"] == {
        "changed": True,
        "execution": {
            "executionId": "run-1",
            "userId": "ada",
            "tenantId": "acme",
            "workflowName": "etl",
            "status": "RUNNING",
            "attempt": 1,
            "createdAt": "2026-11-01T12:00:00.000+00:00",
            "completedAt": None,
            "totalCost": 0.0,
            "tokens": 0,
            "stepsCompleted": 0,
            "lastHeartbeatAt": None,
            "error": None,
            "tags": [{"key": "team", "value": "data"}],
        },
    }


async def test_a_key_that_may_only_write_reads_nothing(server: str, token_for: Token, report: Callable[..., Any]):
    maker = token_for("ada", "acme", "keys:write", "executions:write")
    made = await execute(server, maker, 'mutation { createAccessKey(input: { name: "engine" }) { key } }')
    key = made.data["createAccessKey"]["key"]

    reported = await report(EXECUTION, token=key, workflowName="etl", finalResult={"a": 1})
    refused = await execute(server, key, "{ executions { totalCount } }")
    owner = await report(EXECUTION)

    assert reported.data["reportExecution"] == {"changed": True, "execution": None}
    assert refused.codes == ["FORBIDDEN"]
    assert owner.data["reportExecution"]["execution"]["workflowName"] == "etl"


async def test_what_is_left_out_or_null_is_kept_and_without_a_status_it_is_a_sign_of_life(report: Callable[..., Any]):
    await report(EXECUTION, workflowName="etl", status="FAILED", error={"message": "disk full"}, tokens=5_000_000_000)

    answer = await report(EXECUTION, reportedAt=at(9), workflowName=None, tags=None)

    shown = answer.data["reportExecution"]["execution"]
    assert (shown["workflowName"], shown["status"], shown["tokens"]) == ("etl", "FAILED", 5_000_000_000)
    assert (shown["error"], shown["completedAt"]) == ({"message": "disk full"}, "2026-11-01T12:00:00.000+00:00")
    assert shown["lastHeartbeatAt"] == "2026-11-01T12:00:09.000+00:00"


async def test_a_later_attempt_undoes_an_end_and_a_late_report_does_not(report: Callable[..., Any]):
    await report(EXECUTION, reportedAt=at(5), status="FAILED", error={"message": "disk full"})

    late = await report(EXECUTION, reportedAt=at(9), status="RUNNING")
    again = await report(EXECUTION, reportedAt=at(7), status="RUNNING", attempt=2)

    assert late.data["reportExecution"]["execution"]["status"] == "FAILED"
    shown = again.data["reportExecution"]["execution"]
    assert (shown["status"], shown["attempt"], shown["error"], shown["completedAt"]) == ("RUNNING", 2, None, None)


async def test_a_report_repeated_word_for_word_changes_nothing(
    server: str, database: Database, token: str, report: Callable[..., Any]
):
    sent: list[tuple[str, dict[str, Any]]] = [
        (EXECUTION, {"workflowName": "etl", "status": "RUNNING", "startedAt": at(0)}),
        (STEPS, {"steps": [{"stepId": "a", "reportedAt": at(1), "status": "COMPLETED", "inputTokens": 7}]}),
        (LOGS, {"entries": [{"id": "1", "at": at(2), "message": "Hello", "level": "WARN"}]}),
    ]
    for mutation, given in sent:
        await report(mutation, **given)
    before = await database.collection(Execution).find_one({})
    read = token
    cursor = (await execute(server, read, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]

    answers = [await report(mutation, **given) for mutation, given in sent]

    assert answers[0].data["reportExecution"]["changed"] is False
    assert [answers[1].data["reportSteps"], answers[2].data["appendLogs"]] == [{"accepted": 1, "rejected": []}] * 2
    assert await database.collection(Execution).find_one({}) == before
    assert await database.collection(LogEntry).count_documents({}) == 1
    async with opened(server) as socket:
        await socket.begin(read)
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        await report(EXECUTION, executionId="run-2")
        assert (await socket.next())["executionUpdates"] == {"kind": "ENTERED", "executionId": "run-2"}


async def test_a_wrong_entry_is_rejected_and_costs_no_other(database: Database, report: Callable[..., Any]):
    steps = [
        {"stepId": "a", "reportedAt": at(0), "status": "COMPLETED"},
        {"stepId": "", "reportedAt": at(0)},
        {"stepId": "x" * 1_025, "reportedAt": at(0)},
        {"stepId": "b", "reportedAt": "0000-01-01T00:00:00Z"},
        {"stepId": "b", "reportedAt": "0001-01-01T00:00:00Z"},
        {"stepId": "b", "reportedAt": at(9), "status": "FAILED", "startedAt": at(5), "completedAt": at(4)},
        {"stepId": "c", "reportedAt": at(0), "status": "RUNNING", "startedAt": "0001-01-01T00:00:00Z"},
    ]
    entries = [
        {"id": "1", "at": at(0), "message": "first"},
        {"id": "", "at": at(0), "message": "no id"},
        {"id": "2", "at": "0000-02-29T00:00:00Z", "message": "no time"},
        {"id": "3", "at": at(1), "message": "last"},
    ]

    stepped = (await report(STEPS, steps=steps)).data["reportSteps"]
    logged = (await report(LOGS, entries=entries)).data["appendLogs"]

    assert (stepped["accepted"], [each["index"] for each in stepped["rejected"]]) == (2, [1, 2, 3, 4, 5])
    assert {each["code"] for each in stepped["rejected"]} == {"BAD_USER_INPUT"}
    assert [each["message"].split(";")[0] for each in stepped["rejected"]] == [
        "stepId has 0 characters",
        "stepId has 1,025 characters",
        *["reportedAt is before 1970, or more than a day ahead"] * 2,
        "The end, completedAt or else reportedAt, is before startedAt.",
    ]
    assert (logged["accepted"], [each["index"] for each in logged["rejected"]]) == (2, [1, 2])
    assert sorted(await database.collection(Step).distinct("step_id")) == ["a", "c"]
    assert sorted(await database.collection(LogEntry).distinct("message")) == ["first", "last"]


async def test_entries_that_are_all_wrong_make_no_execution(database: Database, report: Callable[..., Any]):
    answer = await report(STEPS, steps=[{"stepId": "", "reportedAt": at(0)}])

    assert answer.data["reportSteps"]["accepted"] == 0
    assert await database.collection(Execution).count_documents({}) == 0


async def test_at_most_a_thousand_entries_are_taken_at_once(database: Database, report: Callable[..., Any]):
    entries = [{"id": str(number), "at": at(number), "message": "x"} for number in range(1_001)]
    steps = [{"stepId": str(number), "reportedAt": at(0), "cost": 0.5} for number in range(1_001)]

    refused = [await report(LOGS, entries=entries), await report(STEPS, steps=steps)]
    taken = [await report(LOGS, entries=entries[:1_000]), await report(STEPS, steps=steps[:1_000])]

    assert [(each.codes, each.message) for each in refused] == [
        (["BAD_USER_INPUT"], "entries has 1,001 entries; send at most 1,000 at once."),
        (["BAD_USER_INPUT"], "steps has 1,001 entries; send at most 1,000 at once."),
    ]
    assert taken[0].data["appendLogs"]["accepted"] == taken[1].data["reportSteps"]["accepted"] == 1_000
    assert await database.collection(LogEntry).count_documents({}) == 1_000
    (row,) = await database.collection(Execution).find({}).to_list()
    assert (row["total_cost"], row["progress"]["total_steps"]) == (500.0, 1_000)


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        pytest.param(EXECUTION, {}, id="an execution"),
        pytest.param(STEPS, {"steps": [{"stepId": "a", "reportedAt": at(0)}]}, id="steps"),
        pytest.param(LOGS, {"entries": [{"id": "1", "at": at(0), "message": "x"}]}, id="log lines"),
    ],
)
async def test_a_report_of_what_others_own_is_refused_as_one_of_an_id_that_cannot_be_had(
    database: Database, report: Callable[..., Any], token_for: Token, mutation: str, given: dict[str, Any]
):
    grace = token_for("grace", "acme", "executions:write", "executions:read:tenant")
    await report(EXECUTION, workflowName="ada's")
    await store(execution(7, user_id="grace"), execution(8, user_id="olga", tenant_id="acme"))
    before = await documents(database)

    of_another = await report(mutation, token=grace, **given)
    of_an_engine = await report(mutation, token=grace, **given, executionId="e007")
    of_an_engine_of_another = await report(mutation, token=grace, **given, executionId="e008")

    refusals = [(each.codes, each.message) for each in (of_another, of_an_engine, of_an_engine_of_another)]
    assert refusals[0][0] == [REFUSED]
    assert refusals == refusals[:1] * 3
    assert await documents(database) == before


async def test_the_owner_is_the_caller_and_tenants_share_no_ids(
    database: Database, report: Callable[..., Any], token_for: Token
):
    await report(EXECUTION, workflowName="ada's")
    await report(EXECUTION, token=token_for("grace", "globex", "executions:write"), workflowName="grace's")

    rows = await database.collection(Execution).find({}).sort("tenant_id").to_list()

    assert [(row["tenant_id"], row["user_id"], row["workflow_name"]) for row in rows] == [
        ("acme", "ada", "ada's"),
        ("globex", "grace", "grace's"),
    ]


@pytest.mark.parametrize("mutation", [EXECUTION, STEPS, LOGS], ids=["an execution", "steps", "log lines"])
async def test_a_report_needs_the_scope_to_write(
    database: Database, report: Callable[..., Any], token_for: Token, mutation: str
):
    cases: dict[str, dict[str, Any]] = {EXECUTION: {}, STEPS: {"steps": []}, LOGS: {"entries": []}}

    answer = await report(mutation, token=token_for("ada", "acme"), **cases[mutation])

    assert (answer.codes, answer.body["data"]) == (["FORBIDDEN"], None)
    assert await database.collection(Execution).count_documents({}) == 0


async def test_a_mutation_is_one_audit_event_with_counts_and_without_values(
    database: Database, report: Callable[..., Any]
):
    await report(
        EXECUTION, workflowName="etl", finalResult={"card": "secret-1"}, tags=[{"key": "k", "value": "secret-2"}]
    )
    entries = [{"id": str(number), "at": at(0), "message": f"secret-{number}"} for number in range(7)]
    await report(LOGS, entries=entries)

    async with asyncio.timeout(10):
        while len(events := await database.collection(AuditEvent).find().to_list()) < 2:  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.02)

    assert [each["kind"] for each in events] == ["mutation"] * 2
    assert events[1]["arguments"] == {"appendLogs": {"input": {"executionId": "run-1", "entries": 7}}}
    assert [each["execution_ids"] for each in events] == [["run-1"]] * 2
    assert "secret" not in str(events)


async def test_reports_in_any_order_repeated_and_in_any_batches_store_the_same(
    database: Database, report: Callable[..., Any]
):
    steps = [
        {"stepId": "a", "reportedAt": at(1), "status": "RUNNING", "startedAt": at(1), "index": 0},
        {"stepId": "a", "reportedAt": at(3), "status": "COMPLETED", "inputTokens": 5, "outputTokens": 2, "cost": 0.5},
        {"stepId": "b", "reportedAt": at(2), "status": "FAILED", "error": {"message": "no"}, "index": 1},
        {"stepId": "b", "reportedAt": at(4), "status": "COMPLETED", "attempt": 2},
    ]
    whole: Sequence[tuple[str, dict[str, Any]]] = [
        (EXECUTION, {"workflowName": "etl", "status": "RUNNING", "startedAt": at(0)}),
        (EXECUTION, {"reportedAt": at(3)}),
        (EXECUTION, {"reportedAt": at(5), "status": "COMPLETED", "finalResult": {"rows": 3}}),
        (STEPS, {"steps": steps}),
        *((STEPS, {"steps": [each]}) for each in steps),
        (LOGS, {"entries": [{"id": str(number), "at": at(number), "message": "x"} for number in range(3)]}),
    ]
    shuffling = random.Random(7)  # noqa: S311 - the same in every run
    found: list[Mapping[str, Any]] = []

    for _ in range(4):
        for document in (Execution, Step, LogEntry):
            await database.collection(document).delete_many({})
        again = [*whole, *shuffling.sample(whole, 3)]
        shuffling.shuffle(again)
        # Some at once, as several processes send them.
        for sent in (again[start : start + 3] for start in range(0, len(again), 3)):
            await asyncio.gather(*(report(mutation, **given) for mutation, given in sent))
        found.append(await documents(database))

    assert found == found[:1] * 4
    (row,) = found[0]["Execution"]
    assert (row["status"], row["tokens_used"], row["total_cost"], row["steps_completed"]) == ("completed", 7, 0.5, 2)
