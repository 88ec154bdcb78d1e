"""OpenTelemetry spans, by its semantic conventions for HTTP, GraphQL and databases. They hold no values of requests."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextvars import Token
from typing import Self

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from execution_monitor.asgi.operations import Observation, Operation, OperationKind, Outcome

_NAME = "execution-monitor"
# Shutdown has ten seconds in all; a collector that does not respond gets two of them.
_FAREWELL_SECONDS = 2.0
_FIRST_SERVER_ERROR = 500
# Requested every few seconds by machines.
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})
# Commands that keep connections alive belong to no request.
_HOUSEKEEPING = frozenset({"hello", "ping", "endSessions", "killCursors"})
# The driver reports no end of a command whose caller was cancelled.
_MAX_RUNNING = 1_000


class Spans:
    """The spans of one application, sent to the collector at `endpoint` in batches."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._provider = TracerProvider(resource=Resource.create({"service.name": _NAME}), shutdown_on_exit=False)
        self._tracer = self._provider.get_tracer(_NAME)
        self.operations = _Operations(self._tracer)
        self.commands = _Commands(self._tracer)

    def around(self, app: ASGIApp) -> ASGIApp:
        """ASGI middleware around `app` that makes a span of every request and WebSocket."""
        return _Requests(app, self._tracer)

    async def __aenter__(self) -> Self:
        exporter = OTLPSpanExporter(endpoint=self._endpoint, timeout=_FAREWELL_SECONDS)
        # It sends from a thread of its own.
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is left, within two seconds."""
        await asyncio.to_thread(self._provider.shutdown)


class _HeaderGetter(Getter[Headers]):
    @override
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        return carrier.getlist(key) or None

    @override
    def keys(self, carrier: Headers) -> list[str]:
        return list(carrier.keys())


class _Requests:
    """ASGI middleware that makes a span of each request, within that of its `traceparent` (W3C Trace Context)."""

    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        parent = self._propagator.extract(Headers(scope=scope), Context(), _HeaderGetter())
        method = scope.get("method", "WEBSOCKET")
        # The message of an exception may quote values of the request: only its class is recorded.
        with self._tracer.start_as_current_span(
            method, parent, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("http.request.method", method)

            async def record_and_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _FIRST_SERVER_ERROR:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, record_and_send)
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                # The route instead of the path: paths hold ids, and clients may make up any number of them.
                route = getattr(scope.get("route"), "path_format", None)
                if route is not None:
                    span.set_attribute("http.route", route)
                    span.update_name(f"{method} {route}")


class _Operations:
    """An observer that makes a span of each operation, with its cost and how it ended."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        return _OperationSpan(self._tracer, operation, outcome)


class _OperationSpan(Observation):
    """The span of one operation; what the operation does is within the span."""

    __slots__ = ("_attached", "_operation", "_outcome", "_span", "_tracer")

    def __init__(self, tracer: trace.Tracer, operation: Operation, outcome: Outcome) -> None:
        self._tracer = tracer
        self._operation = operation
        self._outcome = outcome
        self._span = trace.INVALID_SPAN
        self._attached: Token[Context] | None = None

    @override
    async def __aenter__(self) -> None:
        operation = self._operation
        kind = operation.kind.value
        span = self._tracer.start_span(f"{kind} {operation.name}" if operation.name else kind)
        span.set_attribute("graphql.operation.type", kind)
        span.set_attribute("graphql.operation.name", operation.name or "")
        span.set_attribute("execution_monitor.cost", operation.cost)
        self._span = span
        # A subscription may end in another task than it started in, where its context could not be restored.
        if operation.kind is not OperationKind.SUBSCRIPTION:
            self._attached = context.attach(trace.set_span_in_context(span))

    @override
    async def __aexit__(self, *_: object) -> None:
        span, outcome = self._span, self._outcome
        if self._attached is not None:
            context.detach(self._attached)
        span.set_attribute("execution_monitor.executions", outcome.executions)
        if outcome.compiled is not None:
            span.set_attribute("execution_monitor.compiled", outcome.compiled)
        if outcome.codes:
            span.set_attribute("error.type", outcome.codes[0])
            span.set_status(Status(StatusCode.ERROR, ", ".join(dict.fromkeys(outcome.codes))))
        span.end()


class _Commands(CommandListener):
    """Makes a span of each command to MongoDB, with its name and collection, without its values."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._running: OrderedDict[int, Span] = OrderedDict()

    @override
    def started(self, event: CommandStartedEvent) -> None:
        name = event.command_name
        if name in _HOUSEKEEPING or not trace.get_current_span().is_recording():
            return
        target = event.command.get(name)
        collection = target if isinstance(target, str) else event.command.get("collection", "")
        span = self._tracer.start_span(f"{name} {collection}".strip(), kind=SpanKind.CLIENT)
        for attribute, value in _describe(event, str(collection)):
            span.set_attribute(attribute, value)
        self._running[event.request_id] = span
        if len(self._running) > _MAX_RUNNING:
            self._running.popitem(last=False)

    @override
    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._end(event.request_id)

    @override
    def failed(self, event: CommandFailedEvent) -> None:
        self._end(event.request_id, str(event.failure.get("codeName", "failed")))

    def _end(self, request_id: int, error: str | None = None) -> None:
        span = self._running.pop(request_id, None)
        if span is None:
            return
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _describe(event: CommandStartedEvent, collection: str) -> Iterator[tuple[str, str]]:
    yield "db.system.name", "mongodb"
    yield "db.namespace", event.database_name
    yield "db.operation.name", event.command_name
    if collection:
        yield "db.collection.name", collection
