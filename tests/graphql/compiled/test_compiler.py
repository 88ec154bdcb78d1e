"""Compiled queries return what graphql-core returns: the same bytes, the same errors at the same paths."""

import math
from datetime import timedelta
from typing import Any

import orjson
import pytest
from beanie import Document
from bson import Decimal128, Int64
from graphql import ExecutionResult, execute_root_selection_set  # pyright: ignore[reportUnknownVariableType]
from hypothesis import Phase, given
from pymongo.errors import WriteError

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.fields import NotCompilable
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import to_client_errors
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.operation import OperationValidator, ValidatedOperation
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
UNSCOPED = Caller("ada", "acme", frozenset({"other"}))
LEAVES = """id executionId name workflowName workflowTemplateId status statusDetail createdAt startedAt completedAt
  updatedAt durationSeconds progress { __typename currentStep totalSteps percentage } stepsCompleted stepsFailed
  triggeredBy userId tenantId sessionId attempt parentExecutionId retryOfExecutionId
  lastHeartbeatAt tags { key value } totalCost tokens tokensUsed
  performance error { message code type stepId stackTrace retryable }"""


class Both:
    """Runs the same operations compiled and in graphql-core."""

    def __init__(self, database: Database, uri: str) -> None:
        self._validator = OperationValidator(SCHEMA, max_cost=10_000)
        self.compiler = Compiler(SCHEMA)
        self.monitor = Monitor.over(database, timeout_ms=5_000, count_limit=3)
        self.live = Live(database, uri, LiveCursors(b"x" * 32))

    def validate(self, text: str, **variables: Any) -> ValidatedOperation:
        return self._validator.validate(GraphQLRequest(text, None, variables))

    def _context(self, caller: Caller) -> Context:
        return Context(caller, self.monitor, self.live)

    async def interpreted(self, validated: ValidatedOperation, caller: Caller) -> bytes:
        executor = validated.build_executor()
        executor.context_value = self._context(caller)
        result: Any = execute_root_selection_set(executor)
        return to_payload(result if isinstance(result, ExecutionResult) else await result)

    async def compiled(self, validated: ValidatedOperation, caller: Caller) -> bytes:
        """Raises `NotCompilable`, as the compiler does."""
        return to_payload(await self.compiler.execute(validated, self._context(caller)))

    async def agree(self, text: str, caller: Caller = ADA, **variables: Any) -> Any:
        """The response of both; the compiled one twice, to run it from a new plan and from a remembered one."""
        validated = self.validate(text, **variables)
        expected = await self.interpreted(validated, caller)
        for _ in range(2):
            assert await self.compiled(validated, caller) == expected
        return orjson.loads(expected)


def to_payload(result: ExecutionResult) -> bytes:
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
async def test_any_selection_has_the_same_response(both: Both, operation: Operation):
    collection = both.monitor.executions.reader.database.collection(Execution)
    if await collection.find_one({}) is None:
        await some_executions()

    await both.agree(operation.text, PAYLOADS, **operation.variables)


@bounded(max_examples=120, phases=set(Phase) - {Phase.shrink})
@given(row=objects({}, **dict.fromkeys(sorted(set(Execution.model_fields) - {"id"}), anything)))
async def test_any_stored_document_has_the_same_response(both: Both, row: dict[str, Any]):
    database = both.monitor.executions.reader.database
    document: type[Document]
    for document in (Execution, Step, LogEntry):
        await database.collection(document).delete_many({})
    own = {"tenant_id": "acme", "user_id": "ada", "execution_id": "e1", "completed_at": NOON}
    try:
        await database.collection(Execution).insert_one({**stored(row), **own})
    except WriteError:
        return  # no index holds two arrays

    await both.agree(f"{{ executions {{ nodes {{ {LEAVES} recoveredBy }} }} }}")


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
            id="count and page info",
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
            id="steps and logs",
        ),
        pytest.param(
            "{ executions { nodes { a: steps(first: 1) { nodes { stepId } } b: steps(first: 2) { nodes { stepId } } "
            "c: logs(last: 2) { nodes { message } } d: logs(last: 3) { nodes { message } } } } }",
            id="different pages of the same",
        ),
        pytest.param(
            "{ executions(filter: {status: {in: [FAILED]}}, sort: [{field: DURATION}]) { nodes { status } } }",
            id="a filter",
        ),
    ],
)
async def test_each_kind_of_selection_has_the_same_response(both: Both, query: str):
    await some_executions()

    answer = await both.agree(query)

    assert "errors" not in answer


async def test_recoveries_have_the_same_response(both: Both):
    await some_executions()
    await store(execution(5, retry_of_execution_id="e001"), execution(6, parent_execution_id="e004", attempt=2))

    listed = await both.agree("{ executions { nodes { recoveredBy steps(first: 1) { nodes { stepId } } } } }")
    edges = await both.agree("{ executions { edges { node { again: recoveredBy recoveredBy } } totalCount } }")
    one = await both.agree('{ execution(executionId: "e001") { recoveredBy } }')
    completed = await both.agree('{ execution(executionId: "e005") { recoveredBy } }')

    recovered = [None, None, "e006", None, None, "e005", None]
    assert [node["recoveredBy"] for node in listed["data"]["executions"]["nodes"]] == recovered
    shown = [edge["node"] for edge in edges["data"]["executions"]["edges"]]
    assert shown == [{"again": each, "recoveredBy": each} for each in recovered]
    assert one["data"]["execution"] == {"recoveredBy": "e005"}
    assert completed["data"]["execution"] == {"recoveredBy": None}


@pytest.mark.parametrize(
    ("query", "caller", "code"),
    [
        pytest.param("{ executions(first: 0) { nodes { name } } }", ADA, "BAD_USER_INPUT", id="a page of nothing"),
        pytest.param('{ executions(after: "x") { nodes { name } } }', ADA, "INVALID_CURSOR", id="garbage for a cursor"),
    ],
)
async def test_a_refused_root_field_has_the_same_error(both: Both, query: str, caller: Caller, code: str):
    answer = await both.agree(query, caller)

    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


@pytest.mark.parametrize(
    ("query", "caller"),
    [
        pytest.param("{ executions { nodes { inputParameters } } }", ADA, id="payloads for a caller without the scope"),
        pytest.param("{ executions { nodes { name } } }", UNSCOPED, id="a list for a caller without the scope"),
        pytest.param('{ execution(executionId: "e001") { name } }', UNSCOPED, id="one for a caller without the scope"),
        pytest.param(
            '{ executions { nodes { steps(after: "x") { nodes { name } } } } }', ADA, id="a refused cursor of steps"
        ),
        pytest.param(
            "{ executions { nodes { steps(first: 0) { nodes { name } } } } }", ADA, id="a refused size of steps"
        ),
        pytest.param("{ executions { nodes { retryOf { name } } } }", ADA, id="what an execution repeats"),
        pytest.param("{ executions { nodes { retries { name } } } }", ADA, id="retries"),
        pytest.param("{ executions { nodes { name } facets { status { value } } } }", ADA, id="facets"),
        pytest.param('{ node(id: "x") { id } }', ADA, id="a node"),
        pytest.param("{ __schema { queryType { name } } }", ADA, id="the schema"),
        pytest.param(
            "{ executions(first: 0) { nodes { name } } viewer { userId } }", ADA, id="one of two root fields refused"
        ),
    ],
)
async def test_operations_without_a_plan_are_not_compilable(both: Both, query: str, caller: Caller):
    await some_executions()

    with pytest.raises(NotCompilable):
        await both.compiled(both.validate(query), caller)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(math.nan, 0.0, id="not a number"),
        pytest.param(math.inf, 0.0, id="infinity"),
        pytest.param(-math.inf, 0.0, id="minus infinity"),
        pytest.param(Decimal128("NaN"), 0.0, id="a decimal that is not a number"),
        pytest.param(Decimal128("1e400"), 0.0, id="a decimal beyond all floats"),
        pytest.param(-0.0, 0.0, id="minus zero"),
        pytest.param(-1.5, -1.5, id="less than zero"),
        pytest.param(Int64(2**40), 2.0**40, id="a long integer"),
    ],
)
async def test_a_stored_number_is_shown_as_a_finite_one(both: Both, value: Any, shown: float):
    await store(execution(1, total_cost=value, progress={"percentage": value}))

    answer = await both.agree("{ executions { nodes { totalCost progress { percentage } } } }")

    (node,) = answer["data"]["executions"]["nodes"]
    assert (node["totalCost"], node["progress"]["percentage"]) == (shown, shown)


async def test_variables_decide_what_is_selected_each_time(both: Both):
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


async def test_a_remembered_plan_reads_what_its_caller_may_see(both: Both):
    await store(execution(1), execution(2, user_id="ben"))
    query = "{ executions { totalCount nodes { userId } } }"

    answers = [await both.agree(query, caller) for caller in (ADA, BEN, ADA)]

    assert [answer["data"]["executions"]["nodes"] for answer in answers] == [
        [{"userId": "ada"}],
        [{"userId": "ben"}],
        [{"userId": "ada"}],
    ]


async def test_numbers_beyond_32_bits_are_exact_filtered_and_sorted(both: Both):
    ids = {"account": 3_544_790_567_247_868_102, "ids": [9_007_199_254_740_993]}
    await store(
        execution(1, tokens_used=14_162_275_774, input_parameters=ids, final_result={"ref": 107_505_301_260_286_111}),
        execution(2, tokens_used=3_000_000_000),
        execution(3, tokens_used=2_000_000_000),
    )
    selection = "{ nodes { executionId tokens tokensUsed inputParameters finalResult } }"

    listed = await both.agree(f"{{ executions(sort: [{{field: TOKENS_USED}}]) {selection} }}", PAYLOADS)
    many = await both.agree(
        f"query Q($least: BigInt!) {{ executions(filter: {{tokens: {{gte: $least}}}}) {selection} }}",
        PAYLOADS,
        least=5_000_000_000,
    )

    nodes = listed["data"]["executions"]["nodes"]
    assert [(node["tokens"], node["tokensUsed"]) for node in nodes] == [
        (14_162_275_774, 2**31 - 1),
        (3_000_000_000, 2**31 - 1),
        (2_000_000_000, 2_000_000_000),
    ]
    assert (nodes[0]["inputParameters"], nodes[0]["finalResult"]) == (ids, {"ref": 107_505_301_260_286_111})
    assert many["data"]["executions"]["nodes"] == nodes[:1]
