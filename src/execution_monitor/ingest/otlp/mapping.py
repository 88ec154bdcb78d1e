"""Mapping of spans and log records to facts: a trace is an execution, and each of its spans a step.

What a span says of the execution follows from that span alone, with a rank: the root has the last word on the name, the
status and the times; until it comes, which is last, the spans below it show that the execution is running.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.otlp import genai, log_lines
from execution_monitor.ingest.otlp.attributes import Attributes, attributes_of, text_of
from execution_monitor.ingest.otlp.decoding import Decoded, InvalidRecord, Origin
from execution_monitor.ingest.otlp.exceptions import error_of
from execution_monitor.ingest.otlp.prices import Prices
from execution_monitor.ingest.otlp.rejections import Rejections
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.otlp.span import ReceivedSpan, SpanKind, receive, time_of
from execution_monitor.ingest.service import Stored
from execution_monitor.ingest.step_positions import position_of_start
from execution_monitor.ingest.writer.facts import HEARSAY, OWN_WORD, DocumentFacts, Facts
from execution_monitor.ingest.writer.step_limit import MAX_STEPS
from execution_monitor.storage.documents import ExecutionStatus, LogLevel

# The register, without a value, that all executions have which traces are.
TRACE = "trace"
# The register of what a span says of its step at once.
SPAN = "span"
# The register of the tokens and the cost of a step that count in its execution.
USAGE = "usage"

# Whose name an execution has: that of its root, unless it is a web request; then an agent's or a workflow's; then the
# request's; then that of the first span of a process, whose parent may report elsewhere; then the service's.
_NAMED_BY_RUN, _NAMED_BY_REQUEST, _NAMED_BY_LOCAL_ROOT = 4, 3, 2
# What is known of a span before its end ranks below what its end tells.
_STARTED, _ENDED = 1, 2
_NO_USAGE = genai.Usage()
# What spans other than the root report of the execution is of no attempt.
_NO_ATTEMPT = 0


@dataclass(frozen=True, slots=True)
class Mapper:
    """How spans and records become facts, as settings say."""

    roots: Roots
    prices: Prices
    keeps_payloads: bool


@dataclass(slots=True)
class Batch:
    """What the spans and records of one request come to.

    Attributes:
        matched: the traces with a span or record that makes an execution of them; others may have had one before.
        records: how many spans or records each trace has here.
        total: how many there are, those that were rejected among them.
    """

    mapper: Mapper
    facts: Facts
    rejections: Rejections
    matched: set[str] = field(default_factory=set[str])
    records: Counter[str] = field(default_factory=Counter[str])
    total: int = 0
    _seen: dict[tuple[str, Origin], tuple[datetime, datetime]] = field(
        default_factory=dict[tuple[str, Origin], tuple[datetime, datetime]]
    )

    def add_span(self, decoded: Decoded[Span]) -> None:
        """Add a span, or reject it."""
        self.total += 1
        try:
            self._report(decoded.origin, receive(decoded.understood()))
        except (InvalidRecord, BadUserInput) as error:
            self.rejections.add(1, str(error))

    def add_record(self, decoded: Decoded[LogRecord]) -> None:
        """Add a log record, or reject it."""
        self.total += 1
        origin = decoded.origin
        try:
            record = decoded.understood()
            attributes = attributes_of(record.attributes)
            trace_id = log_lines.report_record(self.facts, record, attributes)
        except (InvalidRecord, BadUserInput) as error:
            self.rejections.add(1, str(error))
            return
        at = time_of(record.time_unix_nano or record.observed_time_unix_nano)
        self._see(trace_id, origin, at, at)
        self.records[trace_id] += 1
        if self.mapper.roots.match_record(origin, attributes):
            self.matched.add(trace_id)

    def reject_refused(self, stored: Stored) -> None:
        """Count what was not stored though it was understood."""
        for execution_id, reason in stored.refused.items():
            self.rejections.add(self.records[execution_id], reason)
        if stored.left_out:
            self.rejections.add(len(stored.left_out), f"an execution may have {MAX_STEPS:,} spans")

    def complete(self) -> Facts:
        """The facts, with what all spans together show of their executions."""
        for (trace_id, origin), (first, last) in self._seen.items():
            execution = self.facts.execution(trace_id)
            execution.created(first)
            execution.started(first, attempt=_NO_ATTEMPT)
            execution.outcome(ExecutionStatus.RUNNING, at=last, attempt=_NO_ATTEMPT)
            # Marks it for whoever looks for traces whose root never came.
            execution.set(TRACE, {}, at=first, earliest=True)
            execution.alive(last)
            execution.set("name", _name(_service(origin), None), at=first, rank=HEARSAY, earliest=True)
            execution.set("tags", {"tags": _tags(origin.resource)}, at=first, rank=HEARSAY, earliest=True)
        self._seen.clear()
        return self.facts

    def _see(self, trace_id: str, origin: Origin, first: datetime, last: datetime) -> None:
        known = self._seen.get((trace_id, origin))
        self._seen[trace_id, origin] = (first, last) if known is None else (min(known[0], first), max(known[1], last))

    def _report(self, origin: Origin, span: ReceivedSpan) -> None:
        if span.is_log:
            log_lines.report_log_span(self.facts, span)
        else:
            self._report_step(span)
            log_lines.report_events(self.facts, span)
            self._report_execution(origin, span)
        self._see(span.trace_id, origin, span.start, span.end or span.start)
        self.records[span.trace_id] += 1
        if self.mapper.roots.match(origin, span):
            self.matched.add(span.trace_id)

    def _report_step(self, span: ReceivedSpan) -> None:
        step = self.facts.step(span.trace_id, span.span_id)
        kind = genai.kind_of(span.attributes) if span.is_of_model else None
        usage = (genai.usage_of(span.attributes) if span.is_of_model else None) or _NO_USAGE
        keeps = self.mapper.keeps_payloads
        fields: dict[str, Any] = {
            "step_name": span.name,
            "step_type": kind or _call_side(span.kind),
            "depends_on": _depends_on(span),
            "model": usage.model,
            "input_data": genai.input_of(span.attributes) if keeps else None,
            "result": genai.result_of(span.attributes) if keeps else None,
        }
        measures = {
            "step_index": position_of_start(span.start, goes_first=span.is_root),
            "started_at": span.start,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
        }
        # One register, since stamps take time: a span reports all of this at once, or again when it knows more.
        step.set(SPAN, fields, measures=measures, at=span.start, rank=_STARTED if span.end is None else _ENDED)
        if (usage.tokens, usage.cost) != (None, None) and genai.counts(kind, span.attributes):
            step.set(USAGE, {"tokens_used": usage.tokens, "cost": self._cost(span, usage)}, at=span.start)
        step.created(span.start)
        _report_outcome(step, span)

    def _cost(self, span: ReceivedSpan, usage: genai.Usage) -> float | None:
        cost = self.mapper.prices.cost_of(usage)
        if cost is None and usage.tokens and usage.model and self.mapper.prices:
            self.facts.log(
                span.trace_id,
                f"{span.span_id}-price",
                at=span.end or span.start,
                message=f"No price is known for the model {usage.model}; its cost counts as 0.",
                level=LogLevel.WARNING,
                step_id=span.span_id,
            )
        return cost

    def _report_execution(self, origin: Origin, span: ReceivedSpan) -> None:
        rank = _naming_rank(span)
        session = genai.session_of(span.attributes)
        if rank is None and session is None:
            return
        execution = self.facts.execution(span.trace_id)
        if session is not None:
            own = OWN_WORD if span.is_root else HEARSAY
            execution.set("session_id", {"session_id": session}, at=span.start, rank=own, earliest=True)
        if rank is not None:
            execution.set("name", _name(_service(origin), span.name), at=span.start, rank=rank, earliest=True)
        if span.is_root:
            execution.created(span.start)
            execution.started(span.start)
            _report_outcome(execution, span)
            tags = _tags(origin.resource, user=text_of(span.attributes, "user.id", "enduser.id"))
            execution.set("tags", {"tags": tags}, at=span.start, earliest=True)
            if self.mapper.keeps_payloads:
                payloads = {
                    "input_parameters": genai.input_of(span.attributes),
                    "final_result": genai.result_of(span.attributes),
                }
                execution.set("payloads", payloads, at=span.start, rank=_STARTED if span.end is None else _ENDED)


def _report_outcome(document: DocumentFacts, span: ReceivedSpan) -> None:
    if span.end is None:
        document.outcome(ExecutionStatus.RUNNING, at=span.start)
    elif span.has_failed:
        document.outcome(ExecutionStatus.FAILED, at=span.end, completed_at=span.end, error=error_of(span))
    else:
        document.outcome(ExecutionStatus.COMPLETED, at=span.end, completed_at=span.end)


def _naming_rank(span: ReceivedSpan) -> int | None:
    """How much the name of a span counts as that of its execution; None where it does not."""
    if span.is_root:
        return _NAMED_BY_REQUEST if span.kind is SpanKind.SERVER else OWN_WORD
    if span.is_of_model and genai.kind_of(span.attributes) in genai.RUNS:
        return _NAMED_BY_RUN
    return _NAMED_BY_LOCAL_ROOT if span.has_remote_parent else None


def _name(service: str, name: str | None) -> dict[str, Any]:
    if name is None:
        return {"workflow_name": service, "workflow_template_id": None}
    return {"workflow_name": name, "workflow_template_id": f"{service}/{name}"}


def _service(origin: Origin) -> str:
    return text_of(origin.resource, "service.name") or "unknown_service"


def _tags(resource: Attributes, *, user: str | None = None) -> list[dict[str, str]]:
    values = {
        "service.name": text_of(resource, "service.name"),
        "service.version": text_of(resource, "service.version"),
        "deployment.environment": text_of(resource, "deployment.environment.name", "deployment.environment"),
        "user.id": user,
    }
    return [{"key": key, "value": value} for key, value in values.items() if value is not None]


def _depends_on(span: ReceivedSpan) -> list[str] | None:
    """The parent, and spans of the same trace that it is linked with."""
    parents = [span.parent_id] if span.parent_id else []
    parents += [link.span_id.hex() for link in span.links if link.trace_id.hex() == span.trace_id]
    return [each for each in dict.fromkeys(parents) if each != span.span_id] or None


def _call_side(kind: SpanKind) -> str | None:
    return None if kind in {SpanKind.INTERNAL, SpanKind.UNSPECIFIED} else kind.name.lower()
