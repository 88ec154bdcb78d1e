"""Request ids: each stands in the response, in every log line of the request, and in audit events."""

import re
import secrets
from collections.abc import MutableMapping
from typing import Any

import structlog

HEADER = b"x-request-id"

# The keys under which ASGI scopes and log lines hold the id.
_SCOPE_KEY = "execution_monitor.request_id"
_LOG_KEY = "request_id"
# Ids as proxies and tracing systems make them, without characters that could break a log line, a header or a shell.
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def identify(scope: MutableMapping[str, Any]) -> str:
    """The id of a request or WebSocket: the client's `X-Request-Id` if well-formed, else a new one, kept in `scope`."""
    request_id = scope.get(_SCOPE_KEY)
    if request_id is None:
        sent = next((value for name, value in scope["headers"] if name == HEADER), b"")
        request_id = scope[_SCOPE_KEY] = sent.decode() if _WELL_FORMED.fullmatch(sent) else make_request_id()
    return request_id


def make_request_id() -> str:
    """Make a unique request id."""
    return secrets.token_hex(16)


def bind_request_id(request_id: str) -> None:
    """Add `request_id` to every later log line of this task and of the tasks that it creates."""
    structlog.contextvars.bind_contextvars(**{_LOG_KEY: request_id})


def current_request_id() -> str:
    """The request id in log lines now; without one, a new id, which later log lines then hold."""
    request_id: str | None = structlog.contextvars.get_contextvars().get(_LOG_KEY)
    if request_id is None:
        request_id = make_request_id()
        bind_request_id(request_id)
    return request_id
