"""Facets of a list: what a client gets, which of them are read, and how often."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import ExecutionResult, execute_root_selection_set  # pyright: ignore[reportUnknownVariableType]

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.operation import OperationValidator
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from tests.support.client import execute
from tests.support.documents import execution, store
from tests.support.sent_commands import SentCommands

Token = Callable[..., str]

VALUES = "{ value count countIsExact }"
ALL = f"""query Q($where: ExecutionFilter) {{ executions(filter: $where, first: 1) {{ totalCount facets {{
  status {VALUES} workflowName {VALUES} errorCode {VALUES} userId {VALUES}
  triggeredBy {VALUES} tagKey {VALUES} }} }} }}"""
TAG = {"key": "team", "value": "data"}


async def test_facets_show_what_else_there_is(server: str, token_for: Token):
    await store(
        execution(1, status="failed", error_details={"message": "x", "code": "E1"}, tags=[TAG]),
        execution(2, status="timed_out", triggered_by="cron"),
        execution(3, workflow_name="ml"),
        execution(4, user_id="grace", status="failed"),
    )
    token = token_for("olivia", "acme", "executions:read:tenant")
    where = {"status": {"in": ["FAILED", "TIMED_OUT"]}, "and": [{"workflowName": {"eq": "etl"}}]}

    found = (await execute(server, token, ALL, where=where)).data["executions"]

    def facet(*values: tuple[str | None, int]) -> list[dict[str, object]]:
        return [{"value": value, "count": count, "countIsExact": True} for value, count in values]

    assert found == {
        "totalCount": 3,
        "facets": {
            "status": facet(("FAILED", 2), ("TIMED_OUT", 1)),
            "workflowName": facet(("etl", 3)),
            "errorCode": facet((None, 2), ("E1", 1)),
            "userId": facet(("ada", 2), ("grace", 1)),
            "triggeredBy": facet((None, 2), ("cron", 1)),
            "tagKey": facet((None, 2), ("team", 1)),
        },
    }


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_facet_has_a_bounded_size(server: str, token_for: Token, first: int):
    text = f"{{ executions {{ facets {{ userId(first: {first}) {{ value }} }} }} }}"

    response = await execute(server, token_for("ada", "acme"), text)

    assert response.codes == ["BAD_USER_INPUT"]
    assert response.message == f"first must be from 1 to 100, not {first}."


async def test_only_selected_facets_are_read_and_each_once(
    mongodb_uri: str, recorded_database: tuple[Database, SentCommands]
):
    database, commands = recorded_database
    await store(*(execution(number, workflow_name=f"w{number}", triggered_by="cron") for number in range(5)))
    commands.reads.clear()
    text = """{ executions(first: 1) { facets {
      few: triggeredBy(first: 1) { value } more: triggeredBy { count } } again: facets { triggeredBy { value } } } }"""
    executor = OperationValidator(create_schema(), max_cost=10_000).validate(GraphQLRequest(text)).build_executor()
    caller = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
    live = Live(database, mongodb_uri, LiveCursors(b"x" * 32))
    executor.context_value = Context(caller, Monitor.over(database, timeout_ms=5_000, count_limit=3), live)

    running: Any = execute_root_selection_set(executor)
    result: ExecutionResult = await running

    assert result.errors is None
    assert [next(iter(command)) for command in commands.reads] == ["find", "aggregate"]
