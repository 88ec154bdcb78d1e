"""Projections: for an operation exactly the stored fields are read that its selection needs."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from beanie import Document
from graphql import FragmentSpreadNode, InlineFragmentNode, SelectionNode
from hypothesis import given

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.children import IS_UNSORTABLE
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql import node_resolver, selection
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.types import execution as execution_type
from execution_monitor.graphql.types import execution_connection, log_entry, step
from execution_monitor.graphql.types.connection import fields_to_read
from execution_monitor.graphql.types.execution import Execution
from execution_monitor.graphql.types.log_entry import ExecutionLogEntry
from execution_monitor.graphql.types.step import ExecutionStep
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage import documents
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import collection_of
from execution_monitor.storage.pagination import BOTH, Neighbours
from tests.graphql.selections import Operation, operations
from tests.storage.strategies import bounded
from tests.support.documents import NOON, execution, store
from tests.support.sent_commands import SentCommands, recording_commands

CALLER = Caller("ada", "acme", frozenset(Scope))
CHILDREN = {"workflow_step_executions": ExecutionStep, "execution_logs": ExecutionLogEntry}


@dataclass(frozen=True)
class Server:
    """Runs operations, and records the commands that they sent to MongoDB."""

    monitor: Monitor
    live: Live
    sent: SentCommands

    async def run(self, text: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of the response to an operation, which must have no errors."""
        self.sent.reads.clear()
        context = Context(CALLER, self.monitor, self.live)
        result = await SCHEMA.execute(text, dict(variables or {}), context)
        assert result.errors is None, text
        return result.data

    def projection_of_executions(self) -> set[str]:
        """The projection that the page of executions was read with."""
        # After a page that is not full, rows are read that cannot be sorted.
        found, *_ = [each for each in self.sent.reads if "find" in each]
        return set(found["projection"])

    def projection_of_children(self, collection: str) -> set[str]:
        """The stored fields that steps or log lines were read with; empty where none were read."""
        lookups = [
            stage["$lookup"] for each in self.sent.reads for stage in each.get("pipeline", ()) if "$lookup" in stage
        ]
        projections = [
            *(each["projection"] for each in self.sent.reads if each.get("find") == collection),
            *(each["pipeline"][-1]["$project"] for each in lookups if each["from"] == collection),
        ]
        # The mark of rows that cannot be sorted is computed.
        return {name for each in projections for name in each} - {IS_UNSORTABLE}


SCHEMA = create_schema()


@pytest.fixture
async def desk(database: Database, mongodb_uri: str) -> AsyncGenerator[Server]:
    """Three executions: with all fields, with fields that others are derived from, and with almost none."""
    await store(*_executions())
    for document, rows in ((documents.Step, _steps()), (documents.LogEntry, _lines())):
        await collection_of(document).insert_many(rows)
    async with recording_commands(mongodb_uri, database.handle.name) as (connected, sent):
        live = Live(connected, mongodb_uri, LiveCursors(b"secret"))
        yield Server(Monitor.over(connected, timeout_ms=5_000, count_limit=100), live, sent)
        await live.close()


def _executions() -> list[dict[str, Any]]:
    whole = execution(
        1,
        execution_name="Nightly",
        status_detail="up_for_retry",
        started_at=NOON,
        total_duration=2.5,
        progress={"current_step": 1, "total_steps": 2, "percentage": 50.0},
        steps_completed=1,
        attempt=2,
        tags=[{"key": "env", "value": "prod"}],
        total_cost=0.5,
        performance_data={"cpu": 1},
        input_parameters={"a": 1},
        final_result=[1],
        error_details={"message": "It broke", "code": "E", "stack_trace": "at x"},
    )
    times = {"started_at": NOON, "completed_at": NOON + timedelta(seconds=9)}
    substituted = execution(2, status="sleeping", progress={"current_step": 1, "total_steps": 4}, **times)
    del substituted["updated"]
    return [whole, substituted, {"execution_id": "e003", "tenant_id": "acme", "user_id": "ada"}]


def _steps() -> list[dict[str, Any]]:
    times = {"started_at": NOON, "completed_at": NOON + timedelta(seconds=3)}
    filled = {"step_type": "task", "status": "failed", "depends_on": ["s0"], "input_data": {"a": 1}, "result": [1]}
    more = {"step_name": "Load", "error_details": {"message": "It broke", "code": "E", "stack_trace": "at x"}}
    return [
        {"tenant_id": "acme", "execution_id": execution_id, "step_id": f"s{index}", "step_index": index, **rest}
        for execution_id in ("e001", "e002")
        for index, rest in enumerate([{**times, **filled, **more}, {"duration": 1.5, **filled}, {}])
    ]


def _lines() -> list[dict[str, Any]]:
    own = {"level": "error", "step_id": "s1", "attributes": {"a": 1}}
    return [
        {"tenant_id": "acme", "execution_id": "e001", "timestamp": NOON, "message": f"Line {index}", **rest}
        for index, rest in enumerate([own, {}, own])
    ]


def whole_documents(shown: type, _: object) -> frozenset[str]:
    """Every stored field of the GraphQL type `shown`."""
    stored: dict[type, type[Document]] = {
        Execution: documents.Execution,
        ExecutionStep: documents.Step,
        ExecutionLogEntry: documents.LogEntry,
    }
    return frozenset(stored[shown].model_fields) | {"_id"}


def always(*_: object) -> bool:
    return True


def both(*_: object) -> Neighbours:
    return BOTH


async def check_data(desk: Server, text: str, variables: Mapping[str, Any]) -> None:
    """Compare the response from projections with the one from whole documents."""
    answer = await desk.run(text, variables)
    with pytest.MonkeyPatch.context() as patch:
        for module in (execution_type, execution_connection, step, log_entry, node_resolver):
            patch.setattr(module, "fields_to_read", whole_documents)
        patch.setattr(execution_connection, "needs_cursors", always)
        patch.setattr(execution_connection, "needed_neighbours", both)
        whole = await desk.run(text, variables)

    assert answer == whole, text


@bounded(max_examples=200)
@given(operation=operations)
async def test_a_projection_gives_the_same_response_as_whole_documents(desk: Server, operation: Operation):
    await check_data(desk, operation.text, operation.variables)


def reads_of(shown: type, names: Iterable[str]) -> set[str]:
    return set(fields_to_read(shown, dict.fromkeys(names, ())))


@bounded(max_examples=200)
@given(operation=operations)
async def test_nothing_is_read_that_is_not_resolved(desk: Server, operation: Operation):
    resolved = operation.resolved
    shown = [*resolved.below("nodes"), *resolved.below("edges", "node")]
    cursors = resolved.names("edges") | resolved.names("pageInfo")

    await desk.run(operation.text, operation.variables)

    own = {name for each in shown for name in each.names()}
    expected = reads_of(Execution, own) | {"_id"}
    if cursors & {"cursor", "startCursor", "endCursor"}:
        expected |= {"created"}
    if resolved.names() & {"nodes", "edges"}:
        # The audit trail records the ids of executions.
        expected |= {"execution_id"}
    assert desk.projection_of_executions() == expected, operation.text
    for collection, (child, order) in {
        "workflow_step_executions": ("steps", "step_index"),
        "execution_logs": ("logs", "timestamp"),
    }.items():
        names = {
            name for each in shown for path in (("nodes",), ("edges", "node")) for name in each.names(child, *path)
        }
        expected = {"_id", order} | reads_of(CHILDREN[collection], names) if child in own else set[str]()
        read = desk.projection_of_children(collection)
        # One query reads the children of several executions, and their ids say which are whose. Their own ids and the
        # field of the order are read for cursors.
        needed = {"execution_id", "_id", order}
        assert read - needed == expected - needed, operation.text
        assert read <= expected | {"execution_id"}, operation.text


Walk = Callable[..., Any]


def without(kind: type[SelectionNode]) -> Walk:
    """A faulty walk, which leaves out one kind of selection."""
    left_out = selection._is_left_out  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what is replaced

    def leave_out(node: SelectionNode, variables: Mapping[str, Any]) -> bool:
        return isinstance(node, kind) or left_out(node, variables)

    return leave_out


def without_defaults(node: SelectionNode, variables: Mapping[str, Any]) -> bool:
    """A faulty walk, which takes a variable that is not sent as false instead of its default."""
    return selection_left_out(node, {**variables, "left": False})


selection_left_out = selection._is_left_out  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - likewise


@pytest.mark.parametrize(
    ("fault", "operation"),
    [
        pytest.param(
            without(FragmentSpreadNode),
            "{ executions { nodes { ...F } } } fragment F on Execution { workflowName }",
            id="fragments",
        ),
        pytest.param(
            without(InlineFragmentNode), "{ executions { nodes { ... { workflowName } } } }", id="inline fragments"
        ),
        pytest.param(
            without_defaults,
            "query Q($left: Boolean = true) { executions { nodes { workflowName @include(if: $left) } } }",
            id="defaults of variables",
        ),
    ],
)
async def test_a_walk_that_misses_a_selection_is_detected(
    desk: Server, monkeypatch: pytest.MonkeyPatch, fault: Walk, operation: str
):
    monkeypatch.setattr(selection, "_is_left_out", fault)

    with pytest.raises(AssertionError):
        await check_data(desk, operation, {})


NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Execution { workflowName } ...S } }"


async def test_of_mixed_nodes_the_selected_fields_of_each_type_are_read(desk: Server):
    listed = await desk.run("{ executions { nodes { id steps { nodes { id } } } } }")
    ids = [node["id"] for node in listed["executions"]["nodes"]]
    ids += [step["id"] for node in listed["executions"]["nodes"] for step in node["steps"]["nodes"]]

    await check_data(desk, f"{NODES} fragment S on ExecutionStep {{ a: name }}", {"ids": ids})
    await desk.run(f"{NODES} fragment S on ExecutionStep {{ a: name }}", {"ids": ids})

    assert len(desk.sent.reads) == 2, "one query for each type"
    assert desk.projection_of_executions() == {"_id", "execution_id", "workflow_name"}


def nested(levels: int) -> Sequence[str]:
    """A document whose fragments spread each other twice, `levels` deep: 2 ** `levels` ways to one field."""
    pairs = [f"fragment F{n} on Execution {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return ["{ executions { nodes { ...F0 } } }", *pairs, f"fragment F{levels} on Execution {{ workflowName }}"]


async def test_nested_fragments_are_walked_once_each(desk: Server, monkeypatch: pytest.MonkeyPatch):
    visits = 0

    def count(node: SelectionNode, variables: Mapping[str, Any]) -> bool:
        nonlocal visits
        visits += 1
        return selection_left_out(node, variables)

    monkeypatch.setattr(selection, "_is_left_out", count)

    answer = await desk.run(" ".join(nested(30)))

    assert [node["workflowName"] for node in answer["executions"]["nodes"]] == ["etl", "etl", ""]
    # The document has 64 selections; the page, its edges and their nodes are walked one after another.
    assert 64 < visits < 200


# After a page that is not full, rows are read that cannot be sorted.
_A_PAGE = ["find", "find"]


@pytest.mark.parametrize(
    ("selected", "kinds"),
    [
        pytest.param("nodes { id }", _A_PAGE, id="nodes alone"),
        pytest.param("nodes { id } totalCount", ["aggregate", *_A_PAGE], id="a count"),
        pytest.param("nodes { id } totalCount totalCountIsExact", ["aggregate", *_A_PAGE], id="both halves of a count"),
        pytest.param("nodes { id } totalCount @skip(if: true)", _A_PAGE, id="a count that is skipped"),
    ],
)
async def test_a_count_costs_a_query_only_when_it_is_selected(desk: Server, selected: str, kinds: list[str]):
    await desk.run(f"{{ executions {{ {selected} }} }}")

    assert sorted(next(iter(each)) for each in desk.sent.reads) == kinds


@pytest.mark.parametrize(
    ("selected", "levels"),
    [
        pytest.param("nodes { id }", {None}, id="not selected"),
        pytest.param("nodes { id } liveCursor @include(if: false)", {None}, id="left out"),
        pytest.param("nodes { id } a: liveCursor", {"snapshot"}, id="under another name"),
        pytest.param("...F pageInfo { hasNextPage }", {"snapshot"}, id="in a fragment"),
    ],
)
async def test_a_page_is_a_snapshot_only_for_a_live_cursor(desk: Server, selected: str, levels: set[str | None]):
    fragment = "fragment F on ExecutionConnection { liveCursor }" if "...F" in selected else ""

    await desk.run(f"{{ executions {{ {selected} }} }} {fragment}")

    assert {each.get("readConcern", {}).get("level") for each in desk.sent.reads} == levels
