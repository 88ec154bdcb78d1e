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
        self._running = Gauge(
            f"{PREFIX}_operations_in_progress", "Operations that run now.", ["kind"], registry=registry
        )
        self._ended = Counter(
            f"{PREFIX}_operations",
            "Operations that ended: without an error (ok), with an error of the caller (refused) or of ours (failed).",
            ["kind", "outcome"],
            registry=registry,
        )
        self._errors = Counter(
            f"{PREFIX}_operation_errors", "Operations that ended with this code.", ["code"], registry=registry
        )
        self._seconds = Histogram(
            f"{PREFIX}_operation_duration_seconds",
            "How long operations took, without subscriptions, which last as long as their clients want.",
            ["kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._cost = Histogram(
            f"{PREFIX}_operation_cost_points",
            "What operations were estimated to cost before they ran.",
            ["kind"],
            buckets=_POINTS,
            registry=registry,
        )
        self._failures = frozenset(error.code for error in _errors() if error.status >= _FIRST_SERVER_ERROR)
        # Looked up once: finding a series by its labels costs as much as counting.
        self._running_of = {kind: self._running.labels(kind) for kind in OperationKind}
        self._cost_of = {kind: self._cost.labels(kind) for kind in OperationKind}
        self._seconds_of = {
            kind: self._seconds.labels(kind) for kind in OperationKind if kind is not OperationKind.SUBSCRIPTION
        }
        # All series exist from the start: the first operation of a kind is a step from 0, not a new series at 1.
        self._ended_of = {
            (kind, outcome): self._ended.labels(kind, outcome) for kind in OperationKind for outcome in _OUTCOMES
        }
        for error in _errors():
            self._errors.labels(error.code)

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        """Count `operation` while it runs and when it has ended."""
        return _Counting(self, operation, outcome)

    def count_start(self, operation: Operation) -> None:
        """Count an operation that runs."""
        self._running_of[operation.kind].inc()
        self._cost_of[operation.kind].observe(operation.cost)

    def count_stop(self, operation: Operation) -> None:
        """Count an operation that runs no longer."""
        self._running_of[operation.kind].dec()

    def count_outcome(self, operation: Operation, outcome: Outcome) -> None:
        """Count how an operation ended."""
        kind, codes = operation.kind, set(outcome.codes)
        ended = "failed" if codes & self._failures else "refused" if codes else "ok"
        self._ended_of[kind, ended].inc()
        for code in codes:
            self._errors.labels(code).inc()
        if kind is not OperationKind.SUBSCRIPTION:
            self._seconds_of[kind].observe(outcome.seconds)


class _Counting(Observation):
    """The counting of one operation."""

    __slots__ = ("_metrics", "_operation", "_outcome")

    def __init__(self, metrics: OperationMetrics, operation: Operation, outcome: Outcome) -> None:
        self._metrics = metrics
        self._operation = operation
        self._outcome = outcome

    @override
    async def __aenter__(self) -> None:
        self._metrics.count_start(self._operation)

    @override
    async def __aexit__(self, *_: object) -> None:
        self._metrics.count_stop(self._operation)
        self._metrics.count_outcome(self._operation, self._outcome)

    @override
    async def refused(self) -> None:
        self._metrics.count_outcome(self._operation, self._outcome)


def _errors(of: type[ExecutionMonitorError] = ExecutionMonitorError) -> Iterator[type[ExecutionMonitorError]]:
    """Every class of error that an operation may end with."""
    if of is not SetupError:
        yield of
        for each in of.__subclasses__():
            yield from _errors(each)
