"""Why a span failed, as error details of a step or an execution."""

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.ingest.otlp.attributes import Attributes, attributes_of, text_of
from execution_monitor.ingest.otlp.span import ReceivedSpan

EVENT = "exception"
TYPE, MESSAGE, STACK_TRACE = "exception.type", "exception.message", "exception.stacktrace"


def error_of(span: ReceivedSpan) -> dict[str, Any] | None:
    """The error details of a span that failed, by the names they are stored under; None of one that did not."""
    if not span.has_failed:
        return None
    exception = _last_exception(span.events)
    name = text_of(exception, TYPE) or text_of(span.attributes, "error.type")
    message = span.status_message
    if name is not None:
        # SDKs put the type before the message, which has a field of its own.
        message = message.removeprefix(f"{name.rpartition('.')[2]}: ")
    details = {
        "message": message or text_of(exception, MESSAGE) or name or "The span has failed; it does not say why.",
        "type": name,
        "stack_trace": text_of(exception, STACK_TRACE),
    }
    return {key: value for key, value in details.items() if value is not None}


def _last_exception(events: Iterable[Span.Event]) -> Attributes:
    """The attributes of the last one: the one that was raised through the span."""
    found = [event for event in events if event.name == EVENT]
    return attributes_of(found[-1].attributes) if found else {}
