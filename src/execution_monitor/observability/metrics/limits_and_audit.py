"""Metrics of what guards the server: the audit trail and the rate limits."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.audit.journal import AuditFigures
from execution_monitor.limits.rate_limits import RateLimitFigures
from execution_monitor.observability.metrics.families import PREFIX, counter, gauge


class AuditCollector(Collector):
    """The audit trail of this process."""

    def __init__(self, figures: Callable[[], AuditFigures]) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._figures()
        yield gauge("audit_pending_events", "Events of the audit trail that are not written yet.", now.pending)
        yield counter("audit_written", "Events of the audit trail that MongoDB has.", now.written)
        yield counter("audit_dropped", "Events of the audit trail that are lost.", now.dropped)
        yield counter("audit_failures", "Attempts to write the audit trail that failed.", now.failures)


class RateLimitCollector(Collector):
    """The rate limits of this process."""

    def __init__(self, figures: Callable[[], RateLimitFigures]) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._figures()
        refused = CounterMetricFamily(
            f"{PREFIX}_rate_limited", "Operations that were refused for want of points.", labels=["policy"]
        )
        for policy, times in now.refused.items():
            refused.add_metric([policy], times)
        yield refused
        yield counter("rate_limit_store_failures", "Times that shared points could not be counted.", now.store_failures)
        yield gauge(
            "rate_limit_store_down", "1 while points are counted in this process alone.", int(now.store_is_down)
        )
