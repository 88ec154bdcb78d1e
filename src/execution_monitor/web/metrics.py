"""`/metrics`, in the text format of Prometheus or in OpenMetrics."""

import platform
from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, cast

from prometheus_client import (
    CollectorRegistry,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from execution_monitor.asgi.authentication import Admit
from execution_monitor.asgi.headers import NO_STORE, combined_header
from execution_monitor.asgi.operations import Observers, Operation, OperationKind
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Scope
from execution_monitor.observability.metrics.families import PREFIX

METRICS_PATH = "/metrics"

# It has no annotations.
_encode_open = cast("Callable[[CollectorRegistry], bytes]", cast("Any", openmetrics).generate_latest)


def create_registry() -> CollectorRegistry:
    """A registry that tells of the process; metrics of the application are added to it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info(f"{PREFIX}_build", "What runs here.", registry=registry).info(
        {"version": version("execution-monitor"), "python": platform.python_version()}
    )
    return registry


def metrics_routes(
    registry: CollectorRegistry, admit: Admit, observers: Observers, access: str, open_port: int | None
) -> list[Route]:
    """The route of `/metrics`: for whom `access` names (`manage`, `open`, or `off`); at `open_port` for everybody.

    Where it is guarded, `observers` watch who asks.
    """

    async def expose(request: Request) -> Response:
        # Of the socket that took the connection: no header can make another of it.
        at_open_port = open_port is not None and request.scope["server"][1] == open_port
        if access == "off" and not at_open_port:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if access == "manage" and not at_open_port:
            origin = origin_of(request.scope)
            caller = await admit(request.headers, origin)
            async with observers.observe(Operation(caller, origin, OperationKind.REST, "getMetrics")):
                caller.require(Scope.MANAGE)
        if "application/openmetrics-text" in (combined_header(request.headers, "accept") or ""):
            body, media_type = _encode_open(registry), openmetrics.CONTENT_TYPE_LATEST
        else:
            body, media_type = generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
        return Response(body, headers={**NO_STORE, "Content-Type": media_type, "Vary": "Accept"})

    return [Route(METRICS_PATH, expose)]
