"""Decoding of OTLP requests, protobuf and JSON, one span or log record after another.

Each is decoded by itself, so that a broken one costs no other, and so that a large request can be decoded in slices.
Fields that are unknown are passed over. In OTLP's JSON ids are hexadecimal, where protobuf's JSON has base64.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.otlp.attributes import Attributes, attributes_of
from execution_monitor.ingest.otlp.json_text import JsonText

_MAX_DEPTH = 64
# What is quoted of a value, in characters.
_LONGEST_PROBLEM = 200
# The numbers of the fields are the same in requests of traces, logs and metrics.
_RESOURCE_GROUPS, _RESOURCE, _SCOPE_GROUPS, _SCOPE, _RECORDS = 1, 1, 2, 1, 2
_LENGTH_DELIMITED = 2
_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
# What protobuf raises for JSON that does not fit a message: all but the first for values of a type nobody expects.
_MISFITS = (ParseError, TypeError, ValueError, AttributeError, RecursionError)

Record = TypeVar("Record", Span, LogRecord, Metric)


class InvalidRecord(ValueError):
    """A span or log record that cannot be stored; says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where spans and log records come from: the attributes of their resource, and the name of their scope."""

    resource: Attributes = field(default_factory=dict[str, Any])
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Decoded(Generic[Record]):
    """A span or log record; or why it cannot be decoded."""

    origin: Origin
    record: Record | None
    problem: str = ""

    def understood(self) -> Record:
        """The span or log record; raises `InvalidRecord`."""
        if self.record is None:
            raise InvalidRecord(self.problem)
        return self.record


@dataclass(frozen=True, slots=True)
class Signal(Generic[Record]):
    """What the messages and the JSON fields of traces, logs or metrics are called."""

    message: type[Record]
    resource_groups: frozenset[str]
    scope_groups: frozenset[str]
    records: frozenset[str]


def _names(*names: str) -> frozenset[str]:
    """Each of the names as OTLP writes it, and as protobuf does."""
    return frozenset(names) | {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name) for name in names}


SPANS = Signal(Span, _names("resourceSpans"), _names("scopeSpans"), _names("spans"))
LOG_RECORDS = Signal(LogRecord, _names("resourceLogs"), _names("scopeLogs"), _names("logRecords"))
METRICS = Signal(Metric, _names("resourceMetrics"), _names("scopeMetrics"), _names("metrics"))


def decode_protobuf(signal: Signal[Record], body: bytes) -> Iterator[Decoded[Record]]:
    """Decode a request in protobuf; raises `BadUserInput`, before the first span or record, where it is none."""
    try:
        request = _delimited(body)
    except DecodeError as error:
        raise BadUserInput("The body is not the protobuf of an OTLP request.") from error
    return _decode_groups(signal, _fields(request, _RESOURCE_GROUPS))


def decode_json(signal: Signal[Record], body: bytes) -> Iterator[Decoded[Record]]:
    """Decode a request in JSON; raises `BadUserInput` where it is none, perhaps after some of its spans or records."""
    origin, resource, scope = Origin(), None, None
    for each_resource, each_scope, content in _json_records(signal, body):
        if each_resource is not resource or each_scope is not scope:
            resource, scope = each_resource, each_scope
            attributes = attributes_of(_parsed(Resource(), resource).attributes)
            origin = Origin(attributes, _parsed(InstrumentationScope(), scope).name)
        yield _decode_json_record(signal, origin, content)


def check_json(signal: Signal[Record], body: bytes) -> Iterator[None]:
    """Go through a request in JSON without decoding it; raises `BadUserInput` where it is none."""
    for _ in _json_records(signal, body):
        yield


def _delimited(message: bytes) -> UnknownFieldSet:
    """The fields of a `message`, none of them decoded."""
    return UnknownFieldSet(Empty.FromString(message))


def _fields(message: UnknownFieldSet, number: int) -> Iterator[bytes]:
    for each in message:
        if each.field_number == number and each.wire_type == _LENGTH_DELIMITED:
            yield each.data


def _decode_groups(signal: Signal[Record], groups: Iterable[bytes]) -> Iterator[Decoded[Record]]:
    for group in groups:
        try:
            fields = _delimited(group)
        except DecodeError:
            yield Decoded(Origin(), None, "the group of its resource is not valid protobuf")
            continue
        resource = attributes_of(_merged(Resource(), _fields(fields, _RESOURCE)).attributes)
        for scope_group in _fields(fields, _SCOPE_GROUPS):
            yield from _decode_scope_group(signal, resource, scope_group)


def _decode_scope_group(signal: Signal[Record], resource: Attributes, group: bytes) -> Iterator[Decoded[Record]]:
    try:
        fields = _delimited(group)
    except DecodeError:
        yield Decoded(Origin(resource), None, "the group of its scope is not valid protobuf")
        return
    origin = Origin(resource, _merged(InstrumentationScope(), _fields(fields, _SCOPE)).name)
    for content in _fields(fields, _RECORDS):
        try:
            yield Decoded(origin, signal.message.FromString(content))
        except DecodeError:
            yield Decoded(origin, None, "it is not valid protobuf")


MessageType = TypeVar("MessageType", Resource, InstrumentationScope)


def _merged(message: MessageType, contents: Iterable[bytes]) -> MessageType:
    """The `message` with the last of `contents`; one that is broken costs no span."""
    for content in contents:
        try:
            message.ParseFromString(content)
        except DecodeError:
            message.Clear()
    return message


def _json_records(signal: Signal[Record], body: bytes) -> Iterator[tuple[Any, Any, Any]]:
    """Each record of a request, behind its resource and its scope."""
    text = JsonText(body)
    for name in text.members("The body"):
        if name in signal.resource_groups:
            for _ in text.elements(name):
                yield from _json_records_of_group(signal, text)
        else:
            text.value()
    text.end()


def _json_records_of_group(signal: Signal[Record], text: JsonText) -> Iterator[tuple[Any, Any, Any]]:
    resource = None
    # Clients write the resource before its spans; where it comes behind them, those are read when it is known.
    passed_over: list[int] = []
    for name in text.members("A group of a resource"):
        if name == "resource":
            resource = text.value()
        elif name not in signal.scope_groups:
            text.value()
        elif resource is None:
            passed_over.append(text.position)
            text.value()
        else:
            for _ in text.elements(name):
                yield from ((resource, *each) for each in _json_records_of_scope(signal, text))
    end = text.position
    for text.position in passed_over:
        for _ in text.elements("The groups of scopes"):
            yield from ((resource, *each) for each in _json_records_of_scope(signal, text))
    text.position = end


def _json_records_of_scope(signal: Signal[Record], text: JsonText) -> Iterator[tuple[Any, Any]]:
    scope = None
    passed_over: list[int] = []
    for name in text.members("A group of a scope"):
        if name == "scope":
            scope = text.value()
        elif name not in signal.records:
            text.value()
        elif scope is None:
            passed_over.append(text.position)
            text.value()
        else:
            for _ in text.elements(name):
                yield scope, text.value()
    end = text.position
    for text.position in passed_over:
        for _ in text.elements("The records of a scope"):
            yield scope, text.value()
    text.position = end


def _decode_json_record(signal: Signal[Record], origin: Origin, content: Any) -> Decoded[Record]:
    if not isinstance(content, dict):
        return Decoded(origin, None, "it is not a JSON object")
    record = signal.message()
    try:
        converted = _with_binary_ids(cast("dict[str, Any]", content))
        ParseDict(converted, record, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
    except _MISFITS as error:
        return Decoded(origin, None, f"it does not fit OTLP: {error}"[:_LONGEST_PROBLEM])
    return Decoded(origin, record)


def _with_binary_ids(content: dict[str, Any]) -> dict[str, Any]:
    ids = {name: _binary(name, content[name]) for name in _IDS if name in content}
    links = content.get("links")
    if not isinstance(links, list):
        return {**content, **ids}
    return {**content, **ids, "links": [_link_with_binary_ids(each) for each in cast("list[Any]", links)]}


def _link_with_binary_ids(link: Any) -> Any:
    return _with_binary_ids(cast("dict[str, Any]", link)) if isinstance(link, dict) else link


def _binary(name: str, digits: Any) -> str:
    if digits is not None and not isinstance(digits, str):
        raise ValueError(f"{name} must be hexadecimal digits")
    return base64.b64encode(bytes.fromhex(digits or "")).decode()


def _parsed(message: MessageType, content: Any) -> MessageType:
    if content is not None:
        try:
            ParseDict(content, message, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
        except _MISFITS:
            message.Clear()
    return message
