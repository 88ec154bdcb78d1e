"""What the handlers of REST share: the operation that is observed, and the response with a model as JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import ResponseTooLarge


def operation_of(request: Request, caller: Caller, name: str, arguments: Mapping[str, Any], cost: int = 1) -> Operation:
    """The operation that `request` is; `arguments` are for the audit trail."""
    origin = origin_of(request.scope)
    return Operation(caller, origin, OperationKind.REST, name, cost, arguments=lambda: {name: dict(arguments)})


def render(model: BaseModel, max_bytes: int) -> bytes:
    """`model` as JSON; raises `ResponseTooLarge` beyond `max_bytes`."""
    body = model.model_dump_json().encode()
    if len(body) > max_bytes:
        raise ResponseTooLarge(len(body), max_bytes)
    return body


def respond(body: bytes, operation: Operation) -> Response:
    """The response with `body`, and what is left of the rate limits."""
    return Response(body, headers={**NO_STORE, **operation.allowance.headers}, media_type="application/json")
