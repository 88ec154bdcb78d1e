"""The protocols that engines report by over HTTP, one entry each."""

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from execution_monitor.ingest.http.requests import IngestRequests
from execution_monitor.ingest.openlineage.routes import openlineage_routes
from execution_monitor.settings import Settings

PROTOCOLS: Sequence[Callable[[IngestRequests, Settings], Sequence[BaseRoute]]] = (
    lambda requests, settings: openlineage_routes(requests, keeps_statements=settings.ingest_statements == "on"),
)


def ingest_routes(requests: IngestRequests, settings: Settings) -> Sequence[BaseRoute]:
    """The routes of all protocols."""
    return [route for routes_of in PROTOCOLS for route in routes_of(requests, settings)]
