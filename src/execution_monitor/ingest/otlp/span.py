"""A span as the server understands it: its ids checked, its times as dates, and what some clients send as spans."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.ingest.otlp.attributes import attributes_of, text_of
from execution_monitor.ingest.otlp.decoding import InvalidRecord
from execution_monitor.ingest.otlp.genai import concerns_a_model

TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS_IN_MILLISECOND = 1_000_000
_MAX_AHEAD = 24 * 3_600 * 10**9
# Bits of `Span.flags`: whether it is known if the parent is in another process, and if it is.
_REMOTE_IS_KNOWN, _IS_REMOTE = 0x100, 0x200
_NO_SPAN = "0" * (2 * SPAN_ID_BYTES)

# Logfire's clients also send a span when it starts, as the child of the span that it announces; and their log lines.
_SPAN_TYPE, _PENDING, _LOG = "logfire.span_type", "pending_span", "log"
_REAL_PARENT = "logfire.pending_parent_id"
_PENDING_SUFFIX = " (pending)"


class SpanKind(Enum):
    """Which side of a call a span is, as its number in OTLP."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


_KINDS = {kind.value: kind for kind in SpanKind}


# Not frozen: one is made of every span, and that would take five times as long.
@dataclass(slots=True, eq=False)
class ReceivedSpan:
    """One span. Times are in UTC and whole milliseconds, rounded down.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: likewise; None for the root of a trace.
        has_remote_parent: whether the parent is known to be in another process, which may report elsewhere.
        end: None while it runs.
        is_log: whether a client sends a log line as this span.
        is_of_model: whether it is of a model, an agent or a tool.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    has_remote_parent: bool
    name: str
    kind: SpanKind
    start: datetime
    end: datetime | None
    attributes: dict[str, Any]
    events: Sequence[Span.Event]
    links: Sequence[Span.Link]
    has_failed: bool
    status_message: str
    is_log: bool
    is_of_model: bool

    @property
    def is_root(self) -> bool:
        """Whether it is the first span of its trace."""
        return self.parent_id is None


def receive(span: Span) -> ReceivedSpan:
    """Check `span`; raises `InvalidRecord`."""
    attributes = attributes_of(span.attributes)
    trace_id = trace_id_of(span.trace_id)
    span_id = span_id_of(span.span_id, "span_id")
    if span_id == _NO_SPAN:
        raise InvalidRecord("its span_id is all zero")
    parent_id = span_id_of(span.parent_span_id, "parent_span_id") if span.parent_span_id else None
    name = span.name
    start, end = span.start_time_unix_nano or span.end_time_unix_nano, span.end_time_unix_nano
    if not start:
        raise InvalidRecord("it has no start_time_unix_nano")
    refuse_future(max(start, end))
    span_type = attributes.get(_SPAN_TYPE)
    if span_type == _PENDING:
        if parent_id is None:
            raise InvalidRecord("it is a pending span without a parent_span_id")
        span_id, parent_id, end = parent_id, text_of(attributes, _REAL_PARENT), 0
        name = name.removesuffix(_PENDING_SUFFIX)
    return ReceivedSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=None if parent_id == _NO_SPAN else parent_id,
        has_remote_parent=span.flags & _REMOTE_IS_KNOWN != 0 and span.flags & _IS_REMOTE != 0,
        name=name or "unnamed",
        kind=_KINDS.get(span.kind, SpanKind.UNSPECIFIED),
        start=time_of(start),
        # Clocks of a machine may go back.
        end=time_of(max(start, end)) if end else None,
        attributes=attributes,
        events=span.events,
        links=span.links,
        has_failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        status_message=span.status.message,
        is_log=span_type == _LOG,
        is_of_model=concerns_a_model(attributes),
    )


def trace_id_of(value: bytes) -> str:
    """A trace's id as text; raises `InvalidRecord` where it is none."""
    if len(value) != TRACE_ID_BYTES or not any(value):
        raise InvalidRecord(f"its trace_id must have {TRACE_ID_BYTES} bytes, not all zero, and has {len(value)}")
    return value.hex()


def span_id_of(value: bytes, name: str) -> str:
    """A span's id as text; raises `InvalidRecord` where it is none."""
    if len(value) != SPAN_ID_BYTES:
        raise InvalidRecord(f"its {name} must have {SPAN_ID_BYTES} bytes, and has {len(value)}")
    return value.hex()


def refuse_future(nanoseconds: int) -> None:
    """Raise `InvalidRecord` for a time so far ahead that what it says would count as the newest for long."""
    if nanoseconds > time.time_ns() + _MAX_AHEAD:
        raise InvalidRecord("its time is more than a day ahead; set the clock of the sender")


def time_of(nanoseconds: int) -> datetime:
    """The time that many nanoseconds after 1970, in whole milliseconds."""
    return _EPOCH + timedelta(milliseconds=nanoseconds // _NANOSECONDS_IN_MILLISECOND)
