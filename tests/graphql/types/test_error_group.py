"""Error groups in GraphQL: every field, the sample as its reader may see it, and the filter by the id of a group."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import to_client_errors
from execution_monitor.graphql.schema import create_schema
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.dashboard_documents import ErrorGroupAnnotation
from execution_monitor.storage.database import Database
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.reader import Reader
from tests.support.documents import execution, store
from tests.support.sent_commands import SentCommands

ALERTS = "alerts:write"
ADA = Caller("ada", "acme", frozenset({"executions:read"}))
OLGA = Caller("olga", "acme", frozenset({"executions:read", "executions:read:tenant", "executions:payload"}))
BEN = Caller("ben", "acme", frozenset({"executions:read"}))
SINCE_NOON = {"createdAt": {"gte": "2026-11-01T12:00:00Z", "lt": "2026-11-01T14:00:00Z"}}
HOUR = 3_600
GROUPS = """query Q($where: ExecutionFilter) { executionStatistics(filter: $where, interval: HOUR) { errorGroups {
  id code type message count firstSeenAt lastSeenAt isNew workflowNames series
  sample { executionId inputParameters error { message } } } } }"""
LISTED = "query Q($where: ExecutionFilter) { executions(filter: $where) { totalCount nodes { executionId } } }"


def failure(number: int, message: str, **fields: Any) -> dict[str, Any]:
    error = {"message": message, "code": "DB", "type": "OperationalError"}
    return execution(number, status="failed", error_details=error, input_parameters={"secret": 1}, **fields)


STORED = (
    failure(1, "no answer from 10.0.0.1:5432"),
    failure(HOUR, "no answer from 10.0.0.2:5432", workflow_name="train"),
    failure(HOUR + 9, "no answer from db.internal", user_id="ben"),
    failure(2, "disk full", user_id="ben"),
    failure(-2, "disk full", user_id="ben"),
    failure(3, "disk full", tenant_id="globex"),
    execution(4),
)


async def run(database: Database, uri: str, caller: Caller, text: str, **variables: Any) -> tuple[Any, list[Any]]:
    live = Live(database, uri, LiveCursors(b"secret"))
    monitor = Monitor.over(database, timeout_ms=5_000, count_limit=100)
    context = Context(caller, monitor, live, sums=Statistics(Reader(database, 5_000)))
    result = await create_schema().execute(text, variables, context_value=context)
    await live.close()
    return result.data, to_client_errors(result.errors or [])


async def groups(database: Database, uri: str, caller: Caller, text: str = GROUPS) -> list[dict[str, Any]]:
    data, errors = await run(database, uri, caller, text, where=SINCE_NOON)
    assert errors == []
    return data["executionStatistics"]["errorGroups"]


async def test_a_group_has_all_that_its_fields_say(database: Database, mongodb_uri: str):
    await store(*STORED)

    first, second = await groups(database, mongodb_uri, OLGA)

    assert {**first, "id": "", "sample": None} == {
        "id": "",
        "code": "DB",
        "type": "OperationalError",
        "message": "no answer from \N{HORIZONTAL ELLIPSIS}",
        "count": 3,
        "firstSeenAt": "2026-11-01T12:00:01.000+00:00",
        "lastSeenAt": "2026-11-01T13:00:09.000+00:00",
        "isNew": True,
        "workflowNames": ["etl", "train"],
        "series": [1, 2],
        "sample": None,
    }
    assert first["sample"] == {
        "executionId": f"e{HOUR + 9}",
        "inputParameters": {"secret": 1},
        "error": {"message": "no answer from db.internal"},
    }
    assert (second["message"], second["count"], second["isNew"]) == ("disk full", 1, False)


async def test_a_caller_gets_groups_and_samples_of_their_own_executions_alone(database: Database, mongodb_uri: str):
    await store(*STORED)

    (found,) = await groups(database, mongodb_uri, ADA, GROUPS.replace("inputParameters", ""))
    data, errors = await run(database, mongodb_uri, ADA, GROUPS, where=SINCE_NOON)

    assert (found["count"], found["series"]) == (2, [1, 1])
    assert found["sample"]["executionId"] == f"e{HOUR}"
    # Inputs need a scope that Ada lacks.
    assert data["executionStatistics"]["errorGroups"][0]["sample"]["inputParameters"] is None
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_an_id_finds_for_each_reader_what_they_may_see(database: Database, mongodb_uri: str):
    await store(*STORED)
    timeouts, full = await groups(database, mongodb_uri, OLGA)

    for caller, expected in ((OLGA, 3), (ADA, 2), (BEN, 1)):
        data, errors = await run(
            database, mongodb_uri, caller, LISTED, where={**SINCE_NOON, "errorGroup": {"eq": timeouts["id"]}}
        )
        assert errors == []
        assert data["executions"]["totalCount"] == len(data["executions"]["nodes"]) == expected
    both = {**SINCE_NOON, "errorGroup": {"in": [timeouts["id"], full["id"]]}}
    data, _ = await run(database, mongodb_uri, OLGA, LISTED, where=both)
    assert data["executions"]["totalCount"] == 4


async def test_a_damaged_id_is_refused_with_a_sentence(database: Database, mongodb_uri: str):
    data, errors = await run(database, mongodb_uri, OLGA, LISTED, where={"errorGroup": {"eq": "nonsense"}})

    assert data is None
    assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"]
    assert errors[0]["message"].startswith("This id of an error group is damaged")


@pytest.mark.parametrize("first", [0, 101])
async def test_there_are_1_to_100_groups(database: Database, mongodb_uri: str, first: int):
    text = f"{{ executionStatistics {{ errorGroups(first: {first}) {{ id }} }} }}"

    _, errors = await run(database, mongodb_uri, OLGA, text)

    assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"]


ANNOTATED = """query Q($where: ExecutionFilter) { executionStatistics(filter: $where) { errorGroups {
  id message annotation { note assignee mutedUntil updatedBy updatedAt } } } }"""
ANNOTATE = """mutation M($id: ID!, $input: AnnotateErrorGroupInput!) { annotateErrorGroup(id: $id, input: $input) {
  annotation { note assignee mutedUntil updatedBy updatedAt } } }"""
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
KEY = "3cf1e995b4b9567d8cb4e499a6794272a64dd65ed2759b6fbbb0dc8b13939ec0"
NOT_SEEN = "There is no execution in this error group, or you may see none of it."


def with_alerts(caller: Caller) -> Caller:
    return replace(caller, scopes=caller.scopes | {ALERTS})


async def annotate(database: Database, uri: str, caller: Caller, group: str, **wanted: Any) -> Any:
    data, errors = await run(database, uri, with_alerts(caller), ANNOTATE, id=group, input=wanted)
    assert errors == []
    return data["annotateErrorGroup"]["annotation"]


async def refusal(database: Database, uri: str, caller: Caller, group: str, **wanted: Any) -> tuple[str, str]:
    _, errors = await run(database, uri, with_alerts(caller), ANNOTATE, id=group, input=wanted)
    return errors[0]["extensions"]["code"], errors[0]["message"]


async def test_an_annotation_is_kept_for_the_tenant_whoever_owns_the_executions(
    recorded_database: tuple[Database, SentCommands], mongodb_uri: str
):
    database, sent = recorded_database
    await store(*STORED)
    timeouts, _ = await groups(database, mongodb_uri, OLGA, ANNOTATED)

    made = await annotate(database, mongodb_uri, OLGA, timeouts["id"], note=" see\n#12 ", mutedUntil=str(TOMORROW))
    changed = await annotate(database, mongodb_uri, BEN, timeouts["id"], assignee="ada", mutedUntil=None)
    sent.reads.clear()
    seen = [await groups(database, mongodb_uri, each, ANNOTATED) for each in (OLGA, ADA, BEN)]

    assert timeouts["annotation"] is None
    assert {**made, "updatedAt": ""} == {
        "note": "see\n#12",
        "assignee": None,
        "mutedUntil": TOMORROW.isoformat(timespec="milliseconds"),
        "updatedBy": "olga",
        "updatedAt": "",
    }
    assert changed == {
        **made,
        "assignee": "ada",
        "mutedUntil": None,
        "updatedBy": "ben",
        "updatedAt": changed["updatedAt"],
    }
    assert [[each["annotation"] for each in found] for found in seen] == [[changed, None], [changed], [changed, None]]
    assert sum(each.get("find") == "error_group_annotations" for each in sent.reads) == len(seen)


async def test_an_annotation_of_which_nothing_is_left_is_gone(database: Database, mongodb_uri: str):
    await store(*STORED)
    timeouts, _ = await groups(database, mongodb_uri, OLGA)
    await annotate(database, mongodb_uri, OLGA, timeouts["id"], note="a", assignee="ada")

    await annotate(database, mongodb_uri, OLGA, timeouts["id"], note=None)
    last = await annotate(database, mongodb_uri, OLGA, timeouts["id"], assignee=" ")

    assert (last["note"], last["assignee"], last["updatedBy"]) == (None, None, "olga")
    assert (await groups(database, mongodb_uri, OLGA, ANNOTATED))[0]["annotation"] is None
    assert await database.collection(ErrorGroupAnnotation).count_documents({}) == 0


async def test_who_sees_no_execution_of_a_group_neither_annotates_it_nor_learns_what_is_written(
    database: Database, mongodb_uri: str
):
    await store(*STORED)
    _, full = await groups(database, mongodb_uri, OLGA)
    await annotate(database, mongodb_uri, OLGA, full["id"], note="the disk of the warehouse")

    # Ada has none of it; in the other tenant it is another group, which nobody has annotated.
    other = replace(OLGA, tenant="globex")
    hidden = [
        await refusal(database, mongodb_uri, each, full["id"], assignee="me")
        for each in (ADA, replace(BEN, tenant="initech"))
    ]
    foreign = await groups(database, mongodb_uri, other, ANNOTATED)
    unknown = await refusal(database, mongodb_uri, OLGA, ErrorGroup("DB", None, "never").id, note="x")

    assert [*hidden, unknown] == [("NOT_FOUND", NOT_SEEN)] * 3
    assert [each["annotation"] for each in foreign] == [None]
    (row,) = await database.collection(ErrorGroupAnnotation).find().to_list()
    assert (row["note"], row["updated_by"], row.get("assignee")) == ("the disk of the warehouse", "olga", None)
    # Made of the tenant and the group alone: what is stored under another key than this one is lost.
    assert row["_id"] == KEY


async def test_an_annotation_that_is_wrong_is_refused_with_a_sentence(
    database: Database, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch
):
    await store(*STORED)
    timeouts, full = await groups(database, mongodb_uri, OLGA)
    await annotate(database, mongodb_uri, OLGA, full["id"], note="a")
    monkeypatch.setattr("execution_monitor.statistics.error_group_annotations.MAX_ANNOTATIONS", 1)

    for group, wanted, words in (
        (timeouts["id"], {}, "Pass what to change"),
        (timeouts["id"], {"note": "x" * 4_001}, "at most 4,000 characters"),
        (timeouts["id"], {"note": "a\x00b"}, "without control characters"),
        (timeouts["id"], {"note": "\ud800"}, "without control characters"),
        (timeouts["id"], {"assignee": "a\nb"}, "line breaks"),
        (timeouts["id"], {"mutedUntil": "2026-01-01T00:00:00Z"}, "a time in the future"),
        ("nonsense", {"note": "a"}, "This id of an error group is damaged"),
        (timeouts["id"], {"note": "one more"}, "remove some annotations"),
    ):
        code, message = await refusal(database, mongodb_uri, OLGA, group, **wanted)
        assert (code, words in message) == ("BAD_USER_INPUT", True), message
    assert (await annotate(database, mongodb_uri, OLGA, full["id"], note="b"))["note"] == "b"


async def test_a_group_is_annotated_by_people_who_may_write_alerts_alone(database: Database, mongodb_uri: str):
    await store(*STORED)
    timeouts, _ = await groups(database, mongodb_uri, OLGA)
    key = replace(with_alerts(OLGA), is_key=True)

    refused = [
        await run(database, mongodb_uri, each, ANNOTATE, id=timeouts["id"], input={"note": "a"}) for each in (OLGA, key)
    ]

    assert [errors[0]["extensions"]["code"] for _, errors in refused] == ["FORBIDDEN"] * 2
