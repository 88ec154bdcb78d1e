"""The id of a request: the client is told it, and every log line of the request holds it."""

import re
import secrets
from collections.abc import MutableMapping
from typing import Any

import structlog

HEADER = b"x-request-id"

# Under which ASGI scopes and log lines hold it.
_SCOPE_KEY = "execution_monitor.request_id"
_LOG_KEY = "request_id"
# What proxies and tracing systems make, and nothing that could break a log line, a header or a shell.
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def identify(scope: MutableMapping[str, Any]) -> str:
    """The id of the request or socket of the ASGI `scope`: what its client asks for, if well-formed, else new."""
    request_id = scope.get(_SCOPE_KEY)
    if request_id is None:
        stated = next((value for name, value in scope["headers"] if name == HEADER), b"")
        request_id = scope[_SCOPE_KEY] = stated.decode() if _WELL_FORMED.fullmatch(stated) else make_request_id()
    return request_id


def make_request_id() -> str:
    """An id that no other request has."""
    return secrets.token_hex(16)


def bind_request_id(request_id: str) -> None:
    """Let every later log line of this task, and of those it begins, hold `request_id`."""
    structlog.contextvars.bind_contextvars(**{_LOG_KEY: request_id})


def current_request_id() -> str:
    """The id that log lines hold now; a new one, which they hold from here on, where there was none."""
    request_id: str | None = structlog.contextvars.get_contextvars().get(_LOG_KEY)
    if request_id is None:
        request_id = make_request_id()
        bind_request_id(request_id)
    return request_id
