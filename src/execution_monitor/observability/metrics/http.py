"""Metrics of requests and sockets: also of those that never became an operation."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from execution_monitor.observability.metrics.families import PREFIX

# A client may close with any of 2,000 codes of its own; these are the ones that say something.
_TELLING_CODES = frozenset({1000, 1001, 1005, 1006, 1009, 1011, 1012, 1013})
_CODES_OF_OURS = range(4400, 4430)


class Traffic:
    """Counts answers by status and sockets by close code."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            f"{PREFIX}_http_responses",
            "Answers to HTTP requests; 499 stands for clients that left before theirs.",
            ["status"],
            registry=registry,
        )
        self._sockets = Gauge(f"{PREFIX}_sockets", "WebSockets that are open now.", registry=registry)
        self._closes = Counter(
            f"{PREFIX}_sockets_closed", "WebSockets that were closed, by either side.", ["code"], registry=registry
        )

    def answered(self, status: int) -> None:
        """Count an answer."""
        self._answers.labels(str(status)).inc()

    def opened(self) -> None:
        """Count a socket that asks to be opened."""
        self._sockets.inc()

    def closed(self, code: int | None) -> None:
        """Count a socket that is no more."""
        self._sockets.dec()
        tells = code in _TELLING_CODES or code in _CODES_OF_OURS
        self._closes.labels(str(code) if tells else "other").inc()
