"""Metrics of the TCP connections of clients: also of those that never became a request."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.limits.tcp_connections import TcpConnectionFigures
from execution_monitor.observability.metrics.families import PREFIX, counter, gauge


class ClientConnectionsCollector(Collector):
    """The TCP connections of this process."""

    def __init__(self, figures: Callable[[], TcpConnectionFigures]) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._figures()
        phases = GaugeMetricFamily(
            f"{PREFIX}_tcp_connections", "TCP connections of clients by what they are doing now.", labels=["phase"]
        )
        for phase, count in now.phases.items():
            phases.add_metric([phase.value], count)
        yield phases
        timeouts = CounterMetricFamily(
            f"{PREFIX}_tcp_timeouts",
            "TCP connections that were closed because they were in this phase for too long.",
            labels=["phase"],
        )
        for phase, count in now.timed_out.items():
            timeouts.add_metric([phase.value], count)
        yield timeouts
        yield gauge("tcp_connections_limit", "TCP connections that may be open at once.", now.limit)
        yield counter(
            "tcp_displaced", "Silent TCP connections that were closed to make room for others.", now.displaced
        )
        yield counter("tcp_refused", "TCP connections that were refused for want of room.", now.refused)
        invalid = CounterMetricFamily(
            f"{PREFIX}_http_invalid_requests",
            "Requests that were refused with this status before they were read to the end.",
            labels=["status"],
        )
        for status, count in now.invalid.items():
            invalid.add_metric([str(status)], count)
        yield invalid
