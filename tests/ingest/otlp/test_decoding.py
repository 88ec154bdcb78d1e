import json
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.otlp.attributes import attributes_of
from execution_monitor.ingest.otlp.decoding import (
    LOG_RECORDS,
    SPANS,
    Decoded,
    InvalidRecord,
    decode_json,
    decode_protobuf,
)
from tests.ingest.otlp.otlp_requests import (
    CHILD,
    LOGS,
    ROOT,
    TRACE,
    TRACES,
    as_json,
    bodies,
    captured,
    event,
    logs,
    record,
    span,
    traces,
)


def spans_in(body: bytes | dict[str, Any]) -> list[Decoded[Span]]:
    if isinstance(body, dict):
        return list(decode_json(SPANS, json.dumps(body).encode()))
    return list(decode_protobuf(SPANS, body))


@pytest.mark.parametrize("name", ["invoices", "invoices_failed", "agent"])
def test_json_is_decoded_to_the_spans_that_protobuf_is(name: str):
    for body in bodies(captured(name), TRACES):
        request = traces()
        request.ParseFromString(body)
        in_protobuf, in_json = spans_in(body), spans_in(as_json(request))
        assert [each.understood() for each in in_json] == [each.understood() for each in in_protobuf]
        assert [each.origin.scope for each in in_json] == [each.origin.scope for each in in_protobuf]
        assert [each.origin.resource for each in in_json] == [each.origin.resource for each in in_protobuf]


def test_log_records_are_decoded_from_both_encodings():
    request = logs(record("one"), record("two"))
    in_json = list(decode_json(LOG_RECORDS, json.dumps(as_json(request)).encode()))
    in_protobuf = list(decode_protobuf(LOG_RECORDS, request.SerializeToString()))
    assert [each.understood().body.string_value for each in in_json] == ["one", "two"]
    assert [each.understood() for each in in_json] == [each.understood() for each in in_protobuf]


def test_ids_in_json_are_hexadecimal_those_of_links_too():
    sent = as_json(traces(span(CHILD, ROOT, links=[Span.Link(trace_id=TRACE, span_id=ROOT)])))
    found = spans_in(sent)[0].understood()
    assert (found.trace_id, found.span_id, found.parent_span_id) == (TRACE, CHILD, ROOT)
    assert (found.links[0].trace_id, found.links[0].span_id) == (TRACE, ROOT)


def test_json_may_spell_fields_as_protobuf_does_and_have_unknown_ones():
    sent = as_json(traces(span(name="fetch")))
    sent["resource_spans"] = sent.pop("resourceSpans")
    group = sent["resource_spans"][0]
    group["scope_spans"] = group.pop("scopeSpans")
    group["news"] = sent["news"] = [{"of": "tomorrow"}]
    group["scope_spans"][0]["spans"][0] |= {"news": 1, "start_time_unix_nano": "5"}
    del group["scope_spans"][0]["spans"][0]["startTimeUnixNano"]
    found = spans_in(sent)[0].understood()
    assert (found.name, found.start_time_unix_nano) == ("fetch", 5)


@pytest.mark.parametrize(
    "broken",
    [
        {"traceId": "xyz"},
        {"traceId": 5},
        {"startTimeUnixNano": "noon"},
        {"attributes": 1},
        {"attributes": [{"key": "a", "value": {"intValue": "many"}}]},
        {"events": "none"},
        {"flags": -1},
        {"name": {"of": "what"}},
    ],
)
def test_a_span_that_does_not_fit_costs_no_other(broken: dict[str, Any]):
    sent = as_json(traces(span(ROOT), span(CHILD, ROOT), span(b"12345678", ROOT)))
    group = sent["resourceSpans"][0]["scopeSpans"][0]
    group["spans"][1] |= broken
    found = spans_in(sent)
    assert [each.record is None for each in found] == [False, True, False]
    with pytest.raises(InvalidRecord, match="does not fit OTLP"):
        found[1].understood()


def test_something_else_in_place_of_a_span_costs_no_other():
    sent = as_json(traces(span(), span(CHILD)))
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"].insert(1, None)
    assert [each.problem for each in spans_in(sent)] == ["", "it is not a JSON object", ""]


def test_an_attribute_that_is_nested_too_deep_costs_no_other_span():
    sent = as_json(traces(span(), span(CHILD)))
    deep: dict[str, Any] = {"stringValue": "here"}
    for _ in range(100):
        deep = {"arrayValue": {"values": [deep]}}
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [{"key": "deep", "value": deep}]
    assert [each.record is None for each in spans_in(sent)] == [True, False]


def test_a_span_of_broken_protobuf_costs_no_other():
    request = traces(span(name="one"), span(name="bad"), span(name="two"))
    body = request.SerializeToString().replace(b"bad", b"b\xffd")
    assert [each.record and each.record.name for each in spans_in(body)] == ["one", None, "two"]


def test_the_spans_of_a_broken_group_are_one_problem_and_others_are_found():
    request = traces(span(name="one"))
    request.resource_spans.add().scope_spans.add().schema_url = "broken"
    request.MergeFrom(traces(span(name="two")))
    body = request.SerializeToString()
    group = request.resource_spans[1].SerializeToString()
    for changed in (body.replace(group[2:], b"\xff" * len(group[2:])), body.replace(group, b"\xff" * len(group))):
        assert [each.record and each.record.name for each in spans_in(changed)] == ["one", None, "two"]


@pytest.mark.parametrize(
    "body", [b"\xff\xff", b"\x0a\x05ab", captured("agent")[0].body[:-1], b"{}", b'{"resourceSpans": []}']
)
def test_garbage_is_no_request_in_protobuf(body: bytes):
    with pytest.raises(BadUserInput, match="not the protobuf of an OTLP request"):
        spans_in(body)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"1", b"\xff", b"{} {}", b"{1: 2}"),
        *(b'{"resourceSpans": {}}', b'{"resourceSpans": [1]}', b'{"resourceSpans": [], }', b'{"resourceSpans" []}'),
        *(b'{"resourceSpans": [{"scopeSpans": [5]}]}', b'{"resourceSpans": [{"scopeSpans": [{"spans": "no"}]}]}'),
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_garbage_is_no_request_in_json(body: bytes):
    with pytest.raises(BadUserInput):
        list(decode_json(SPANS, body))


def test_a_resource_and_a_scope_may_come_behind_their_spans():
    sent = as_json(traces(span(name="one"), span(CHILD, name="two")))
    for group in sent["resourceSpans"]:
        group["resource"] = group.pop("resource")
        for scope_group in group["scopeSpans"]:
            scope_group["scope"] = scope_group.pop("scope")
    sent["resourceSpans"] *= 2
    found = spans_in(sent)
    assert [each.understood().name for each in found] == ["one", "two", "one", "two"]
    assert {(each.origin.resource["service.name"], each.origin.scope) for each in found} == {("shop", "shop")}


@pytest.mark.parametrize("body", [b"{}", b' {"resourceSpans": null} ', b'{"resourceSpans": [{"scopeSpans": null}]}'])
def test_a_request_may_be_empty(body: bytes):
    assert list(decode_json(SPANS, body)) == []
    assert spans_in(b"") == []


def test_a_body_of_logs_is_no_request_of_traces():
    body = bodies(captured("invoices"), LOGS)[0]
    found = spans_in(body)
    assert len(found) == 5
    assert all(each.record is None for each in found)


def test_attributes_are_values_of_python():
    sent = {"text": "a", "number": 2**40, "share": 0.5, "yes": True, "bytes": b"\x00\x01", "nothing": None}
    found = attributes_of(span(attributes=sent).attributes)
    assert found == {**sent, "bytes": "AAE="}
    assert attributes_of(event("e", a=1).attributes) == {"a": 1}


def test_attributes_may_be_lists_and_objects():
    nested: dict[str, Any] = {
        "key": "deep",
        "value": {"kvlistValue": {"values": [{"key": "a.b", "value": {"arrayValue": {}}}]}},
    }
    sent = as_json(traces(span()))
    sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [nested, {"key": "bare"}]
    found = spans_in(sent)[0].understood()
    assert attributes_of(found.attributes) == {"deep": {"a.b": []}, "bare": None}
