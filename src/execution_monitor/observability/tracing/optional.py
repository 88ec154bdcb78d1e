"""Optional tracing: its interface, which needs no OpenTelemetry, and how to load it when a setting enables it."""

import importlib
from typing import Protocol, cast

from pymongo.monitoring import CommandListener
from starlette.types import ASGIApp

from execution_monitor.asgi.operations import Observer
from execution_monitor.errors import SetupError


class Tracing(Protocol):
    """Makes spans; a context manager that sends what is left when it ends, within two seconds."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *_: object) -> None: ...

    @property
    def commands(self) -> CommandListener:
        """Makes a span of every command to MongoDB."""
        ...

    @property
    def operations(self) -> Observer:
        """Makes a span of every operation."""
        ...

    def around(self, app: ASGIApp) -> ASGIApp:
        """ASGI middleware around `app` that makes a span of every request and WebSocket."""
        ...


def load_tracing(endpoint: str) -> Tracing:
    """Tracing that sends spans to `endpoint`, a URL for OTLP over HTTP; raises `SetupError` without the extra."""
    try:
        spans = importlib.import_module("execution_monitor.observability.tracing.spans")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise SetupError(
            "EXECUTION_MONITOR_TRACING needs OpenTelemetry: pip install 'execution-monitor[tracing]'."
        ) from error
    return cast("Tracing", spans.Spans(endpoint))
