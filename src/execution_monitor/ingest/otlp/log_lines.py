"""Log lines: log records, events of spans, and what some clients send as a span of no length."""

import hashlib
from typing import Any

import orjson
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from execution_monitor.ingest.otlp import exceptions
from execution_monitor.ingest.otlp.attributes import Attributes, attributes_of, count_of, text_of, value_of
from execution_monitor.ingest.otlp.decoding import InvalidRecord
from execution_monitor.ingest.otlp.genai import concerns_a_model
from execution_monitor.ingest.otlp.span import ReceivedSpan, refuse_future, span_id_of, time_of, trace_id_of
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.storage.documents import LogLevel

_DIGEST_BYTES = 16
# Names of events and records that hold what was said to a model and by it.
_OF_MODELS = ("gen_ai.", "llm.")
# The severities of OTLP, by fours: TRACE, DEBUG, INFO, WARN, ERROR, FATAL.
_LEVELS = (
    LogLevel.DEBUG,
    LogLevel.DEBUG,
    LogLevel.INFO,
    LogLevel.WARNING,
    LogLevel.ERROR,
    LogLevel.CRITICAL,
)
_OF_ONE_LEVEL = 4


def report_record(facts: Facts, record: LogRecord, attributes: Attributes) -> str:
    """Report a log record, and return the id of its trace; raises `InvalidRecord`."""
    if not record.trace_id:
        raise InvalidRecord("it has no trace_id, and so belongs to no execution")
    trace_id = trace_id_of(record.trace_id)
    at = record.time_unix_nano or record.observed_time_unix_nano
    if not at:
        raise InvalidRecord("it has no time_unix_nano")
    refuse_future(at)
    body = value_of(record.body)
    name = record.event_name or text_of(attributes, "event.name") or ""
    message, details = _content(name, body, attributes)
    facts.log(
        trace_id,
        # The same record sent twice is one line.
        hashlib.blake2b(record.SerializeToString(deterministic=True), digest_size=_DIGEST_BYTES).hexdigest(),
        at=time_of(at),
        message=message,
        level=_level(record.severity_number) or record.severity_text or LogLevel.INFO,
        step_id=span_id_of(record.span_id, "span_id") if record.span_id else None,
        attributes=details,
    )
    return trace_id


def report_events(facts: Facts, span: ReceivedSpan) -> None:
    """Report the events of a span, but the exceptions that its error details hold."""
    for index, event in enumerate(span.events):
        is_exception = event.name == exceptions.EVENT
        if is_exception and span.has_failed:
            continue
        attributes = attributes_of(event.attributes)
        message, details = _content(event.name, None, attributes)
        facts.log(
            span.trace_id,
            f"{span.span_id}-{index}",
            at=time_of(event.time_unix_nano) if event.time_unix_nano else span.start,
            message=message,
            level=LogLevel.WARNING if is_exception else LogLevel.INFO,
            step_id=span.span_id,
            attributes=details,
        )


def report_log_span(facts: Facts, span: ReceivedSpan) -> None:
    """Report the log line that a client sends as a span."""
    facts.log(
        span.trace_id,
        span.span_id,
        at=span.start,
        message=text_of(span.attributes, "logfire.msg") or span.name,
        level=_level(count_of(span.attributes, "logfire.level_num") or 0) or LogLevel.INFO,
        step_id=span.parent_id,
        attributes={key: value for key, value in span.attributes.items() if not key.startswith("logfire.")} or None,
    )


def _level(severity: int) -> LogLevel | None:
    """The level of a severity number, from 1 on; None where it is not given."""
    if not 0 < severity <= _OF_ONE_LEVEL * len(_LEVELS):
        return None
    return _LEVELS[(severity - 1) // _OF_ONE_LEVEL]


def _content(name: str, body: Any, attributes: Attributes) -> tuple[str, Any]:
    """The message and the attributes of a line."""
    if name.startswith(_OF_MODELS) or concerns_a_model(attributes):
        # What is said to a model and by it is a payload, as attributes are, and messages are not.
        return name or "A message of a model", {**attributes, "body": body} if body is not None else attributes or None
    message = body if isinstance(body, str) else "" if body is None else orjson.dumps(body).decode()
    return message or text_of(attributes, exceptions.MESSAGE) or name or "(empty)", attributes or None
