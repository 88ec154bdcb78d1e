"""What spans and log records say of executions and steps; the values are those of the winning registers."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.ingest.otlp.decoding import LOG_RECORDS, SPANS, decode_protobuf
from execution_monitor.ingest.otlp.mapping import Batch, Mapper
from execution_monitor.ingest.otlp.price_table import Price
from execution_monitor.ingest.otlp.prices import Prices
from execution_monitor.ingest.otlp.rejections import Rejections
from execution_monitor.ingest.otlp.root_rules import DEFAULT_ROOTS
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.service import Stored
from execution_monitor.ingest.writer.facts import DocumentFacts, Facts
from tests.ingest.otlp.otlp_requests import (
    CHILD,
    GRANDCHILD,
    LOGS,
    MILLISECOND,
    NOW,
    ROOT,
    TRACE,
    Capture,
    captured,
    event,
    logs,
    record,
    single,
    span,
    traces,
)
from tests.storage.strategies import bounded

MAPPER = Mapper(Roots.parse(DEFAULT_ROOTS), Prices({"gpt-4o-mini*": Price(input=1, output=10)}), keeps_payloads=True)
EXECUTION = TRACE.hex()
AT = datetime(2026, 11, 28, 5, 20, tzinfo=UTC)


def seconds(count: float) -> datetime:
    return AT + timedelta(seconds=count)


def batch(*requests: Any) -> Batch:
    """What the requests, each of spans or of log records, come to."""
    found = Batch(MAPPER, Facts(lambda _, value: value), Rejections())
    for request in requests:
        is_of_spans = request.DESCRIPTOR.name == "ExportTraceServiceRequest"
        add(found, Capture("" if is_of_spans else LOGS, request.SerializeToString()))
    found.complete()
    return found


def add(found: Batch, capture: Capture) -> None:
    if capture.path == LOGS:
        for decoded in decode_protobuf(LOG_RECORDS, capture.body):
            found.add_record(decoded)
    else:
        for decoded in decode_protobuf(SPANS, capture.body):
            found.add_span(decoded)


def values(document: DocumentFacts) -> dict[str, Any]:
    return {name: value for each in document.registers.values() for name, value in each.fields.items()}


def execution(*requests: Any, of: str = EXECUTION) -> dict[str, Any]:
    return values(batch(*requests).facts.executions[of])


def step(*spans: Span, of: bytes = ROOT) -> dict[str, Any]:
    return values(batch(traces(*spans)).facts.steps[EXECUTION, of.hex()])


def lines(*requests: Any) -> list[dict[str, Any]]:
    return [line.fields for line in batch(*requests).facts.log_lines.values()]


def test_a_trace_is_an_execution_and_each_span_a_step():
    found = batch(traces(span(name="nightly", end=3_000), span(CHILD, ROOT, "fetch", begin=500, end=1_500)))
    assert set(found.facts.executions) == {EXECUTION}
    root = values(found.facts.executions[EXECUTION])
    assert (root["workflow_name"], root["workflow_template_id"]) == ("nightly", "shop/nightly")
    assert (root["status"], root["created"], root["started_at"], root["completed_at"]) == (
        "completed",
        AT,
        AT,
        seconds(3),
    )
    child = values(found.facts.steps[EXECUTION, CHILD.hex()])
    assert (child["step_name"], child["step_type"], child["depends_on"]) == ("fetch", None, [ROOT.hex()])
    assert (child["status"], child["started_at"], child["completed_at"]) == ("completed", seconds(0.5), seconds(1.5))
    assert set(found.facts.steps) == {(EXECUTION, ROOT.hex()), (EXECUTION, CHILD.hex())}


def test_steps_are_in_the_order_of_their_starts_and_the_root_is_the_first():
    root, child = step(span(begin=4)), step(span(CHILD, ROOT, begin=4), of=CHILD)
    later = step(span(GRANDCHILD, CHILD, begin=5), of=GRANDCHILD)
    assert 0 <= root["step_index"] < child["step_index"] < later["step_index"] < 2**31


def test_an_execution_runs_under_the_name_of_its_service_until_its_root_ends():
    found = execution(traces(span(CHILD, ROOT, begin=500, end=1_500), span(GRANDCHILD, CHILD, begin=700, end=900)))
    assert (found["workflow_name"], found["workflow_template_id"]) == ("shop", None)
    assert (found["status"], found["created"], found["started_at"]) == ("running", seconds(0.5), seconds(0.5))
    assert found["last_heartbeat_at"] == seconds(1.5)


def test_log_records_show_that_an_execution_runs_before_any_span():
    found = execution(logs(record("start")))
    assert (found["workflow_name"], found["status"], found["created"]) == ("shop", "running", AT)


def test_a_span_without_an_end_runs():
    assert step(span(end=None))["status"] == "running"
    assert step(span(end=None), span(name="work"))["status"] == "completed"
    assert execution(traces(span(end=None, name="nightly")))["workflow_name"] == "nightly"


@pytest.mark.parametrize("code", [0, 1])
def test_a_status_that_is_unset_or_ok_is_a_success(code: Any):
    sent = span()
    sent.status.code = code
    assert step(sent)["status"] == "completed"


def test_an_exception_is_the_error_of_the_span_that_it_was_raised_through():
    thrown = {"exception.type": "shop.Closed", "exception.message": "at night", "exception.stacktrace": "line 1"}
    sent = span(failed="Closed: at night", events=[event("exception", 900, **thrown)])
    error = {"message": "at night", "type": "shop.Closed", "stack_trace": "line 1"}
    assert (step(sent)["status"], step(sent)["error_details"]) == ("failed", error)
    assert execution(traces(sent))["error_details"] == error
    assert lines(traces(sent)) == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"failed": "refused", "attributes": {"error.type": "timeout"}}, {"message": "refused", "type": "timeout"}),
        ({"failed": "", "attributes": {"error.type": "timeout"}}, {"message": "timeout", "type": "timeout"}),
        ({"failed": ""}, {"message": "The span has failed; it does not say why."}),
    ],
)
def test_a_failure_without_an_exception_has_an_error(options: dict[str, Any], error: dict[str, Any]):
    assert step(span(**options))["error_details"] == error


def test_an_exception_that_was_handled_is_a_warning():
    sent = span(events=[event("exception", 5, **{"exception.message": "again"})])
    assert step(sent)["error_details"] is None
    assert [(line["level"], line["message"]) for line in lines(traces(sent))] == [("warning", "again")]


def test_a_child_that_failed_does_not_fail_its_execution():
    assert execution(traces(span(), span(CHILD, ROOT, failed="no")))["status"] == "completed"


def test_events_of_a_span_are_log_lines_of_its_step():
    sent = span(events=[event("retry", 250, attempt=2)])
    assert lines(traces(sent)) == [
        {
            "timestamp": seconds(0.25),
            "level": "info",
            "message": "retry",
            "step_id": ROOT.hex(),
            "attributes": {"attempt": 2},
        }
    ]


@pytest.mark.parametrize(
    ("severity", "level"),
    [(1, "debug"), (8, "debug"), (9, "info"), (13, "warning"), (17, "error"), (24, "critical"), (0, "notice")],
)
def test_a_severity_is_a_level(severity: int, level: str):
    sent = record(severity_number=severity, severity_text="notice")  # pyright: ignore[reportArgumentType]
    assert lines(logs(sent))[0]["level"] == level


def test_the_same_record_is_one_line_and_others_are_others():
    assert len(lines(logs(record("a"), record("a"), record("b")), logs(record("a")))) == 2
    assert lines(logs(record("a", time=0, observed_time_unix_nano=NOW)))[0]["timestamp"] == AT


def test_what_a_record_says_need_not_be_text():
    sent = record(None, attributes={"exception.message": "gone"})
    assert lines(logs(sent))[0]["message"] == "gone"
    assert lines(logs(record(5)))[0]["message"] == "5"
    assert lines(logs(record(None, event_name="checkpoint")))[0]["message"] == "checkpoint"
    assert lines(logs(record(None)))[0]["message"] == "(empty)"


def test_what_is_said_to_a_model_is_an_attribute_and_no_message():
    sent = record("my card is 4111", event_name="gen_ai.user.message")
    assert [(line["message"], line["attributes"]) for line in lines(logs(sent))] == [
        ("gen_ai.user.message", {"body": "my card is 4111"})
    ]


def test_tokens_and_cost_of_a_call_are_those_of_its_step():
    call = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.usage.output_tokens": 100_000,
    }
    found = step(span(CHILD, ROOT, attributes=call), of=CHILD)
    assert (found["step_type"], found["model"]) == ("llm", "gpt-4o-mini")
    assert (found["input_tokens"], found["output_tokens"], found["tokens_used"]) == (1_000_000, 100_000, 1_100_000)
    assert found["cost"] == 2
    agent = step(span(attributes={**call, "gen_ai.operation.name": "invoke_agent"}))
    assert agent["input_tokens"] == 1_000_000
    assert "tokens_used" not in agent
    assert "cost" not in agent


def test_a_model_without_a_price_is_named_in_a_log_line():
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "new", "gen_ai.usage.input_tokens": 5}
    found = lines(traces(span(attributes=call)))
    assert [(line["level"], line["message"]) for line in found] == [
        ("warning", "No price is known for the model new; its cost counts as 0.")
    ]
    assert lines(traces(span(attributes={**call, "gen_ai.request.model": "gpt-4o-mini"}))) == []


SERVER = Span.SPAN_KIND_SERVER
AGENT = {"gen_ai.operation.name": "invoke_agent"}


@pytest.mark.parametrize(
    ("spans", "name"),
    [
        ([span(name="root"), span(CHILD, ROOT, "agent", attributes=AGENT)], "root"),
        ([span(name="POST /chat", kind=SERVER), span(CHILD, ROOT, "agent", attributes=AGENT, begin=1)], "agent"),
        ([span(name="POST /chat", kind=SERVER), span(CHILD, ROOT, "step")], "POST /chat"),
        (
            [
                span(CHILD, ROOT, "first", attributes=AGENT, begin=1),
                span(GRANDCHILD, ROOT, "second", attributes=AGENT, begin=2),
            ],
            "first",
        ),
        ([span(CHILD, ROOT, "remote", flags=0x300), span(GRANDCHILD, CHILD, "local", flags=0x100)], "remote"),
        ([span(CHILD, ROOT, "local", flags=0x100)], "shop"),
    ],
)
def test_an_execution_is_named_after_its_root_or_the_best_that_is_known(spans: Sequence[Span], name: str):
    assert execution(traces(*spans))["workflow_name"] == name
    assert execution(*(traces(each) for each in reversed(spans)))["workflow_name"] == name


def test_the_end_of_a_span_below_one_in_another_process_does_not_end_the_execution():
    assert execution(traces(span(CHILD, ROOT, flags=0x300)))["status"] == "running"


def test_a_conversation_is_the_session_of_the_execution():
    session = {"gen_ai.conversation.id": "c-1"}
    assert execution(traces(span(CHILD, ROOT, attributes=session)))["session_id"] == "c-1"
    root = span(attributes={"session.id": "s-1"}, begin=-5)
    assert execution(traces(span(CHILD, ROOT, attributes=session), root))["session_id"] == "s-1"


def test_resources_and_users_are_tags():
    sent = traces(span(attributes={"user.id": "alice"}), **{"service.version": "1.2", "deployment.environment": "prod"})
    assert execution(sent)["tags"] == [
        {"key": "service.name", "value": "shop"},
        {"key": "service.version", "value": "1.2"},
        {"key": "deployment.environment", "value": "prod"},
        {"key": "user.id", "value": "alice"},
    ]


def test_a_link_to_a_span_of_the_same_trace_is_a_dependency():
    links = [Span.Link(trace_id=TRACE, span_id=CHILD), Span.Link(trace_id=b"x" * 16, span_id=ROOT)]
    assert step(span(GRANDCHILD, ROOT, links=links), of=GRANDCHILD)["depends_on"] == [ROOT.hex(), CHILD.hex()]


def pending(of: bytes, parent: bytes, name: str) -> Span:
    announcement = {"logfire.span_type": "pending_span", "logfire.pending_parent_id": parent.hex()}
    return span(of[::-1], of, f"{name} (pending)", begin=0, end=0, attributes=announcement)


def test_a_span_that_is_announced_at_its_start_runs():
    found = batch(traces(pending(CHILD, ROOT, "fetch"), pending(ROOT, bytes(8), "nightly")))
    child = values(found.facts.steps[EXECUTION, CHILD.hex()])
    assert (child["step_name"], child["status"], child["depends_on"]) == ("fetch", "running", [ROOT.hex()])
    root = values(found.facts.executions[EXECUTION])
    assert (root["workflow_name"], root["status"]) == ("nightly", "running")
    assert len(found.facts.steps) == 2


def test_the_end_of_a_span_counts_in_whatever_order_its_announcement_comes():
    announced, ended = pending(ROOT, bytes(8), "nightly"), span(name="nightly", attributes={"items": 3})
    for spans in ([announced, ended], [ended, announced]):
        assert execution(traces(*spans))["status"] == "completed"
        assert step(*spans)["input_data"] == {"items": 3}


def test_a_log_line_that_is_sent_as_a_span_is_no_step():
    line = {"logfire.span_type": "log", "logfire.msg": "3 sold", "logfire.level_num": 13, "sold": 3}
    found = batch(traces(span(CHILD, ROOT, "sold", attributes=line, end=0)))
    assert found.facts.steps == {}
    assert [each.fields for each in found.facts.log_lines.values()] == [
        {
            "timestamp": AT,
            "level": "warning",
            "message": "3 sold",
            "step_id": ROOT.hex(),
            "attributes": {"sold": 3},
        }
    ]


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (span(trace=b"short"), "its trace_id must have 16 bytes, not all zero, and has 5"),
        (span(trace=bytes(16)), "its trace_id must have 16 bytes, not all zero, and has 16"),
        (span(b"shor"), "its span_id must have 8 bytes, and has 4"),
        (span(bytes(8)), "its span_id is all zero"),
        (span(CHILD, b"parent"), "its parent_span_id must have 8 bytes, and has 6"),
        (Span(trace_id=TRACE, span_id=CHILD), "it has no start_time_unix_nano"),
        (span(attributes={"logfire.span_type": "pending_span"}), "it is a pending span without a parent_span_id"),
    ],
)
def test_a_span_that_cannot_be_stored_costs_no_other(sent: Span, problem: str):
    found = batch(traces(sent, span(CHILD, ROOT)))
    assert (found.rejections.count, found.rejections.message) == (1, f"{problem[0].upper()}{problem[1:]}.")
    assert set(found.facts.steps) == {(EXECUTION, CHILD.hex())}


def test_a_record_that_cannot_be_stored_costs_no_other():
    broken = [record(trace=b""), record(trace=b"12"), record(span_id=b"12"), record(time=0), record(time=2**64 - 1)]
    found = batch(logs(*broken, record("fine")))
    assert (found.rejections.count, found.total) == (5, 6)
    assert found.rejections.message.startswith("It has no trace_id, and so belongs to no execution. Its trace_id must")
    assert [line.fields["message"] for line in found.facts.log_lines.values()] == ["fine"]


def test_what_is_refused_counts_with_all_spans_of_its_execution():
    found = batch(traces(span(), span(CHILD, ROOT)))
    found.reject_refused(Stored(refused={EXECUTION: "no"}, left_out=frozenset(("other", each) for each in "abc")))
    assert found.rejections.count == 5
    assert found.rejections.message == "No. An execution may have 10,000 spans."


@pytest.mark.parametrize("times", [(2**64 - 1, 2**64 - 1), (NOW, time.time_ns() + 25 * 3_600 * 10**9)])
def test_a_span_more_than_a_day_ahead_is_rejected(times: tuple[int, int]):
    far = span()
    far.start_time_unix_nano, far.end_time_unix_nano = times
    found = batch(traces(far, span(CHILD, ROOT)))
    assert (found.rejections.count, set(found.facts.steps)) == (1, {(EXECUTION, CHILD.hex())})
    assert found.rejections.message == "Its time is more than a day ahead; set the clock of the sender."


def test_a_clock_that_is_hours_ahead_is_accepted():
    ahead = span()
    ahead.start_time_unix_nano = ahead.end_time_unix_nano = time.time_ns() + 23 * 3_600 * 10**9
    assert step(ahead)["started_at"] > datetime.now(UTC)


def test_an_end_before_the_start_is_the_start():
    assert step(span(begin=500, end=100))["completed_at"] == seconds(0.5)


PIECES = {name: single(captured(name)) for name in ("invoices", "invoices_failed", "agent")}


@pytest.mark.parametrize("name", PIECES)
@bounded(max_examples=60)
@given(data=st.data())
def test_facts_are_the_same_in_whatever_order_and_how_often_spans_arrive(name: str, data: st.DataObject):
    pieces = data.draw(st.permutations(PIECES[name]))
    pieces += data.draw(st.lists(st.sampled_from(pieces), max_size=3))
    facts = Facts(lambda _, value: value)
    for group in (pieces[start : start + 3] for start in range(0, len(pieces), 3)):
        facts.join(batch(*group).facts)
    expected = batch(*PIECES[name]).facts
    assert {key: each.registers for key, each in facts.executions.items()} == {
        key: each.registers for key, each in expected.executions.items()
    }
    assert {key: each.registers for key, each in facts.steps.items()} == {
        key: each.registers for key, each in expected.steps.items()
    }
    assert facts.log_lines == expected.log_lines


def test_milliseconds_are_rounded_down():
    sent = span()
    sent.start_time_unix_nano += MILLISECOND - 1
    assert step(sent)["started_at"] == AT
