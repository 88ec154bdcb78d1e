"""What tracing is to the rest, which does without OpenTelemetry unless a setting wants it."""

import importlib
from typing import Protocol, cast

from pymongo.monitoring import CommandListener
from starlette.types import ASGIApp

from execution_monitor.asgi.operations import Observer
from execution_monitor.errors import SetupError


class Tracing(Protocol):
    """Where spans come from; a context manager, at whose end what is left has been sent, or two seconds have passed."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *_: object) -> None: ...

    @property
    def commands(self) -> CommandListener:
        """Makes a span of every command that MongoDB is sent."""
        ...

    @property
    def operations(self) -> Observer:
        """Makes a span of every operation."""
        ...

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, with a span of every request and socket."""
        ...


def load_tracing(endpoint: str) -> Tracing:
    """Tracing that sends to `endpoint`, an address for OTLP over HTTP; raises `SetupError` without the extra."""
    try:
        spans = importlib.import_module("execution_monitor.observability.tracing.spans")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise SetupError(
            "EXECUTION_MONITOR_TRACING needs OpenTelemetry: pip install 'execution-monitor[tracing]'."
        ) from error
    return cast("Tracing", spans.Spans(endpoint))
