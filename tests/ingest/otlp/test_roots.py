from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.ingest.otlp.decoding import Origin
from execution_monitor.ingest.otlp.root_rules import DEFAULT_ROOTS, check_root
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.otlp.span import receive
from tests.ingest.otlp.otlp_requests import CHILD, ROOT, span

SERVER, CLIENT, CONSUMER = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_CONSUMER


def matches(sent: Span, *rules: str, scope: str = "shop", service: str = "shop") -> bool:
    origin = Origin({"service.name": service}, scope)
    return Roots.parse(rules or DEFAULT_ROOTS).match(origin, receive(sent))


@pytest.mark.parametrize(
    "key",
    [
        *("gen_ai.operation.name", "llm.model_name", "openinference.span.kind", "traceloop.span.kind"),
        *("langfuse.observation.type", "ai.operationId", "workflow.name", "cicd.pipeline.name", "temporalWorkflowID"),
    ],
)
def test_a_span_of_an_agent_or_a_workflow_makes_an_execution_wherever_it_is(key: str):
    assert matches(span(CHILD, ROOT, kind=CLIENT, attributes={key: "x"}))


@pytest.mark.parametrize("scope", ["temporal-sdk-go", "airflow.task", "Prefect", "dagster"])
def test_a_span_of_a_workflow_engine_makes_an_execution(scope: str):
    assert matches(span(CHILD, ROOT), scope=scope)


def test_the_root_of_a_job_makes_an_execution_and_spans_below_it_do_not():
    assert matches(span(ROOT))
    assert not matches(span(CHILD, ROOT))


@pytest.mark.parametrize("kind", [SERVER, CLIENT, CONSUMER])
def test_a_web_request_a_call_or_a_message_makes_none(kind: Span.SpanKind.ValueType):
    assert not matches(span(ROOT, kind=kind))


def test_a_web_request_makes_none_though_an_agent_is_in_it():
    assert not matches(span(ROOT, kind=SERVER, attributes={"gen_ai.operation.name": "chat"}))


@pytest.mark.parametrize(
    "scope", ["opentelemetry.instrumentation.asgi", "@opentelemetry/instrumentation-fs", "io.opentelemetry.jdbc"]
)
def test_the_root_of_a_library_that_instruments_programs_makes_none(scope: str):
    assert not matches(span(ROOT), scope=scope)


def test_a_log_line_that_is_sent_as_a_span_makes_none():
    assert not matches(span(ROOT, attributes={"logfire.span_type": "log"}))


@pytest.mark.parametrize(
    ("rules", "attributes", "expected"),
    [
        (["all"], {}, True),
        (["service.name=shop"], {}, True),
        (["service.name=s*"], {}, True),
        (["service.name=bank"], {}, False),
        (["kind=nightly"], {"kind": "nightly"}, True),
        (["kind=nightly", "agents"], {"gen_ai.system": "x"}, True),
        (["workflows", "jobs"], {"gen_ai.system": "x"}, False),
        (["agents"], {"workflow.name": "x"}, False),
    ],
)
def test_settings_say_what_makes_an_execution(rules: list[str], attributes: dict[str, Any], *, expected: bool):
    assert matches(span(CHILD, ROOT, attributes=attributes), *rules) is expected


@pytest.mark.parametrize("rule", ["agent", "=", "service.name=", "=shop", ""])
def test_what_is_no_rule_is_refused(rule: str):
    with pytest.raises(ValueError, match="is no rule; write agents, workflows, jobs, all"):
        check_root(rule)
    check_root("service.name=shop")
    check_root("all")
