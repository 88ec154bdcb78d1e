"""Responses of OTLP/HTTP, in the encoding of their request: what was rejected of an export, and errors as a status."""

from collections.abc import Mapping
from http import HTTPStatus

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from starlette.responses import Response

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.errors import ExecutionMonitorError, RateLimited

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MEDIA_TYPES = (PROTOBUF, JSON)

_NO_HEADERS: Mapping[str, str] = {}
_CODES: Mapping[HTTPStatus, int] = {
    HTTPStatus.BAD_REQUEST: Code.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: Code.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: Code.PERMISSION_DENIED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.INVALID_ARGUMENT,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Code.INVALID_ARGUMENT,
    HTTPStatus.SERVICE_UNAVAILABLE: Code.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: Code.UNAVAILABLE,
}


def traces_response(rejected: int, message: str) -> ExportTraceServiceResponse:
    """The response to an export of spans, of which so many were `rejected`."""
    if not message:
        return ExportTraceServiceResponse()
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial)


def logs_response(rejected: int, message: str) -> ExportLogsServiceResponse:
    """The response to an export of log records, of which so many were `rejected`."""
    if not message:
        return ExportLogsServiceResponse()
    partial = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
    return ExportLogsServiceResponse(partial_success=partial)


def metrics_response(rejected: int, message: str) -> ExportMetricsServiceResponse:
    """The response to an export of metrics, all of which are `rejected`."""
    partial = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    return ExportMetricsServiceResponse(partial_success=partial)


def respond(message: Message, media_type: str, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """Respond with `message`, encoded as `media_type`."""
    return _respond(message, media_type, HTTPStatus.OK, headers)


def respond_with_error(error: ExecutionMonitorError, media_type: str) -> Response:
    """Respond with a `google.rpc.Status`.

    A limit is answered with 503 in place of 429, which some clients take for final, though OTLP says otherwise.
    """
    status = HTTPStatus.SERVICE_UNAVAILABLE if isinstance(error, RateLimited) else error.status
    message = Status(code=_CODES.get(status, Code.UNKNOWN), message=error.message)
    return _respond(message, media_type, status, error.headers)


def encoding_of(content_type: str) -> str:
    """The media type of responses to a request of this type: JSON where that is JSON, else protobuf."""
    return JSON if content_type.partition(";")[0].strip().lower() == JSON else PROTOBUF


def _respond(message: Message, media_type: str, status: HTTPStatus, headers: Mapping[str, str]) -> Response:
    body = MessageToJson(message, indent=None) if media_type == JSON else message.SerializeToString()
    return Response(body, status, {**headers, **NO_STORE, "Content-Type": media_type})
