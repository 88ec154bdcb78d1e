"""Metrics of the operations of all transports: an observer that counts them."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from typing_extensions import override

from execution_monitor.asgi.operations import Observation, Operation, OperationKind, Outcome
from execution_monitor.errors import ExecutionMonitorError, SetupError
from execution_monitor.observability.metrics.families import PREFIX

# From the fastest page to the time limit of queries in MongoDB.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_POINTS = (1, 10, 100, 1_000, 10_000, 100_000)
_FIRST_SERVER_ERROR = 500
_OUTCOMES = ("ok", "refused", "failed")


class OperationMetrics:
    """Counts operations by kind and outcome, also those that another observer refuses before they run."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.failures = frozenset(error.code for error in _errors() if error.status >= _FIRST_SERVER_ERROR)
        running = Gauge(f"{PREFIX}_operations_in_progress", "Operations that run now.", ["kind"], registry=registry)
        ended = Counter(
            f"{PREFIX}_operations",
            "Operations that ended: without an error (ok), with an error of the caller (refused) or of ours (failed).",
            ["kind", "outcome"],
            registry=registry,
        )
        self.errors = Counter(
            f"{PREFIX}_operation_errors", "Operations that ended with this code.", ["code"], registry=registry
        )
        seconds = Histogram(
            f"{PREFIX}_operation_duration_seconds",
            "How long operations took, without subscriptions, which last as long as their clients want.",
            ["kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        cost = Histogram(
            f"{PREFIX}_operation_cost_points",
            "What operations were estimated to cost before they ran.",
            ["kind"],
            buckets=_POINTS,
            registry=registry,
        )
        # Looked up once: finding a series by its labels costs as much as counting.
        self.running = {kind: running.labels(kind) for kind in OperationKind}
        self.cost = {kind: cost.labels(kind) for kind in OperationKind}
        self.seconds = {kind: seconds.labels(kind) for kind in OperationKind if kind is not OperationKind.SUBSCRIPTION}
        # All series exist from the start: the first operation of a kind is a step from 0, not a new series at 1.
        self.ended = {(kind, outcome): ended.labels(kind, outcome) for kind in OperationKind for outcome in _OUTCOMES}
        for error in _errors():
            self.errors.labels(error.code)

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        """Count `operation` while it runs and when it has ended."""
        return _Counting(self, operation, outcome)


class _Counting(Observation):
    """The counting of one operation."""

    __slots__ = ("_metrics", "_operation", "_outcome")

    def __init__(self, metrics: OperationMetrics, operation: Operation, outcome: Outcome) -> None:
        self._metrics = metrics
        self._operation = operation
        self._outcome = outcome

    @override
    async def __aenter__(self) -> None:
        metrics, kind = self._metrics, self._operation.kind
        metrics.running[kind].inc()
        metrics.cost[kind].observe(self._operation.cost)

    @override
    async def __aexit__(self, *_: object) -> None:
        self._metrics.running[self._operation.kind].dec()
        self._count_outcome()

    @override
    async def refused(self) -> None:
        self._count_outcome()

    def _count_outcome(self) -> None:
        metrics, kind, codes = self._metrics, self._operation.kind, set(self._outcome.codes)
        ended = "failed" if codes & metrics.failures else "refused" if codes else "ok"
        metrics.ended[kind, ended].inc()
        for code in codes:
            metrics.errors.labels(code).inc()
        if kind is not OperationKind.SUBSCRIPTION:
            metrics.seconds[kind].observe(self._outcome.seconds)


def _errors(of: type[ExecutionMonitorError] = ExecutionMonitorError) -> Iterator[type[ExecutionMonitorError]]:
    """Every class of error that an operation may end with."""
    if of is not SetupError:
        yield of
        for each in of.__subclasses__():
            yield from _errors(each)
