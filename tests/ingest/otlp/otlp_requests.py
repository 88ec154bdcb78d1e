"""Requests of OTLP for tests: what real clients sent, and spans as a test needs them."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

DATA = Path(__file__).parent / "data"
TRACES, LOGS = "/v1/traces", "/v1/logs"

# 2026-11-28 05:20:00 UTC, in nanoseconds.
NOW = 1_795_843_200 * 10**9
MILLISECOND = 10**6
TRACE = bytes(range(1, 17))
ROOT, CHILD, GRANDCHILD = b"root-id.", b"child-id", b"grand-id"

_NAMES_OF_SPANS = ("resource_spans", "scope_spans", "spans")
_IDS = ("traceId", "spanId", "parentSpanId")


@dataclass(frozen=True)
class Capture:
    """A request that a real client sent."""

    path: str
    body: bytes


def captured(name: str) -> list[Capture]:
    """The requests of the run `name`, as they arrived."""
    lines = (json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines())
    return [Capture(line["path"], base64.b64decode(line["base64"])) for line in lines]


def attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def any_value(value: Any) -> AnyValue:
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}
    return AnyValue() if value is None else AnyValue(**{kinds[type(value)]: value})


def span(span_id: bytes = ROOT, parent: bytes = b"", name: str = "work", **options: Any) -> Span:
    """A span from `begin` to `end`, in milliseconds after `NOW`; without an `end` it runs."""
    begin, end = options.pop("begin", 0), options.pop("end", 1_000)
    code = Status.STATUS_CODE_ERROR if "failed" in options else Status.STATUS_CODE_UNSET
    status = Status(code=code, message=options.pop("failed", ""))
    return Span(
        trace_id=options.pop("trace", TRACE),
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=options.pop("kind", Span.SPAN_KIND_INTERNAL),
        start_time_unix_nano=NOW + begin * MILLISECOND,
        end_time_unix_nano=0 if end is None else NOW + end * MILLISECOND,
        attributes=attributes(options.pop("attributes", {})),
        status=status,
        **options,
    )


def event(name: str, at: int = 0, **values: Any) -> Span.Event:
    return Span.Event(name=name, time_unix_nano=NOW + at * MILLISECOND, attributes=attributes(values))


def traces(*spans: Span, service: str = "shop", scope: str = "shop", **resource: Any) -> ExportTraceServiceRequest:
    group = ScopeSpans(scope=InstrumentationScope(name=scope), spans=spans)
    origin = Resource(attributes=attributes({"service.name": service, **resource}))
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=origin, scope_spans=[group])])


def record(body: Any = "hello", trace: bytes = TRACE, span_id: bytes = ROOT, **options: Any) -> LogRecord:
    return LogRecord(
        trace_id=trace,
        span_id=span_id,
        time_unix_nano=options.pop("time", NOW),
        body=any_value(body),
        attributes=attributes(options.pop("attributes", {})),
        **options,
    )


def logs(*records: LogRecord, service: str = "shop") -> ExportLogsServiceRequest:
    origin = Resource(attributes=attributes({"service.name": service}))
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=origin, scope_logs=[ScopeLogs(log_records=records)])]
    )


def as_json(request: Message) -> dict[str, Any]:
    """The request in OTLP's JSON, whose ids are hexadecimal."""
    return with_hexadecimal_ids(MessageToDict(request))


def with_hexadecimal_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [with_hexadecimal_ids(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(each).hex() if key in _IDS else with_hexadecimal_ids(each)
        for key, each in cast("dict[str, Any]", value).items()
    }


def bodies(captures: Iterable[Capture], path: str) -> list[bytes]:
    return [each.body for each in captures if each.path == path]


def single(captures: Iterable[Capture]) -> list[Any]:
    """Each span and each record of the requests in a request of its own."""
    found: list[Any] = []
    for capture in captures:
        # Requests of spans and of records have the same form, with other names.
        names = ("resource_logs", "scope_logs", "log_records") if capture.path == LOGS else _NAMES_OF_SPANS
        request: Any = logs() if capture.path == LOGS else traces()
        request.ParseFromString(capture.body)
        for group in getattr(request, names[0]):
            for scope_group in getattr(group, names[1]):
                for each in getattr(scope_group, names[2]):
                    one: Any = type(request)()
                    origin = getattr(one, names[0]).add(resource=group.resource)
                    getattr(getattr(origin, names[1]).add(scope=scope_group.scope), names[2]).append(each)
                    found.append(one)
    return found
