"""Errors as clients see them: their own mistakes with a helpful message, internal errors under an id."""

import gc
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from execution_monitor.app import create_app
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import QueryTimeout
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import MAX_MESSAGE_LENGTH, to_client_errors
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.documents import Documents
from execution_monitor.graphql.validation.operation import OperationValidator, RequestErrors
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.records import ExecutionRecord
from execution_monitor.storage.slices import SearchLimits
from tests.support.client import execute
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.servers import served
from tests.support.tokens import SECRET

Token = Callable[..., str]
CALLER = Caller("ada", "acme", frozenset({"executions:read"}))
FILTERED = "query Q($filter: ExecutionFilter) { executions(filter: $filter) { totalCount } }"
SUGGESTING, QUIET = create_schema(), create_schema(allows_introspection=False)


def refused(operation: str, *, allows_introspection: bool = False, **variables: Any) -> list[dict[str, Any]]:
    """The request errors of an operation."""
    with pytest.raises(RequestErrors) as refusal:
        OperationValidator(SUGGESTING if allows_introspection else QUIET, max_cost=10_000).validate(
            GraphQLRequest(operation, None, variables)
        )
    return refusal.value.errors


@pytest.mark.parametrize(
    ("operation", "variables", "suggestion"),
    [
        pytest.param("{ viewr { userId } }", {}, "'viewer'", id="a field"),
        pytest.param("{ viewer { roles: user } }", {}, "'userId'", id="a field under another name"),
        pytest.param('{ node(id: "x") { stepId } }', {}, "'ExecutionStep'", id="a type that has the field"),
        pytest.param("{ executions(frst: 1) { totalCount } }", {}, "'first' or 'last'", id="an argument"),
        pytest.param("{ viewer { userId @skip(iff: true) } }", {}, "'if'", id="an argument of a directive"),
        pytest.param("{ viewer { ...on Viewr { userId } } }", {}, "'Viewer'", id="a type"),
        pytest.param(
            "query Q($a: ExecutionFiltr) { executions(filter: $a) { totalCount } }", {}, "or '", id="several types"
        ),
        pytest.param("{ executions(filter: { statuz: {} }) { totalCount } }", {}, "'status'", id="a field of an input"),
        pytest.param(
            "{ executions(filter: { status: { eq: COMPLETE } }) { totalCount } }", {}, "'COMPLETED'", id="an enum value"
        ),
        pytest.param(FILTERED, {"filter": {"statuz": {}}}, "'status'", id="a field of an input in a variable"),
        pytest.param(
            FILTERED, {"filter": {"status": {"eq": "COMPLETE"}}}, "'COMPLETED'", id="an enum value in a variable"
        ),
    ],
)
def test_names_are_suggested_only_where_introspection_is_on(operation: str, variables: dict[str, Any], suggestion: str):
    helpful, *_ = refused(operation, allows_introspection=True, **variables)
    quiet, *_ = refused(operation, **variables)

    assert suggestion in helpful["message"]
    head, _, rest = helpful["message"].partition(" Did you mean ")
    assert quiet["message"] == head + rest.partition("?")[2]
    assert quiet["locations"] == helpful["locations"]


def test_a_value_that_python_cannot_parse_has_a_message_without_pythons_words():
    (error,) = refused("{ executions(first: " + "9" * 6_000 + ") { totalCount } }")

    assert error == {
        "message": "This value cannot be read as the type expected here.",
        "locations": [{"line": 1, "column": 21}],
        "extensions": {"code": "BAD_USER_INPUT"},
    }


@pytest.mark.parametrize(
    ("where", "path"),
    [
        pytest.param({"createdAt": {"gt": "yesterday"}}, ".createdAt.gt", id="a field"),
        pytest.param({"and": [{}, {"or": [{"startedAt": {"lt": 5}}]}]}, ".and[1].or[0].startedAt.lt", id="far inside"),
        pytest.param({"completedAt": {"lte": {"a": ["b"]}}}, ".completedAt.lte", id="an object"),
        pytest.param({"completedAt": {"gte": "2026-01-01T00:00:00"}}, ".completedAt.gte", id="without an offset"),
    ],
)
def test_an_invalid_datetime_in_a_variable_is_named_by_its_path(where: Any, path: str):
    (error,) = refused(FILTERED, filter=where)

    assert error["message"] == (
        f"Variable '$filter' has invalid value at {path}: "
        "A DateTime is RFC 3339 text with an offset, such as 2026-01-31T23:59:59Z."
    )
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param("{ " + "x" * 100_000 + " }", id="a name"),
        pytest.param('{ executions(first: "' + "x" * 100_000 + '") { totalCount } }', id="a text"),
        pytest.param("{ executions(first: " + "[" * 150 + "]" * 150 + ") { totalCount } }", id="a deep list"),
        pytest.param("{ viewer " + "x" * 100_000 + "(", id="bad syntax"),
    ],
)
def test_quotations_of_the_request_are_short(operation: str):
    for error in refused(operation):
        assert len(error["message"]) <= MAX_MESSAGE_LENGTH


def test_a_shortened_message_ends_with_an_ellipsis():
    (error,) = refused("{ " + "x" * 1_000 + " }")

    assert error["message"].startswith("Cannot query field 'xxx")
    assert (len(error["message"]), error["message"][-1]) == (MAX_MESSAGE_LENGTH, "…")


def nested(levels: int) -> dict[str, Any]:
    return {"not": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("operation", "variables"),
    [
        pytest.param("{ a" * 300, {}, id="deep fields"),
        pytest.param("{" + "a " * 3_000 + "}", {}, id="many tokens"),
        pytest.param("{ viewer {" + "userId " * 1_900 + "} }", {}, id="many comparisons"),
        pytest.param(FILTERED, {"filter": nested(250)}, id="deep variables"),
    ],
)
def test_documents_beyond_the_limits_of_graphql_core_are_too_complex(operation: str, variables: dict[str, Any]):
    (error,) = refused(operation, **variables)

    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX"}


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param("query A { viewer { userId } } query B { viewer { userId } }", id="two queries"),
        pytest.param("{ viewer { userId } } query B { viewer { userId } }", id="one without a name"),
        pytest.param("query A { viewer { userId } } subscription B { executionUpdates { kind } }", id="two kinds"),
    ],
)
def test_of_several_operations_one_must_be_named(operation: str):
    *_, error = refused(operation)

    assert error["message"] == "Several operations were sent; name one in operationName."
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        pytest.param("totalCost", "the secret", id="text for a number"),
        pytest.param("totalCost", float("inf"), id="a number that JSON does not have"),
        pytest.param("tokensUsed", 2**40, id="a number beyond 32 bits"),
        pytest.param("status", "the secret", id="a value that the enum does not have"),
        pytest.param("workflowName", None, id="null for a non-null field"),
    ],
)
async def test_a_stored_value_that_its_type_does_not_allow_is_an_internal_error(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch, shown: str, value: Any
):
    await store(execution(1))
    attributes = {"totalCost": "total_cost", "tokensUsed": "tokens_used", "workflowName": "workflow_name"}
    monkeypatch.setattr(ExecutionRecord, attributes.get(shown, shown), value)

    with capture_logs() as logs:
        answer = await execute(server, token_for("ada", "acme"), f"{{ executions {{ nodes {{ {shown} }} }} }}")

    (error,) = answer.body["errors"]
    (entry,) = [each for each in logs if each["event"] == "operation_failed"]
    assert (answer.status, answer.codes) == (200, ["INTERNAL_SERVER_ERROR"])
    assert error["path"] == entry["path"] == ["executions", "nodes", 0, shown]
    assert error["message"] == (
        f"Something went wrong here; the server's log has the details under {entry['request_id']}."
    )
    assert error["extensions"]["requestId"] == entry["request_id"] == answer.headers["x-request-id"]


async def test_a_failure_before_the_operation_runs_is_status_500(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise RuntimeError("the cause, with a password")

    monkeypatch.setattr(Documents, "read", fail)

    with capture_logs() as logs:
        answer = await execute(server, token_for("ada", "acme"), "{ viewer { userId } }")

    (entry,) = [each for each in logs if each["event"] == "operation_failed"]
    assert (answer.status, answer.codes) == (500, ["INTERNAL_SERVER_ERROR"])
    assert "data" not in answer.body
    assert "password" not in str(answer.body)
    assert repr(entry["exc_info"]) == "RuntimeError('the cause, with a password')"


async def test_each_error_has_its_path_and_the_rest_has_data(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    await store(execution(1), execution(2))
    await store_steps_and_logs("e002", 1)
    operation = """{ first: executions(first: 0) { totalCount } second: viewer { userId } }"""

    answer = await execute(server, token_for("ada", "acme"), operation)
    partly = await execute(
        server,
        token_for("ada", "acme"),
        '{ viewer { userId } execution(executionId: "e002") { logs(first: 0) { nodes { at } } } }',
    )

    assert answer.body["data"] is None
    assert (answer.codes, answer.body["errors"][0]["path"]) == (["BAD_USER_INPUT"], ["first"])
    assert partly.body["data"] == {"viewer": {"userId": "ada"}, "execution": None}
    assert (partly.codes, partly.body["errors"][0]["path"]) == (["BAD_USER_INPUT"], ["execution", "logs"])


async def test_a_failed_batch_is_an_error_and_leaves_no_pending_task(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def fail(*_: object, **__: object) -> None:
        raise QueryTimeout("MongoDB stopped this query at its time limit.")

    await store(*[execution(number) for number in range(20)])
    monkeypatch.setattr(Reader, "read_sorted", fail)
    children = "steps(first: 1) { nodes { id } } logs(first: 1) { nodes { at } }"

    answer = await execute(server, token_for("ada", "acme"), f"{{ executions {{ nodes {{ id {children} }} }} }}")
    gc.collect()

    assert (answer.status, set(answer.codes)) == (200, {"QUERY_TIMEOUT"})
    assert answer.body["data"] is None
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


async def test_both_fields_of_a_count_fail_with_one_query(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    counts = 0

    async def fail(*_: object) -> None:
        nonlocal counts
        counts += 1
        raise QueryTimeout("MongoDB stopped this query at its time limit.")

    monkeypatch.setattr(Reader, "count", fail)

    answer = await execute(server, token_for("ada", "acme"), "{ executions { totalCount totalCountIsExact } }")

    assert (set(answer.codes), counts) == ({"QUERY_TIMEOUT"}, 1)


async def test_a_query_beyond_its_time_limit_suggests_a_filter(database: Database, mongodb_uri: str):
    # Each condition matches half of them and both none: with any index MongoDB scans thousands of documents.
    await store(
        *[
            execution(number, status="failed", workflow_template_id="odd")
            if number % 2
            else execution(number, workflow_template_id="even")
            for number in range(10_000)
        ]
    )
    live = Live(database, mongodb_uri, LiveCursors(b"secret"))
    monitor = Monitor.over(database, timeout_ms=1, count_limit=10_000)
    # One slice of all of them, which takes longer than the limit.
    whole = SearchLimits(whole_ms=0, entries=9_000)
    monitor = replace(monitor, executions=replace(monitor.executions, search_limits=whole))
    context = Context(CALLER, monitor, live)
    where = {"status": {"eq": "FAILED"}, "errorMessage": {"contains": "x"}}

    result = await QUIET.execute(
        "query Q($filter: ExecutionFilter) { executions(filter: $filter) { totalCount totalCountIsExact } }",
        {"filter": where},
        context,
    )
    await live.close()

    (error,) = to_client_errors(result.errors or ())
    assert error["extensions"] == {"code": "QUERY_TIMEOUT"}
    assert error["message"] == (
        "MongoDB stopped this query at its time limit. A filter on createdAt, workflowName, workflowTemplateId, "
        "triggeredBy, sessionId, parentExecutionId or errorCode would make it fast."
    )


@pytest.mark.parametrize(
    "operation",
    [
        "{ executions { nodes { id } } }",
        "{ executions { totalCount } }",
        '{ execution(executionId: "e") { id } }',
        '{ node(id: "AX") { id } executions { liveCursor } }',
    ],
)
async def test_an_unreachable_database_is_an_error_at_once(token_for: Token, operation: str):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    uri = SecretStr(f"mongodb://someone:hidden@127.0.0.1:{port}")
    app = create_app(Settings(mongodb_uri=uri, jwt_secret=SecretStr(SECRET), environment="production"))

    async with served(app) as url:
        answer = await execute(url, token_for("ada", "acme"), operation)

    assert "DATABASE_UNAVAILABLE" in answer.codes
    assert "hidden" not in str(answer.body)
