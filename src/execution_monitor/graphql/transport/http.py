"""The HTTP endpoint of GraphQL: read, authenticate, execute, answer (GraphQL over HTTP, the draft of 6 August 2026).

Where the draft and the older audits of graphql-http differ, the draft holds. An operation that never ran has the same
status whichever JSON is accepted: 400 where body or document could not be parsed, 422 where either is not valid. The
audits want 400 for both, and 200 for whoever accepts `application/json` alone: so that clients of old could tell a
GraphQL server from what lies before it, but it hid failures from proxies and alerts, which see nothing but the status.
Every answer but those of 2xx is declared as `application/graphql-response+json`, which tells clients the same.

An operation that ran in part is answered with 200. The draft's section "Status Codes" would have it 294, its section
"Field errors encountered during execution" 200; the number is registered nowhere, and clients that look for 200 exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution_monitor.asgi.authentication import Admit
from execution_monitor.asgi.headers import list_of
from execution_monitor.asgi.operations import Kind
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, ExecutionMonitorError
from execution_monitor.graphql.errors import show
from execution_monitor.graphql.execution.executor import Operations
from execution_monitor.graphql.transport.content_negotiation import GRAPHQL_JSON, JSON, negotiate, negotiate_stream
from execution_monitor.graphql.transport.event_streams import FRAMINGS, stream, stream_errors
from execution_monitor.graphql.validation.operation import RequestErrors
from execution_monitor.graphql.validation.preparation import KindNotTaken
from execution_monitor.graphql.validation.request import asks_only_for_types, is_read, read_request
from execution_monitor.limits.streams import Sessions
from execution_monitor.live.lag import LagMeter

_NOBODY = Caller(subject="", tenant="")
# A link or an image may make a browser send a GET (GraphQL over HTTP, section "GET").
_KINDS_IN_GET = frozenset({Kind.QUERY, Kind.SUBSCRIPTION})


class MethodNotAllowed(BadUserInput):
    """An operation that GET may not carry."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    @property
    def headers(self) -> Mapping[str, str]:
        """The method that it may come with."""
        return {"Allow": "POST"}


class NotAcceptable(BadUserInput):
    """An `Accept` header that leaves out every media type there is."""

    status = HTTPStatus.NOT_ACCEPTABLE


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """Answers `GET` and `POST` with the result of one operation."""

    operations: Operations
    admit: Admit
    sessions: Sessions
    behind: LagMeter
    max_body_bytes: int
    open_introspection: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request: as an ASGI application, whose failures Starlette has not to catch a second time."""
        response = await self.handle(Request(scope, receive, send))
        await response(scope, receive, send)

    async def handle(self, request: Request) -> Response:
        """The response to `request`; failures are GraphQL errors with a code."""
        accept = list_of(request.headers, "accept")
        media_type, stream_type = negotiate(accept), negotiate_stream(accept, FRAMINGS)
        try:
            if media_type is None and stream_type is None:
                raise NotAcceptable(f"Accept {GRAPHQL_JSON} or {JSON}; for subscriptions {' or '.join(FRAMINGS)}.")
            return await self._answer(request, media_type, stream_type)
        except ExecutionMonitorError as error:
            body = {"errors": [show(error)]}
            return _respond(body, GRAPHQL_JSON, error.status, error.headers)

    async def _answer(self, request: Request, media_type: str | None, stream_type: str | None) -> Response:
        origin = origin_of(request.scope)
        unknown = self.open_introspection and "authorization" not in request.headers
        # Before the body: whoever has no token sends none of it into our memory.
        caller = _NOBODY if unknown else await self.admit(request.headers, origin)
        asked = await read_request(request, self.max_body_bytes)
        if unknown and not asks_only_for_types(asked):
            caller = await self.admit(request.headers, origin)
        framing = None if stream_type is None else FRAMINGS[stream_type]
        try:
            prepared = await self.operations.prepare(
                asked, caller, origin, _KINDS_IN_GET if is_read(request) else frozenset(Kind)
            )
            subscribes = prepared.operation.kind is Kind.SUBSCRIPTION
            if subscribes and framing is None:
                raise NotAcceptable(f"A subscription is a stream: accept {' or '.join(FRAMINGS)}.")
            # Whoever takes streams alone gets one for a query, too (graphql-sse, distinct connections mode).
            if framing is not None and (subscribes or media_type is None):
                self.sessions.require_room(caller, origin.address)
                held = self.sessions.hold(caller, origin.address)
                return stream(await self.operations.begin(prepared), framing, held, self.behind)
            payload = await self.operations.answer(prepared)
            return _respond(payload, media_type or JSON, HTTPStatus.OK, prepared.operation.allowance.headers)
        except KindNotTaken as error:
            raise MethodNotAllowed("Send a mutation with POST.") from error
        except RequestErrors as error:
            if framing is not None and (error.kind is Kind.SUBSCRIPTION or media_type is None):
                return stream_errors(error.errors, framing)
            ours = ExecutionMonitorError.code in error.codes
            status = HTTPStatus.INTERNAL_SERVER_ERROR if ours else error.status
            return _respond({"errors": error.errors}, GRAPHQL_JSON, status)


def _respond(body: Any, media_type: str, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    # What one caller may see is for nobody else to find in a cache.
    return Response(
        body if isinstance(body, bytes) else orjson.dumps(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type=f"{media_type}; charset=utf-8",
    )
