"""Compiled events are what graphql-core makes of the same delivery: the same bytes."""

from datetime import UTC, datetime
from typing import Any

import bson
import pytest
import time_machine
from bson import ObjectId
from bson.errors import InvalidDocument
from hypothesis import Phase, given
from hypothesis import strategies as st

from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.execution.event_renderer import EventRenderer, Payload
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.types.updates import event_of
from execution_monitor.graphql.validation.operation import ExecutableOperation, OperationValidator, ValidatedOperation
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.live.changes import RAW, GapReason
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.graphql.compiled.test_compiler import LEAVES
from tests.live.factories import NOW, execution, position_at, topic
from tests.storage.bson_codec import stored
from tests.storage.strategies import anything, bounded, objects

SCHEMA = create_schema()
READER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
PAYLOADS = Caller("ada", "acme", frozenset(Scope))
NOBODY = Caller("ada", "acme", frozenset({"other"}))
UPDATES = f"""subscription {{ executionUpdates {{
  __typename kind cursor again: cursor occurredAt executionId changedFields execution {{ {LEAVES} }} }} }}"""
ACTIVITY = f"""subscription {{ executionActivity(executionId: "run") {{ __typename
  ... on ExecutionUpdate {{ kind cursor executionId changedFields execution {{ {LEAVES} }} }}
  ... on StepUpdate {{ cursor occurredAt step {{
    id stepId name status startedAt durationSeconds cost tokens tokensUsed dependsOn error {{ message }} }} }}
  ... on LogAppended {{ cursor entry {{ at level message stepId }} }} }} }}"""
LIVE_CODEC = RAW.with_options(document_class=dict)

_validator = OperationValidator(SCHEMA, max_cost=10_000)
_compiler = Compiler(SCHEMA)


class OnlyGraphQLCore(Compiler):
    """A compiler that knows nothing."""

    def compile_event(self, validated: ValidatedOperation, caller: Caller) -> None:
        """Leave it to graphql-core."""


def question(text: str, **variables: Any) -> ValidatedOperation:
    return _validator.validate(GraphQLRequest(text, None, variables))


def render(compiler: Compiler, text: str, delivery: Delivery, caller: Caller, **variables: Any) -> Payload:
    def context_of(who: Caller) -> Context:
        # Nothing is read for such an event.
        return Context(who, None, None)  # pyright: ignore[reportArgumentType]

    delivery.rendered.clear()
    prepared = ExecutableOperation(
        question(text, **variables), Operation(caller, Origin(None, None, ""), OperationKind.SUBSCRIPTION, None)
    )
    rendered = EventRenderer(SCHEMA, compiler, context_of, 1_000_000).of(prepared, event_of).one(delivery)
    assert isinstance(rendered, tuple)
    return rendered


def agree(text: str, delivery: Delivery, caller: Caller = READER, **variables: Any) -> Payload:
    expected = render(OnlyGraphQLCore(SCHEMA), text, delivery, caller, **variables)
    assert render(_compiler, text, delivery, caller, **variables) == expected
    return expected


def is_compiled(text: str, caller: Caller = READER, **variables: Any) -> bool:
    return _compiler.compile_event(question(text, **variables), caller) is not None


def event(kind: EventKind, row: dict[str, Any] | None, **fields: Any) -> Delivery:
    return Delivery(topic(), kind, position_at(1), NOW, execution_id="run", row=row, **fields)


def as_read(row: dict[str, Any]) -> dict[str, Any]:
    """`row` as it comes from a change stream."""
    return bson.decode(bson.encode(stored(row), codec_options=LIVE_CODEC), codec_options=LIVE_CODEC)  # pyright: ignore[reportUnknownMemberType] - an overload is open


def rows_of(document: Any) -> Any:
    return objects({}, **dict.fromkeys(sorted(set(document.model_fields) - {"id"}), anything))


@bounded(max_examples=40, phases=set(Phase) - {Phase.shrink})
@given(row=rows_of(Execution), kind=st.sampled_from([EventKind.ENTERED, EventKind.UPDATED, EventKind.LEFT]))
def test_whatever_an_engine_wrote_is_shown_alike(row: dict[str, Any], kind: EventKind):
    try:
        read = as_read(row)
    except (InvalidDocument, OverflowError):
        return  # BSON does not hold it
    with time_machine.travel(NOW, tick=False):
        agree(UPDATES, event(kind, read, changed=frozenset({"status", "total_cost"})))
        agree(ACTIVITY, event(kind, read, changed=None))


@bounded(max_examples=30, phases=set(Phase) - {Phase.shrink})
@given(row=rows_of(Step), line=rows_of(LogEntry))
def test_whatever_steps_and_lines_hold_is_shown_alike(row: dict[str, Any], line: dict[str, Any]):
    try:
        # Without an id each is an error, and the log of it takes a second.
        step, entry = as_read({**row, "_id": ObjectId()}), as_read(line)
    except (InvalidDocument, OverflowError):
        return
    with time_machine.travel(NOW, tick=False):
        agree(ACTIVITY, event(EventKind.STEP, step))
        agree(ACTIVITY, event(EventKind.LOG, entry))


@pytest.mark.parametrize(
    "delivery",
    [
        pytest.param(event(EventKind.DELETED, None), id="deleted"),
        pytest.param(event(EventKind.LEFT, None), id="no longer visible"),
        pytest.param(Delivery(topic(), EventKind.GAP, position_at(1), NOW, reason=GapReason.TOO_SLOW), id="a gap"),
    ],
)
def test_events_without_an_execution_are_shown_alike(delivery: Delivery):
    payload, codes, _ = agree(UPDATES, delivery)

    assert b'"execution":null' in payload
    assert codes == ()


def test_what_may_be_left_out_is_decided_by_variables():
    text = """subscription($full: Boolean!) { executionUpdates {
      kind execution { executionId status @include(if: $full) } } }"""
    shown = [agree(text, event(EventKind.UPDATED, execution("run")), full=full)[0] for full in (True, False, True)]

    assert [b"status" in each for each in shown] == [True, False, True]
    assert is_compiled(text, full=True)


def test_values_that_other_systems_got_wrong_are_right_in_live_updates():
    zero = datetime(1, 1, 1, tzinfo=UTC)
    numbers = {"tokens_used": 14_162_275_774, "input_parameters": {"account": 3_544_790_567_247_868_102}}
    text = UPDATES.replace("tokensUsed", "tokensUsed inputParameters")

    shown = agree(text, event(EventKind.UPDATED, execution("run", completed_at=zero, **numbers)), PAYLOADS)[0]
    step = agree(ACTIVITY, event(EventKind.STEP, {"_id": 1, "started_at": zero, "tokens_used": 3_000_000_000}))[0]
    line = agree(ACTIVITY.replace("level", "level levelName"), event(EventKind.LOG, {"level": "FATAL"}))[0]

    assert b'"completedAt":null' in shown
    assert b'"tokens":14162275774,"tokensUsed":2147483647' in shown
    assert b'{"account":3544790567247868102}' in shown
    assert b'"startedAt":null' in step
    assert b'"tokens":3000000000' in step
    assert b'"level":"CRITICAL","levelName":"FATAL"' in line


def test_payloads_are_shown_to_those_alone_who_may_read_them():
    text = "subscription { executionUpdates { kind execution { executionId inputParameters } } }"
    delivery = event(EventKind.UPDATED, execution("run", input_parameters={"secret": 1}))

    assert b"secret" in agree(text, delivery, PAYLOADS)[0]
    payload, codes, _ = agree(text, delivery, READER)
    assert b"secret" not in payload
    assert codes == ["FORBIDDEN"]
    assert is_compiled(text, PAYLOADS)
    assert not is_compiled(text, READER)


def test_what_cannot_be_made_from_the_event_alone_is_left_to_graphql_core():
    assert not is_compiled("subscription { executionUpdates { execution { steps { nodes { name } } } } }")


def test_the_subscriptions_of_the_dashboard_are_compiled():
    assert is_compiled(UPDATES)
    assert is_compiled(ACTIVITY)
    assert not is_compiled(UPDATES, NOBODY)
