"""`steps` and `logs` of executions: pages, filters, and the queries that they cost."""

from collections.abc import Callable

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.schema import create_schema
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution as StoredExecution
from execution_monitor.storage.indexes import unsortable_key
from tests.support.client import execute
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.sent_commands import recording_commands

Token = Callable[..., str]

STEPS = """query Steps($first: Int, $after: String) {
  execution(executionId: "e001") { steps(first: $first, after: $after) {
  edges { cursor node { stepId index name } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
LOGS = """query Logs($first: Int, $after: String, $last: Int, $before: String, $minLevel: LogLevel, $search: String) {
  execution(executionId: "e001") {
    logs(first: $first, after: $after, last: $last, before: $before, minLevel: $minLevel, search: $search) {
      nodes { message level stepId at } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


async def test_steps_come_in_the_order_of_the_workflow_page_by_page(server: str, token_for: Token):
    await store(execution(1))
    await store_steps_and_logs("e001", 5)
    token, found, cursor = token_for("ada", "acme"), list[str](), None

    for more in (True, True, False):
        steps = (await execute(server, token, STEPS, first=2, after=cursor)).data["execution"]["steps"]
        found += [edge["node"]["stepId"] for edge in steps["edges"]]
        assert steps["pageInfo"]["hasNextPage"] is more
        assert steps["pageInfo"]["hasPreviousPage"] is (cursor is not None)
        cursor = steps["pageInfo"]["endCursor"]

    assert found == ["s0", "s1", "s2", "s3", "s4"]


async def test_the_end_of_a_log_is_read_backwards(server: str, token_for: Token):
    await store(execution(1))
    await store_steps_and_logs("e001", 5)
    token = token_for("ada", "acme")

    last = (await execute(server, token, LOGS, last=2)).data["execution"]["logs"]
    before = (await execute(server, token, LOGS, last=2, before=last["pageInfo"]["startCursor"])).data["execution"][
        "logs"
    ]

    assert [line["message"] for line in last["nodes"]] == ["Line 3", "Line 4"]
    assert (last["pageInfo"]["hasPreviousPage"], last["pageInfo"]["hasNextPage"]) == (True, False)
    assert [line["message"] for line in before["nodes"]] == ["Line 1", "Line 2"]
    assert (before["pageInfo"]["hasPreviousPage"], before["pageInfo"]["hasNextPage"]) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        pytest.param({}, "01234567", id="all"),
        pytest.param({"minLevel": "WARNING"}, "2367", id="at least as severe"),
        pytest.param({"minLevel": "CRITICAL"}, "", id="more severe than any"),
        pytest.param({"search": "LINE 3"}, "3", id="a text in any case"),
        pytest.param({"search": ".*"}, "", id="never a pattern"),
        pytest.param({"minLevel": "ERROR", "search": "7"}, "7", id="both"),
    ],
)
async def test_log_lines_are_found(server: str, token_for: Token, arguments: dict[str, str], lines: str):
    await store(execution(1))
    await store_steps_and_logs("e001", 8)

    logs = (await execute(server, token_for("ada", "acme"), LOGS, **arguments)).data["execution"]["logs"]

    assert [line["message"] for line in logs["nodes"]] == [f"Line {digit}" for digit in lines]


@pytest.mark.parametrize("arguments", [{"first": 0}, {"first": 101}, {"first": 1, "last": 1}])
async def test_invalid_page_sizes_are_refused_with_their_path(server: str, token_for: Token, arguments: dict[str, int]):
    await store(execution(1))

    answer = await execute(server, token_for("ada", "acme"), LOGS, **arguments)

    (error,) = answer.body["errors"]
    assert answer.codes == ["BAD_USER_INPUT"]
    assert error["path"] == ["execution", "logs"]


async def test_a_cursor_of_another_execution_is_refused(server: str, token_for: Token):
    await store(execution(1), execution(2))
    await store_steps_and_logs("e001", 3)
    await store_steps_and_logs("e002", 3)
    token = token_for("ada", "acme")
    steps = (await execute(server, token, STEPS, first=1)).data["execution"]["steps"]

    answer = await execute(server, token, STEPS.replace("e001", "e002"), first=1, after=steps["pageInfo"]["endCursor"])

    assert answer.codes == ["INVALID_CURSOR"]


# Which of the executions are visible, and the children of all of them.
CHILDREN = ["find", "find"]


@pytest.mark.parametrize(
    ("operation", "commands"),
    [
        pytest.param("{ executions { nodes { executionId } } }", ["find"], id="a page is one query"),
        pytest.param(
            "{ executions { nodes { id steps(first: 2) { nodes { name } } } } }",
            ["find", *CHILDREN],
            id="steps",
        ),
        pytest.param(
            "{ executions { nodes { a: steps(first: 2) { nodes { name } } b: steps(first: 3) { nodes { name } } } } }",
            ["find", *CHILDREN, *CHILDREN],
            id="one query for each different page of steps",
        ),
        pytest.param(
            "{ executions { nodes { steps { nodes { name } } logs(last: 1) { nodes { at } } } } }",
            ["find", *CHILDREN, *CHILDREN],
            id="steps and logs",
        ),
        pytest.param(
            "{ executions { totalCount totalCountIsExact nodes { id } } }", ["find", "aggregate"], id="one count"
        ),
        pytest.param("{ executions { pageInfo { hasNextPage } } }", ["find"], id="no neighbour on the first page"),
    ],
)
async def test_twenty_executions_with_steps_and_logs_cost_few_queries(
    database: Database, mongodb_uri: str, database_name: str, operation: str, commands: list[str]
):
    await store(*[execution(number) for number in range(20)])
    for number in range(20):
        await store_steps_and_logs(f"e{number:03}", 4)
    caller = Caller("ada", "acme", frozenset({"executions:read"}))

    async with recording_commands(mongodb_uri, database_name) as (connected, sent):
        monitor = Monitor.over(connected, timeout_ms=5_000, count_limit=100)
        live = Live(connected, mongodb_uri, LiveCursors(b"secret"))
        result = await create_schema().execute(operation, context_value=Context(caller, monitor, live))
        await live.close()

    assert result.errors is None
    # But for reads of rows that cannot be sorted, of which there are none.
    reads = [command for command in sent.reads if command.get("hint") != unsortable_key(StoredExecution)]
    assert sorted(next(iter(command)) for command in reads) == sorted(commands)


async def test_only_the_selected_fields_are_read(database: Database, mongodb_uri: str, database_name: str):
    await store(execution(1))
    caller = Caller("ada", "acme", frozenset({"executions:read", "executions:payload"}))
    operation = (
        "{ executions { nodes { ...F } edges { node { status } } } } fragment F on Execution { x: workflowName }"
    )

    async with recording_commands(mongodb_uri, database_name) as (connected, sent):
        monitor = Monitor.over(connected, timeout_ms=5_000, count_limit=100)
        live = Live(connected, mongodb_uri, LiveCursors(b"secret"))
        await create_schema().execute(operation, context_value=Context(caller, monitor, live))
        await live.close()

    command, unsortable = sent.reads
    assert unsortable["projection"] == command["projection"]
    # The id of the execution is for the audit trail.
    assert set(command["projection"]) == {"_id", "execution_id", "status", "workflow_name"}
