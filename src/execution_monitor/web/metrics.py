"""What operators watch, for Prometheus: read when it is asked for, in a registry of the application's own."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from execution_monitor.access.caller import Scope
from execution_monitor.access.tokens import Authenticate
from execution_monitor.monitoring.live.changes import GapReason
from execution_monitor.monitoring.live.counters import Figures
from execution_monitor.web.problems import NO_STORE

METRICS_PATH = "/metrics"

_PREFIX = "execution_monitor_live"


class LiveCollector(Collector):
    """Live updates of this process."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._figures()
        yield _counter("events", "Changes that came from MongoDB.", now.events)
        yield _counter("delivered", "Events that subscribers have taken.", now.delivered)
        yield _counter(
            "conflated", "Events that became one with another, for subscribers that fell behind.", now.conflated
        )
        yield _counter("caught_up", "Subscribers that were served from MongoDB's history.", now.caught_up)
        yield _counter(
            "streams_opened", "Change streams that were opened; one, unless MongoDB went away.", now.streams_opened
        )
        gaps = CounterMetricFamily(f"{_PREFIX}_gaps", "Gaps that subscribers were told of.", labels=["reason"])
        for reason in GapReason:
            gaps.add_metric([reason.value], now.gaps.get(reason, 0))
        yield gaps
        yield _gauge("subscribers", "Subscribers now.", now.subscribers)
        yield _gauge("topics", "Different filters and rights among the subscribers.", now.topics)
        yield _gauge("catching_up", "Subscribers that are being served from MongoDB's history.", now.catching_up)
        yield _gauge("queued_events", "Events that wait for subscribers, of all queues.", now.queued)
        yield _gauge(
            "queue_longest_events", "Events that wait for the subscriber that is furthest behind.", now.queue_longest
        )
        yield _gauge("lag_seconds", "From commit to arrival, of the last event.", now.lag_seconds)
        yield _gauge("silence_seconds", "Since MongoDB last said anything, of events or of none.", now.silent_seconds)
        yield _gauge("ring_events", "Events kept in memory for those who come back.", now.ring_events)
        yield _gauge("ring_bytes", "BSON kept in memory for those who come back.", now.ring_bytes)
        yield _gauge("ring_age_seconds", "Since the oldest event kept in memory arrived.", now.ring_seconds)


def metrics_routes(collectors: list[Collector], authenticate: Authenticate, access: str) -> list[Route]:
    """The route of `/metrics`: for whom `access` names (`manage`, `open`), or none when it is `off`."""
    if access == "off":
        return []
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)

    async def expose(request: Request) -> Response:
        if access != "open":
            (await authenticate(request.headers)).require(Scope.MANAGE)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={**NO_STORE, "Content-Type": media_type})

    return [Route(METRICS_PATH, expose)]


def _counter(name: str, tells: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"{_PREFIX}_{name}", tells, value=value)


def _gauge(name: str, tells: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", tells, value=value)
