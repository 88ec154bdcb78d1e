"""OTLP/HTTP at its default paths: traces and logs are stored, metrics declined."""

from collections.abc import Awaitable, Callable

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.ingest.http.requests import IngestRequest, IngestRequests
from execution_monitor.ingest.otlp.exports import Exports
from execution_monitor.ingest.otlp.responses import (
    MEDIA_TYPES,
    encoding_of,
    logs_response,
    metrics_response,
    respond,
    respond_with_error,
    traces_response,
)

TRACES_PATH, LOGS_PATH, METRICS_PATH = "/v1/traces", "/v1/logs", "/v1/metrics"

_NO_METRICS = "Metrics are not kept here; export traces and logs alone (OTEL_METRICS_EXPORTER=none)."

Answer = Callable[[IngestRequest], Awaitable[Message]]


def otlp_routes(requests: IngestRequests, exports: Exports) -> list[BaseRoute]:
    """The routes of OTLP; errors are a `google.rpc.Status` in the encoding of the request."""

    async def traces(received: IngestRequest) -> Message:
        rejections = await exports.store_spans(received)
        return traces_response(rejections.count, rejections.message)

    async def logs(received: IngestRequest) -> Message:
        rejections = await exports.store_records(received)
        return logs_response(rejections.count, rejections.message)

    async def metrics(received: IngestRequest) -> Message:
        # A 404 would make exporters log an error for ever.
        points = await exports.count_points(received)
        await received.store(requests.begin(), {})
        return metrics_response(points, _NO_METRICS)

    return [
        _route(requests, TRACES_PATH, "exportTraces", traces),
        _route(requests, LOGS_PATH, "exportLogs", logs),
        _route(requests, METRICS_PATH, "exportMetrics", metrics),
    ]


def _route(requests: IngestRequests, path: str, name: str, answer: Answer) -> BaseRoute:
    async def export(request: Request) -> Response:
        encoding = encoding_of(request.headers.get("content-type", ""))
        try:
            async with requests.receive(request, name, MEDIA_TYPES) as received:
                message = await answer(received)
            return respond(message, encoding, received.headers)
        except ExecutionMonitorError as error:
            return respond_with_error(error, encoding)

    return Route(path, export, methods=["POST"])
