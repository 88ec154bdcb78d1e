"""The route `/metrics`, in the text format of Prometheus or in OpenMetrics."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from execution_monitor.asgi.headers import NO_STORE, combined_header
from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Scope
from execution_monitor.services import RequestServices

METRICS_PATH = "/metrics"

# It has no annotations.
_generate_openmetrics = cast("Callable[[CollectorRegistry], bytes]", cast("Any", openmetrics).generate_latest)


def metrics_routes(
    registry: CollectorRegistry, services: RequestServices, access: str, open_port: int | None
) -> list[Route]:
    """The route of `/metrics`, for callers with the scope `manage`.

    Args:
        registry: the metrics.
        services: authenticate callers and observe their requests.
        access: the setting `metrics`: `manage`, `open` for everyone, or `off`.
        open_port: a port at which it is open for everyone.
    """

    async def get_metrics(request: Request) -> Response:
        # The port of the listening socket, which no header can change.
        at_open_port = open_port is not None and request.scope["server"][1] == open_port
        if access == "off" and not at_open_port:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if access == "manage" and not at_open_port:
            origin = origin_of(request.scope)
            caller = await services.admit(request.headers, origin)
            async with services.observers.observe(Operation(caller, origin, OperationKind.REST, "getMetrics")):
                caller.require(Scope.MANAGE)
        if "application/openmetrics-text" in (combined_header(request.headers, "accept") or ""):
            body, media_type = _generate_openmetrics(registry), openmetrics.CONTENT_TYPE_LATEST
        else:
            body, media_type = generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4
        return Response(body, headers={**NO_STORE, "Content-Type": media_type, "Vary": "Accept"})

    return [Route(METRICS_PATH, get_metrics)]
