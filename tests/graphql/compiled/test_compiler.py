"""Compiled queries answer as graphql-core does: the same bytes, the same errors at the same paths."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from beanie import Document
from graphql import ExecutionResult, execute_root_selection_set  # pyright: ignore[reportUnknownVariableType]
from hypothesis import Phase, given
from pymongo.errors import WriteError

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.fields import NotKnown
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import to_client_errors
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.operation import Question, Questions
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.graphql.selections import Operation, operations
from tests.storage.bson_codec import stored
from tests.storage.strategies import anything, bounded, objects
from tests.support.documents import NOON, execution, store, store_steps_and_logs

SCHEMA = create_schema()
ADA = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
PAYLOADS = Caller("ada", "acme", frozenset(Scope))
BEN = Caller("ben", "acme", frozenset({Scope.EXECUTIONS_READ}))
NOBODY = Caller("ada", "acme", frozenset({"other"}))
LEAVES = """id executionId name workflowName workflowTemplateId status statusDetail createdAt startedAt completedAt
  updatedAt durationSeconds progress { __typename currentStep totalSteps percentage } stepsCompleted stepsFailed
  triggeredBy userId tenantId sessionId attempt parentExecutionId tags { key value } totalCost tokensUsed performance
  error { message code type stepId stackTrace retryable }"""


class Both:
    """Asks the compiler and graphql-core the same."""

    def __init__(self, database: Database, uri: str) -> None:
        self._questions = Questions(SCHEMA, max_cost=10_000)
        self.compiler = Compiler(SCHEMA)
        self.monitor = Monitor.over(database, timeout_ms=5_000, count_limit=3)
        self.live = Live(database, uri, LiveCursors(b"x" * 32))

    def question(self, text: str, **variables: Any) -> Question:
        return self._questions.read(GraphQLRequest(text, None, variables))

    def _context(self, caller: Caller) -> Context:
        return Context(caller, self.monitor, self.live)

    async def interpreted(self, question: Question, caller: Caller) -> bytes:
        executor = question.build_executor()
        executor.context_value = self._context(caller)
        result: Any = execute_root_selection_set(executor)
        return told(result if isinstance(result, ExecutionResult) else await result)

    async def compiled(self, question: Question, caller: Caller) -> bytes:
        """Raises `NotKnown` as the compiler does."""
        return told(await self.compiler.answer(question, self._context(caller)))

    async def agree(self, text: str, caller: Caller = ADA, **variables: Any) -> Any:
        """What both answer, after asking twice: planned, and from what is remembered."""
        question = self.question(text, **variables)
        expected = await self.interpreted(question, caller)
        for _ in range(2):
            assert await self.compiled(question, caller) == expected
        return orjson.loads(expected)


def told(result: ExecutionResult) -> bytes:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = to_client_errors(result.errors)
    return orjson.dumps(body)


@pytest.fixture
def both(database: Database, mongodb_uri: str) -> Both:
    return Both(database, mongodb_uri)


async def some_executions() -> None:
    for number in range(5):
        ended = (
            {"completed_at": NOON + timedelta(seconds=number), "total_duration": float(number)} if number % 2 else {}
        )
        await store(
            execution(
                number,
                status="failed" if number % 2 else "cancelled",
                started_at=NOON,
                progress={"current_step": number, "total_steps": 4, "percentage": 25.0 * number},
                tags=[{"key": "team", "value": "data"}],
                error_details={"message": "Disk full.", "retryable": True} if number % 2 else None,
                **ended,
            )
        )
        await store_steps_and_logs(f"e{number:03}", number + 1)


@bounded(max_examples=120)
@given(operation=operations)
async def test_any_selection_is_answered_alike(both: Both, operation: Operation):
    collection = both.monitor.executions.reader.database.collection(Execution)
    if await collection.find_one({}) is None:
        await some_executions()

    await both.agree(operation.text, PAYLOADS, **operation.variables)


@bounded(max_examples=120, phases=set(Phase) - {Phase.shrink})
@given(row=objects({}, **dict.fromkeys(sorted(set(Execution.model_fields) - {"id"}), anything)))
async def test_whatever_is_stored_is_answered_alike(both: Both, row: dict[str, Any]):
    database = both.monitor.executions.reader.database
    document: type[Document]
    for document in (Execution, Step, LogEntry):
        await database.collection(document).delete_many({})
    own = {"tenant_id": "acme", "user_id": "ada", "execution_id": "e1", "completed_at": NOON}
    try:
        await database.collection(Execution).insert_one({**stored(row), **own})
    except WriteError:
        return  # no index holds two arrays

    await both.agree(f"{{ executions {{ nodes {{ {LEAVES} }} }} }}")


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("{ executions { nodes { executionId } } }", id="nodes"),
        pytest.param(
            "{ a: executions(first: 2) { nodes { executionId } } b: executions { totalCount } }", id="two roots"
        ),
        pytest.param(
            "{ executions(first: 2) { totalCount totalCountIsExact pageInfo { ...P } } } fragment P on PageInfo "
            "{ hasNextPage hasPreviousPage startCursor endCursor }",
            id="what lies around",
        ),
        pytest.param(
            "{ executions { edges { cursor a: node { executionId } b: node { status } } } }", id="two nodes an edge"
        ),
        pytest.param("{ __typename executions { __typename nodes { __typename } } }", id="names of types"),
        pytest.param('{ execution(executionId: "e001") { executionId steps(first: 1) { nodes { name } } } }', id="one"),
        pytest.param('{ execution(executionId: "nothing") { executionId } }', id="none"),
        pytest.param("{ viewer { userId tenantId roles scopes expiresAt liveBehindSeconds } }", id="the caller"),
        pytest.param(
            "{ executions { nodes { a: steps(first: 1) { nodes { stepId } } b: steps(first: 1) { pageInfo { "
            "hasNextPage } } logs(last: 1, minLevel: ERROR) { edges { cursor node { message } } } } } }",
            id="parts",
        ),
        pytest.param(
            "{ executions(filter: {status: {in: [FAILED]}}, sort: [{field: DURATION}]) { nodes { status } } }",
            id="a filter",
        ),
    ],
)
async def test_what_is_asked_for_is_answered_alike(both: Both, query: str):
    await some_executions()

    answer = await both.agree(query)

    assert "errors" not in answer


@pytest.mark.parametrize(
    ("query", "caller", "code"),
    [
        pytest.param("{ executions(first: 0) { nodes { name } } }", ADA, "BAD_USER_INPUT", id="a page of nothing"),
        pytest.param('{ executions(after: "x") { nodes { name } } }', ADA, "INVALID_CURSOR", id="garbage for a cursor"),
    ],
)
async def test_a_refused_root_is_told_alike(both: Both, query: str, caller: Caller, code: str):
    answer = await both.agree(query, caller)

    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


@pytest.mark.parametrize(
    ("query", "caller"),
    [
        pytest.param("{ executions { nodes { inputParameters } } }", ADA, id="payloads for a caller without the scope"),
        pytest.param("{ executions { nodes { name } } }", NOBODY, id="a list for a caller without the scope"),
        pytest.param('{ execution(executionId: "e001") { name } }', NOBODY, id="one for a caller without the scope"),
        pytest.param('{ executions { nodes { steps(after: "x") { nodes { name } } } } }', ADA, id="a refused part"),
        pytest.param("{ executions { nodes { steps(first: 0) { nodes { name } } } } }", ADA, id="a part of nothing"),
        pytest.param('{ node(id: "x") { id } }', ADA, id="a node"),
        pytest.param("{ __schema { queryType { name } } }", ADA, id="the schema"),
        pytest.param("{ executions(first: 0) { nodes { name } } viewer { userId } }", ADA, id="one of two refused"),
    ],
)
async def test_what_no_plan_knows_is_left_to_graphql_core(both: Both, query: str, caller: Caller):
    await some_executions()

    with pytest.raises(NotKnown):
        await both.compiled(both.question(query), caller)


async def test_variables_decide_anew_each_time(both: Both):
    await some_executions()
    query = """query Q($first: Int = 2, $full: Boolean = false, $where: ExecutionFilter) {
      executions(first: $first, filter: $where) { nodes { executionId status @include(if: $full) } } }"""

    cases: list[dict[str, Any]] = [
        {},
        {"first": 3},
        {"full": True},
        {"where": {"status": {"eq": "FAILED"}}},
        {"where": None, "first": None},
    ]
    answers = [await both.agree(query, ADA, **variables) for variables in cases]

    shown = [answer["data"]["executions"]["nodes"] for answer in answers]
    assert [len(nodes) for nodes in shown] == [2, 3, 2, 2, 5]
    assert shown[2][0].keys() == {"executionId", "status"}


async def test_what_is_remembered_is_read_for_whoever_asks(both: Both):
    await store(execution(1), execution(2, user_id="ben"))
    query = "{ executions { totalCount nodes { userId } } }"

    answers = [await both.agree(query, caller) for caller in (ADA, BEN, ADA)]

    assert [answer["data"]["executions"]["nodes"] for answer in answers] == [
        [{"userId": "ada"}],
        [{"userId": "ben"}],
        [{"userId": "ada"}],
    ]
