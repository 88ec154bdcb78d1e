"""Documents in any format: whatever an engine stored, lists and details return it without errors."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
from beanie import Document
from hypothesis import Phase, given, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pymongo.errors import BulkWriteError

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.schema import create_schema
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.storage.strategies import anything, bounded

SCHEMA = create_schema()
ADA = Caller("ada", "acme", frozenset(Scope))
OWN = {"tenant_id": "acme", "user_id": "ada", "execution_id": "e1"}

EVERYTHING = """query Q($sort: [ExecutionSort!]) {
  executions(sort: $sort) { totalCount edges { cursor node { ...E } } pageInfo { startCursor endCursor hasNextPage } }
  execution(executionId: "e1") { ...E }
}
fragment E on Execution {
  id executionId name workflowName workflowTemplateId status statusDetail createdAt startedAt completedAt updatedAt
  durationSeconds progress { currentStep totalSteps percentage } stepsCompleted stepsFailed triggeredBy userId tenantId
  sessionId attempt parentExecutionId tags { key value } totalCost tokens tokensUsed
  performance inputParameters finalResult error { message code type stepId stackTrace retryable }
  steps { edges { node {
    id stepId name kind index status startedAt completedAt durationSeconds attempt dependsOn cost tokens tokensUsed
    input result error { message }
  } } pageInfo { hasNextPage } }
  logs(last: 5) { nodes { at level message stepId attributes } pageInfo { hasPreviousPage } }
}"""


def documents_of(document: type[Document]) -> SearchStrategy[dict[str, Any]]:
    """Documents of Ada in which every other field may hold anything, or be missing."""
    fields = sorted(set(document.model_fields) - {*OWN, "id", "revision_id"})
    some = st.dictionaries(st.sampled_from(fields), anything, max_size=12)
    return some.map(lambda fields: {**fields, **OWN})


def without_durations(node: Mapping[str, Any]) -> dict[str, Any]:
    """`node` without durations, which grow while an execution runs."""
    edges = [{**edge["node"], "durationSeconds": None} for edge in node["steps"]["edges"]]
    return {**node, "durationSeconds": None, "steps": edges}


async def answer(database: Database, uri: str, variables: Mapping[str, Any]) -> Any:
    live = Live(database, uri, LiveCursors(b"secret"))
    context = Context(ADA, Monitor.over(database, timeout_ms=5_000, count_limit=100), live)
    try:
        return await SCHEMA.execute(EVERYTHING, dict(variables), context)
    finally:
        await live.close()


# Hypothesis fails to shrink what holds BSON's code, which is text of a class of its own.
@bounded(max_examples=100, phases=[Phase.generate])
@given(
    execution=documents_of(Execution),
    steps=st.lists(documents_of(Step), max_size=2),
    lines=st.lists(documents_of(LogEntry), max_size=2),
    sort=st.sampled_from(["CREATED_AT", "STATUS", "DURATION", "WORKFLOW_NAME"]),
)
async def test_any_stored_document_is_returned_without_errors(  # noqa: PLR0913, PLR0917 - what is drawn
    database: Database,
    mongodb_uri: str,
    execution: dict[str, Any],
    steps: list[dict[str, Any]],
    lines: list[dict[str, Any]],
    sort: str,
):
    for document, rows in ((Execution, [execution]), (Step, steps), (LogEntry, lines)):
        await database.collection(document).delete_many({})
        try:
            await database.collection(document).insert_many([dict(row) for row in rows] or [dict(OWN)])
        except BulkWriteError:
            reject()  # MongoDB stores no document with arrays in two fields of one index

    result = await answer(database, mongodb_uri, {"sort": [{"field": sort}]})

    assert result.errors is None
    (edge,) = result.data["executions"]["edges"]
    assert without_durations(result.data["execution"]) == without_durations(edge["node"])
    assert orjson.loads(orjson.dumps(result.data)) == json.loads(json.dumps(result.data, allow_nan=False))
