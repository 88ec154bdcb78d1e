"""The protocols that engines report by over HTTP, one entry each."""

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from execution_monitor.ingest.http.requests import IngestRequests
from execution_monitor.ingest.openlineage.routes import openlineage_routes
from execution_monitor.ingest.otlp.exports import Exports
from execution_monitor.ingest.otlp.mapping import Mapper
from execution_monitor.ingest.otlp.prices import Prices
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.otlp.routes import otlp_routes
from execution_monitor.services import Services


def ingest_routes(services: Services) -> Sequence[BaseRoute]:
    """The routes of all protocols."""
    settings, ingest = services.settings, services.requests.ingest
    requests = IngestRequests(
        services.requests, ingest, origins=settings.allowed_origins, max_body_bytes=settings.ingest_max_body_bytes
    )
    return [route for routes_of in PROTOCOLS for route in routes_of(requests, services)]


def _openlineage(requests: IngestRequests, services: Services) -> Sequence[BaseRoute]:
    return openlineage_routes(requests, keeps_statements=services.settings.ingest_statements == "on")


def _otlp(requests: IngestRequests, services: Services) -> Sequence[BaseRoute]:
    settings = services.settings
    roots, prices = Roots.parse(settings.ingest_otlp_roots), Prices(settings.ingest_prices)
    mapper = Mapper(roots, prices, keeps_payloads=settings.ingest_payloads == "on")
    return otlp_routes(requests, Exports(mapper, services.database, requests.begin))


PROTOCOLS: Sequence[Callable[[IngestRequests, Services], Sequence[BaseRoute]]] = (_openlineage, _otlp)
