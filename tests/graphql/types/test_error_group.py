"""Error groups in GraphQL: every field, the sample as its reader may see it, and the filter by the id of a group."""

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
from execution_monitor.storage.database import Database
from execution_monitor.storage.reader import Reader
from tests.support.documents import execution, store

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
