"""Metrics of the connections to MongoDB."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.observability.metrics.families import PREFIX, counter, gauge
from execution_monitor.storage.pool_listener import Connections


class ConnectionsCollector(Collector):
    """The connections that requests share; the change stream has its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @override
    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._connections
        yield gauge("mongodb_connections", "Connections that are open now.", now.created - now.closed)
        yield gauge("mongodb_connections_in_use", "Connections that an operation holds now.", now.in_use)
        yield counter("mongodb_connections_created", "Connections that were opened.", now.created)
        yield counter("mongodb_connections_closed", "Connections that were closed.", now.closed)
        yield counter(
            "mongodb_pools_cleared", "Times that all connections were dropped, after a failure.", now.clearances
        )
        yield SummaryMetricFamily(
            f"{PREFIX}_mongodb_connection_wait_seconds",
            "How long operations waited for a connection.",
            count_value=now.taken,
            sum_value=now.seconds_waited,
        )
        failed = CounterMetricFamily(
            f"{PREFIX}_mongodb_connection_failures", "Times that an operation got no connection.", labels=["reason"]
        )
        for reason, times in now.failures.items():
            failed.add_metric([reason], times)
        yield failed
