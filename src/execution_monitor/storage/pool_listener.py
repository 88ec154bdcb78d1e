"""Connection pool statistics of a MongoDB client, from the events of its driver."""

from collections import Counter

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

_FAILURES = {
    ConnectionCheckOutFailedReason.TIMEOUT: "timeout",
    ConnectionCheckOutFailedReason.POOL_CLOSED: "closed",
    ConnectionCheckOutFailedReason.CONN_ERROR: "unreachable",
}


class Connections(ConnectionPoolListener):
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
