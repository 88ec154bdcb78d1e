"""The HTTP endpoint of GraphQL: read, authenticate, execute, answer (GraphQL over HTTP)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from execution_monitor.access.caller import Caller
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, Unauthenticated
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema, to_client_errors
from execution_monitor.graphql.media_types import GRAPHQL_JSON, JSON, negotiate
from execution_monitor.graphql.requests import GraphQLRequest, asks_only_for_types, read_request
from execution_monitor.monitoring.live.live import Live
from execution_monitor.monitoring.monitor import Monitor

Authenticate = Callable[[Mapping[str, str]], Caller]

_NOBODY = Caller(subject="", tenant="")


class MethodNotAllowed(BadUserInput):
    """An operation that the request's method may not carry."""

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
    authenticate: Authenticate
    max_body_bytes: int
    open_introspection: bool

    async def handle(self, request: Request) -> Response:
        """The response to `request`; failures are GraphQL errors with a code."""
        media_type = negotiate(request.headers.get("accept"))
        try:
            if media_type is None:
                raise NotAcceptable(f"Accept {GRAPHQL_JSON} or {JSON}.")
            return await self._answer(request, media_type)
        except ExecutionMonitorError as error:
            headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else None
            body = {"errors": [{"message": error.message, "extensions": {"code": error.code}}]}
            return _respond(body, media_type or JSON, error.status, headers)

    async def _answer(self, request: Request, media_type: str) -> Response:
        asked = await read_request(request, self.max_body_bytes)
        context = self._context(request, asked)
        operations = {OperationType.QUERY} if request.method == "GET" else {OperationType.QUERY, OperationType.MUTATION}
        try:
            result = await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=operations,
            )
        except CannotGetOperationTypeError as error:
            raise BadUserInput("operationName must name one of the operations sent.") from error
        except InvalidOperationTypeError as error:
            raise MethodNotAllowed(f"A {error.operation_type.value} cannot be sent this way.") from error
        if result.data is None and result.errors and not any(_is_of_execution(error) for error in result.errors):
            # A request error: the operation never ran, so the answer has no data (section "Response").
            status = HTTPStatus.BAD_REQUEST if media_type == GRAPHQL_JSON else HTTPStatus.OK
            return _respond({"errors": to_client_errors(result.errors)}, media_type, status)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = to_client_errors(result.errors)
        if result.extensions:
            body["extensions"] = result.extensions
        return _respond(body, media_type, HTTPStatus.OK)

    def _context(self, request: Request, asked: GraphQLRequest) -> Context:
        """The context getter: the one place where a request becomes a caller."""
        if self.open_introspection and "authorization" not in request.headers and asks_only_for_types(asked):
            return Context(_NOBODY, self.monitor, self.live)
        return Context(self.authenticate(request.headers), self.monitor, self.live)


def _is_of_execution(error: GraphQLError) -> bool:
    return bool(error.path)


def _respond(body: Any, media_type: str, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type=f"{media_type}; charset=utf-8")
