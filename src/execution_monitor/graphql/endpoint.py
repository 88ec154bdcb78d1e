"""The HTTP endpoint of GraphQL: read, authenticate, execute, answer (GraphQL over HTTP)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from execution_monitor.access.caller import Caller
from execution_monitor.access.tokens import Authenticate
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, Unauthenticated
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema, to_client_errors
from execution_monitor.graphql.media_types import GRAPHQL_JSON, JSON, negotiate, negotiate_stream
from execution_monitor.graphql.operations import Operations
from execution_monitor.graphql.requests import asks_only_for_types, is_read, read_request
from execution_monitor.graphql.streams import FRAMINGS, stream
from execution_monitor.monitoring.live.live import Live
from execution_monitor.monitoring.monitor import Monitor

_NOBODY = Caller(subject="", tenant="")
# A link or an image may make a browser send a GET (GraphQL over HTTP, section "GET").
_ALLOWED_IN_GET = frozenset({OperationType.QUERY})
_ALLOWED_IN_POST = _ALLOWED_IN_GET | {OperationType.MUTATION}


class MethodNotAllowed(BadUserInput):
    """An operation that GET may not carry."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class NotAcceptable(BadUserInput):
    """An `Accept` header that leaves out every media type there is."""

    status = HTTPStatus.NOT_ACCEPTABLE


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """Answers `GET` and `POST` with the result of one operation."""

    schema: QuietSchema
    monitor: Monitor
    live: Live
    operations: Operations
    authenticate: Authenticate
    max_body_bytes: int
    open_introspection: bool

    async def handle(self, request: Request) -> Response:
        """The response to `request`; failures are GraphQL errors with a code."""
        accept = request.headers.get("accept")
        media_type, stream_type = negotiate(accept), negotiate_stream(accept, FRAMINGS)
        try:
            if media_type is None and stream_type is None:
                raise NotAcceptable(f"Accept {GRAPHQL_JSON} or {JSON}; for subscriptions {' or '.join(FRAMINGS)}.")
            return await self._answer(request, media_type or JSON, stream_type)
        except ExecutionMonitorError as error:
            body = {"errors": [{"message": error.message, "extensions": {"code": error.code}}]}
            return _respond(body, media_type or JSON, error.status, _headers_for(error))

    async def _answer(self, request: Request, media_type: str, stream_type: str | None) -> Response:
        unknown = self.open_introspection and "authorization" not in request.headers
        # Before the body: whoever has no token sends none of it into our memory.
        caller = _NOBODY if unknown else await self.authenticate(request.headers)
        asked = await read_request(request, self.max_body_bytes)
        if unknown and not asks_only_for_types(asked):
            caller = await self.authenticate(request.headers)
        try:
            result = await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=Context(caller, self.monitor, self.live),
                operation_name=asked.operation_name,
                allowed_operation_types=_ALLOWED_IN_GET if is_read(request) else _ALLOWED_IN_POST,
            )
        except CannotGetOperationTypeError:
            result = ExecutionResult(data=None, errors=[GraphQLError("operationName must name one of the operations.")])
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise MethodNotAllowed("Send a mutation with POST.") from error
            if stream_type is None:
                raise NotAcceptable(f"A subscription is a stream: accept {' or '.join(FRAMINGS)}.") from error
            return stream(self.operations.run(asked, caller), caller, FRAMINGS[stream_type])
        return self._show(result, media_type)

    def _show(self, result: ExecutionResult, media_type: str) -> Response:
        errors = to_client_errors(result.errors or ())
        if result.data is None and not any(error.path for error in result.errors or ()):
            # A request error: the operation never ran, so the answer has no data (section "Response").
            if any(error["extensions"]["code"] == ExecutionMonitorError.code for error in errors):
                status = HTTPStatus.INTERNAL_SERVER_ERROR
            else:
                status = HTTPStatus.BAD_REQUEST if media_type == GRAPHQL_JSON else HTTPStatus.OK
            return _respond({"errors": errors}, media_type, status)
        body = {"data": result.data, "errors": errors} if errors else {"data": result.data}
        return _respond(body, media_type, HTTPStatus.OK)


def _headers_for(error: ExecutionMonitorError) -> Mapping[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return {"Allow": "POST"} if isinstance(error, MethodNotAllowed) else {}


def _respond(body: Any, media_type: str, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    # What one caller may see is for nobody else to find in a cache.
    return Response(
        orjson.dumps(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type=f"{media_type}; charset=utf-8",
    )
