"""Connection pool statistics of a MongoDB client, from the events of its driver."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutFailedReason,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)
from typing_extensions import override

from execution_monitor.observability.metrics.families import PREFIX, counter, counters_by, gauge

_FAILURES = {
    ConnectionCheckOutFailedReason.TIMEOUT: "timeout",
    ConnectionCheckOutFailedReason.POOL_CLOSED: "closed",
    ConnectionCheckOutFailedReason.CONN_ERROR: "unreachable",
}


class Connections(ConnectionPoolListener, Collector):
    """Totals since the client was created, over all servers of the cluster."""

    def __init__(self) -> None:
        self.created = 0
        self.closed = 0
        self.taken = 0
        self.returned = 0
        self.clearances = 0
        self.seconds_waited = 0.0
        self.failures: Counter[str] = Counter(dict.fromkeys(_FAILURES.values(), 0))

    @property
    def in_use(self) -> int:
        """How many connections are in use now."""
        return self.taken - self.returned

    @override
    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """Count an open connection."""
        self.created += 1

    @override
    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """Count a closed connection."""
        self.closed += 1

    @override
    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """Count a connection in use, and the seconds that an operation waited for it."""
        self.taken += 1
        self.seconds_waited += event.duration or 0.0

    @override
    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        """Count a connection that is no longer in use."""
        self.returned += 1

    @override
    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """Count an operation that got no connection."""
        self.failures[_FAILURES.get(event.reason, "unreachable")] += 1

    @override
    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """Count a failure after which the driver discards all connections to a server."""
        self.clearances += 1

    @override
    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Nothing to count."""

    @override
    def pool_ready(self, event: PoolReadyEvent) -> None:
        """Nothing to count."""

    @override
    def pool_closed(self, event: PoolClosedEvent) -> None:
        """Nothing to count."""

    @override
    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """Nothing to count."""

    @override
    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """Nothing to count."""

    @override
    def collect(self) -> Iterator[Metric]:
        """Metrics of the connections that requests share; the change stream has its own."""
        yield gauge("mongodb_connections", "Connections that are open now.", self.created - self.closed)
        yield gauge("mongodb_connections_in_use", "Connections that an operation holds now.", self.in_use)
        yield counter("mongodb_connections_created", "Connections that were opened.", self.created)
        yield counter("mongodb_connections_closed", "Connections that were closed.", self.closed)
        yield counter(
            "mongodb_pools_cleared", "Times that all connections were dropped, after a failure.", self.clearances
        )
        yield SummaryMetricFamily(
            f"{PREFIX}_mongodb_connection_wait_seconds",
            "How long operations waited for a connection.",
            count_value=self.taken,
            sum_value=self.seconds_waited,
        )
        yield counters_by(
            "reason", "mongodb_connection_failures", "Times that an operation got no connection.", self.failures
        )
