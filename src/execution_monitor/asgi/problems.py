"""Error responses as problem details (RFC 9457): client errors with a stable code, all others masked."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler, Receive, Scope, Send
from starlette.websockets import WebSocket

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.asgi.request_id import current_request_id
from execution_monitor.errors import ExecutionMonitorError

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
# As nginx logs a client that disconnected before it got a response.
CLIENT_LEFT = 499

_NO_HEADERS: Mapping[str, str] = {}


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="`about:blank`: the status and the code say what kind of problem it is.")
    title: str = Field(description="The name of the status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong and what to do, in a sentence.")
    code: str = Field(description="A stable code, such as `BAD_USER_INPUT` or `INVALID_CURSOR`.")
    request_id: str | None = Field(default=None, description="The id under which the server's log has more, if it has.")


def problem_handlers() -> dict[type[Exception], ExceptionHandler]:
    """Exception handlers for Starlette that respond to every error with a problem."""
    problems: dict[type[Exception], ExceptionHandler] = dict.fromkeys(
        (ExecutionMonitorError, HTTPException, Exception), _respond
    )
    return {**problems, ClientDisconnect: _respond_to_disconnect}


async def refuse_unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """The application for unknown paths: responds with 404 to requests and to WebSocket handshakes."""
    if scope["type"] == "websocket":
        refusal = _respond_to_http_exception(HTTPException(HTTPStatus.NOT_FOUND))
        await WebSocket(scope, receive, send).send_denial_response(refusal)
    else:
        raise HTTPException(HTTPStatus.NOT_FOUND)


async def _respond_to_disconnect(_: Request, __: Exception) -> Response:
    # A client that disconnects within its request is no error of ours; the status is for our log alone.
    return Response(status_code=CLIENT_LEFT)


async def _respond(request: Request, error: Exception) -> Response:
    if isinstance(error, ExecutionMonitorError):
        return problem_response(error.status, error.message, error.code, error.headers)
    if isinstance(error, HTTPException):
        return _respond_to_http_exception(error)
    return _respond_to_unexpected(request, error)


def _respond_to_http_exception(error: HTTPException) -> Response:
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if status is HTTPStatus.NOT_FOUND:
        detail = "There is nothing at this address."
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        detail = f"This address takes only {headers['Allow']}."
    else:
        detail = error.detail
    return problem_response(status, detail, status.name, headers)


def _respond_to_unexpected(request: Request, error: Exception) -> Response:
    request_id = current_request_id()
    log.error("request_failed", request_id=request_id, path=request.url.path, exc_info=error)
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"Something went wrong here; the server's log has the details under {request_id}.",
        ExecutionMonitorError.code,
        {},
        request_id=request_id,
    )


def problem_response(
    status: HTTPStatus, detail: str, code: str, headers: Mapping[str, str] = _NO_HEADERS, request_id: str | None = None
) -> Response:
    """Make a response with a problem."""
    problem = Problem(
        type="about:blank", title=status.phrase, status=status, detail=detail, code=code, request_id=request_id
    )
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, status, {**NO_STORE, **headers}, media_type=PROBLEM_JSON)
