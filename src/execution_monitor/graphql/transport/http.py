"""The HTTP endpoint of GraphQL: authenticate, read, prepare, respond (GraphQL over HTTP, the draft of 6 August 2026).

Where the draft and the older audits of graphql-http differ, the draft holds. An operation that never ran has the same
status whichever JSON is accepted: 400 where body or document could not be parsed, 422 where either is not valid. The
audits want 400 for both, and 200 for clients that accept `application/json` alone, so that old clients can distinguish
a GraphQL server from a proxy before it; but that hid failures from proxies and alerts, which see only the status. Every
response outside 2xx is declared as `application/graphql-response+json`, by which clients can distinguish them, too.

The response to an operation that ran in part has status 200. The draft's section "Status Codes" would have it 294, its
section "Field errors encountered during execution" 200; 294 is not registered, and clients that look for 200 exist.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from execution_monitor.asgi.cross_site import refuse_cross_site
from execution_monitor.asgi.headers import combined_header
from execution_monitor.asgi.operations import OperationKind
from execution_monitor.asgi.origin import Origin, origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.credentials import has_credential
from execution_monitor.errors import BadUserInput, ExecutionMonitorError
from execution_monitor.graphql.errors import to_request_error
from execution_monitor.graphql.execution.executor import OperationExecutor
from execution_monitor.graphql.transport.content_negotiation import (
    GRAPHQL_JSON,
    JSON,
    is_for_a_page,
    negotiate,
    negotiate_stream,
)
from execution_monitor.graphql.transport.event_streams import FRAMINGS, Framing, stream, stream_errors
from execution_monitor.graphql.validation.operation import ExecutableOperation, OperationKindNotAllowed, RequestErrors
from execution_monitor.graphql.validation.request import (
    GraphQLRequest,
    has_safe_method,
    only_introspects,
    read_request,
)
from execution_monitor.services import RequestServices

_ANONYMOUS = Caller(subject="", tenant="")
# A link or an image may make a browser send a GET (GraphQL over HTTP, section "GET").
_KINDS_OF_GET = frozenset({OperationKind.QUERY, OperationKind.SUBSCRIPTION})
_KINDS_OF_POST = frozenset(OperationKind)


class MethodNotAllowed(BadUserInput):
    """An operation that GET may not carry."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    @property
    def headers(self) -> Mapping[str, str]:
        """`Allow`: the method that may carry it."""
        return {"Allow": "POST"}


class NotAcceptable(BadUserInput):
    """An `Accept` header that excludes every media type on offer."""

    status = HTTPStatus.NOT_ACCEPTABLE


class _Accepted(NamedTuple):
    """What the client accepts: a media type of JSON, a framing of streams, or both."""

    media_type: str | None
    framing: Framing | None

    @classmethod
    def by(cls, request: Request) -> "_Accepted":
        """Negotiate with the `Accept` header of `request`."""
        accept = combined_header(request.headers, "accept")
        stream_type = negotiate_stream(accept, FRAMINGS)
        return cls(negotiate(accept), None if stream_type is None else FRAMINGS[stream_type])

    def framing_for(self, kind: OperationKind | None) -> Framing | None:
        """The framing of a response to an operation of `kind`; None for a response in JSON.

        Clients that accept streams alone get one for a query, too (graphql-sse, distinct connections mode).
        """
        return self.framing if kind is OperationKind.SUBSCRIPTION or self.media_type is None else None


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """The ASGI application at `/graphql`, for GET and POST.

    With `open_introspection` an operation that only introspects needs no token. A browser that opens the address
    without a query is sent on to `explorer`, the path of GraphiQL where it is served. Of pages of other sites, only
    those of `origins` may send a mutation.
    """

    executor: OperationExecutor
    services: RequestServices
    max_body_bytes: int
    open_introspection: bool
    origins: Collection[str]
    explorer: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. An ASGI application, not a function, so that Starlette does not catch errors once more."""
        response = await self.handle(Request(scope, receive, send))
        await response(scope, receive, send)

    async def handle(self, request: Request) -> Response:
        """The response to `request`; every failure is a GraphQL error with a code."""
        if self.explorer is not None and _opens_a_page(request):
            return RedirectResponse(self.explorer, HTTPStatus.SEE_OTHER, {"Vary": "Accept"})
        accepted = _Accepted.by(request)
        try:
            if accepted.media_type is None and accepted.framing is None:
                raise NotAcceptable(f"Accept {GRAPHQL_JSON} or {JSON}; for subscriptions {' or '.join(FRAMINGS)}.")
            origin = origin_of(request.scope)
            caller, graphql_request = await self._read(request, origin)
            executable = await self._prepare(request, graphql_request, caller, origin)
            return await self._respond(executable, accepted)
        except RequestErrors as error:
            return _respond_with_errors(error, accepted)
        except ExecutionMonitorError as error:
            return _json_response({"errors": [to_request_error(error)]}, GRAPHQL_JSON, error.status, error.headers)

    async def _read(self, request: Request, origin: Origin) -> tuple[Caller, GraphQLRequest]:
        """Authenticate the client, then read its request; the other way round where it may only introspect."""
        if not self.open_introspection or has_credential(request.headers):
            # Before the body: a client without a token sends none of it into our memory.
            caller = await self.services.admit(request.headers, origin)
            return caller, await read_request(request, self.max_body_bytes)
        graphql_request = await read_request(request, self.max_body_bytes)
        if only_introspects(graphql_request):
            return _ANONYMOUS, graphql_request
        return await self.services.admit(request.headers, origin), graphql_request

    async def _prepare(
        self, request: Request, graphql_request: GraphQLRequest, caller: Caller, origin: Origin
    ) -> ExecutableOperation:
        """Validate the operation.

        Raises:
            MethodNotAllowed: it is a mutation in a GET.
            Forbidden: it is a mutation, and a page of another site sent it.
        """
        kinds = _KINDS_OF_GET if has_safe_method(request) else _KINDS_OF_POST
        try:
            executable = await self.executor.prepare(graphql_request, caller, origin, kinds)
        except OperationKindNotAllowed as error:
            raise MethodNotAllowed("Send a mutation with POST.") from error
        if executable.operation.kind is OperationKind.MUTATION:
            refuse_cross_site(request.headers, self.origins)
        return executable

    async def _respond(self, executable: ExecutableOperation, accepted: _Accepted) -> Response:
        """Run the operation and respond with its payload, or with a stream of its payloads."""
        operation = executable.operation
        if operation.kind is OperationKind.SUBSCRIPTION and accepted.framing is None:
            raise NotAcceptable(f"A subscription is a stream: accept {' or '.join(FRAMINGS)}.")
        framing = accepted.framing_for(operation.kind)
        if framing is not None:
            address = operation.origin.address
            self.services.streams.require_room(operation.caller, address)
            held = self.services.streams.hold(operation.caller, address)
            return stream(await self.executor.stream(executable), framing, held, self.services.live.behind)
        payload = await self.executor.execute(executable)
        headers = dict(operation.allowance.headers)
        if operation.kind is OperationKind.MUTATION:
            # It may hold a new secret, whose length compression would reveal.
            headers["Cache-Control"] = "no-store, no-transform"
        return _json_response(payload, accepted.media_type or JSON, HTTPStatus.OK, headers)


def _opens_a_page(request: Request) -> bool:
    is_bare = request.method == "GET" and not request.query_params
    return is_bare and is_for_a_page(combined_header(request.headers, "accept"))


def _respond_with_errors(error: RequestErrors, accepted: _Accepted) -> Response:
    framing = accepted.framing_for(error.kind)
    if framing is not None:
        return stream_errors(error.errors, framing)
    is_ours = ExecutionMonitorError.code in error.codes
    status = HTTPStatus.INTERNAL_SERVER_ERROR if is_ours else error.status
    return _json_response({"errors": error.errors}, GRAPHQL_JSON, status)


def _json_response(
    body: Any, media_type: str, status: HTTPStatus, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        body if isinstance(body, bytes) else orjson.dumps(body),
        status,
        # No cache may show one caller's response to another.
        {"Cache-Control": "no-store", **(headers or {})},
        media_type=f"{media_type}; charset=utf-8",
    )
