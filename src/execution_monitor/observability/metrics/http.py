"""Metrics of HTTP responses and WebSockets, also of those without an operation."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from execution_monitor.observability.metrics.families import PREFIX

# Clients may close with any of 2,000 codes of their own; these are the ones with a series of their own.
_STANDARD_CODES = frozenset({1000, 1001, 1005, 1006, 1009, 1011, 1012, 1013})
_OUR_CODES = range(4400, 4430)


class HttpMetrics:
    """Counts responses by status, and WebSockets by close code."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._responses = Counter(
            f"{PREFIX}_http_responses",
            "Responses to HTTP requests; 499 stands for clients that disconnected before theirs.",
            ["status"],
            registry=registry,
        )
        self._sockets = Gauge(f"{PREFIX}_sockets", "WebSockets that are open now.", registry=registry)
        self._closes = Counter(
            f"{PREFIX}_sockets_closed", "WebSockets that were closed, by either side.", ["code"], registry=registry
        )

    def answered(self, status: int) -> None:
        """Count a response."""
        self._responses.labels(str(status)).inc()

    def opened(self) -> None:
        """Count a WebSocket when its handshake begins."""
        self._sockets.inc()

    def closed(self, code: int | None) -> None:
        """Count a WebSocket that is closed."""
        self._sockets.dec()
        has_series = code in _STANDARD_CODES or code in _OUR_CODES
        self._closes.labels(str(code) if has_series else "other").inc()
