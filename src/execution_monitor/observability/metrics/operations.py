"""Metrics of operations: every transport's, as observers see them."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.errors import ExecutionMonitorError, SetupError
from execution_monitor.observability.metrics.families import PREFIX

# From the fastest page to the longest query that MongoDB is given.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_POINTS = (1, 10, 100, 1_000, 10_000, 100_000)
_FIRST_OF_SERVER = 500
_OUTCOMES = ("ok", "refused", "failed")


class OperationMetrics:
    """Counts operations by kind and outcome, also those that other observers refuse before it sees them begin."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._begun: set[int] = set()
        self._running = Gauge(
            f"{PREFIX}_operations_in_progress", "Operations that run now.", ["kind"], registry=registry
        )
        self._ended = Counter(
            f"{PREFIX}_operations",
            "Operations that ended: well (ok), by a mistake of the caller (refused), by a failure of ours (failed).",
            ["kind", "outcome"],
            registry=registry,
        )
        self._errors = Counter(
            f"{PREFIX}_operation_errors", "Operations that ended with this code.", ["code"], registry=registry
        )
        self._seconds = Histogram(
            f"{PREFIX}_operation_duration_seconds",
            "How long operations took; subscriptions, which last as long as their clients want, are left out.",
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
        self._failures = frozenset(error.code for error in _errors() if error.status >= _FIRST_OF_SERVER)
        # Looked up once: a look-up of labels costs as much as what is counted.
        self._running_of = {kind: self._running.labels(kind) for kind in OperationKind}
        self._cost_of = {kind: self._cost.labels(kind) for kind in OperationKind}
        self._seconds_of = {
            kind: self._seconds.labels(kind) for kind in OperationKind if kind is not OperationKind.SUBSCRIPTION
        }
        # So that the first of a kind is a step from 0, and not a series that begins at 1.
        self._ended_of = {
            (kind, outcome): self._ended.labels(kind, outcome)
            for kind in OperationKind
            for outcome in ("ok", "refused", "failed")
        }
        for error in _errors():
            self._errors.labels(error.code)

    async def begin(self, operation: Operation) -> None:
        """Count one that runs."""
        # An operation is itself from its begin to its end; others may be equal to it.
        self._begun.add(id(operation))
        self._running_of[operation.kind].inc()
        self._cost_of[operation.kind].observe(operation.cost)

    async def end(self, operation: Operation, outcome: Outcome) -> None:
        """Count one that ended, and how."""
        kind, codes = operation.kind, set(outcome.codes)
        if id(operation) in self._begun:
            self._begun.remove(id(operation))
            self._running_of[kind].dec()
        ended = "failed" if codes & self._failures else "refused" if codes else "ok"
        self._ended_of[kind, ended].inc()
        for code in codes:
            self._errors.labels(code).inc()
        if kind is not OperationKind.SUBSCRIPTION:
            self._seconds_of[kind].observe(outcome.seconds)


def _errors(of: type[ExecutionMonitorError] = ExecutionMonitorError) -> Iterator[type[ExecutionMonitorError]]:
    """Every error that an operation may end with."""
    if of is not SetupError:
        yield of
        for each in of.__subclasses__():
            yield from _errors(each)
