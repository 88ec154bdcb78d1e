"""Metrics of executions by tenant and workflow: what those of the last day add up to, for Prometheus.

Executions are deleted, moved and corrected, so that none of these numbers only grows: they are gauges, not counters.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.observability.metrics.families import PREFIX
from execution_monitor.statistics.measures import Breakdown, Measure
from execution_monitor.statistics.requests import GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.service import Statistics
from execution_monitor.statistics.sketches import Sketch, value_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import TERMINAL_STATUSES, Execution, ExecutionStatus
from execution_monitor.storage.relative_filters import Within
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

MAX_WORKFLOWS = 200
# Each is a question of its own, and a row of `other`.
MAX_TENANTS = 1_000
OTHER, NO_NAME = "other", ""
_WITHIN_SECONDS = 86_400
# Numbers of a day change little within it; one read takes some 10 ms a tenant.
_OLDEST_SECONDS = 60.0
_TENANTS_MS = 5_000
# Whoever reads on behalf of the metrics: no user's name.
_SUBJECT = "metrics"
_BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0)
_LABELS = ("tenant", "workflow")
_GROUPS = GroupsRequest(GroupField.WORKFLOW_NAME, first=MAX_WORKFLOWS, measures=Measure.DURATION)
_REQUEST = StatisticsRequest(Within("created", _WITHIN_SECONDS), totals=Measure.DURATION, groups=(_GROUPS,))
_ENDED = tuple(sorted(TERMINAL_STATUSES))

# A tenant and a workflow.
Key = tuple[str, str]


@dataclass(eq=False, slots=True)
class ExecutionMetrics(Collector):
    """Reads what a scrape finds too old, behind it: a scrape shows what was read last, and waits for nothing."""

    database: Database
    statistics: Statistics
    _found: Mapping[Key, Breakdown] = field(default_factory=dict[Key, Breakdown])
    _read_at: float | None = None
    _tried_at: float = float("-inf")
    _reading: asyncio.Task[None] | None = None

    @override
    def collect(self) -> Iterator[Metric]:
        """The families, without samples before the first read."""
        self._read_in_time()
        for name, description, statuses in (
            ("started", "Executions that were created within the last 24 hours.", tuple(ExecutionStatus)),
            ("ended", "Those that were created within the last 24 hours and have ended.", _ENDED),
            (
                "failed",
                "Those that were created within the last 24 hours and failed or timed out.",
                (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT),
            ),
            ("running", "Those that were created within the last 24 hours and run.", (ExecutionStatus.RUNNING,)),
        ):
            family = GaugeMetricFamily(f"{PREFIX}_executions_{name}", description, labels=_LABELS)
            for key, breakdown in self._found.items():
                family.add_metric(key, breakdown.count_of(*statuses))
            yield family
        durations = GaugeHistogramMetricFamily(
            f"{PREFIX}_executions_duration_seconds",
            "How long executions took that were created within the last 24 hours and have ended, within 1 %.",
            labels=_LABELS,
        )
        for key, breakdown in self._found.items():
            sketch = breakdown.durations
            durations.add_metric(key, buckets=buckets_of(sketch), gsum_value=sketch.total)
        yield durations
        if self._read_at is not None:
            yield GaugeMetricFamily(
                f"{PREFIX}_executions_age_seconds",
                "Since the numbers of executions were read.",
                value=time.monotonic() - self._read_at,
            )

    async def read(self) -> None:
        """Read all tenants, one after the other."""
        found, complete = dict[Key, Breakdown](), True
        for tenant in await self._tenants():
            caller = Caller(_SUBJECT, tenant, frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))
            try:
                answer = await self.statistics.answer(caller, _REQUEST)
            except ExecutionMonitorError as error:
                log.warning("execution_metrics_not_read", error=type(error).__name__)
                complete = False
                continue
            rest = Breakdown()
            rest.merge(answer.totals)
            for group in answer.groups[_GROUPS]:
                found[tenant, str(group.key or NO_NAME)] = group.breakdown
                subtract(rest, group.breakdown)
            found[tenant, OTHER] = merged([found.get((tenant, OTHER), Breakdown()), rest])
        self._found = most_frequent(found)
        if complete:
            self._read_at = time.monotonic()

    async def close(self) -> None:
        """End what is being read."""
        if self._reading is not None:
            await end_tasks(self._reading)

    def _read_in_time(self) -> None:
        is_reading = self._reading is not None and not self._reading.done()
        if is_reading or time.monotonic() - self._tried_at < _OLDEST_SECONDS:
            return
        self._tried_at = time.monotonic()
        self._reading = asyncio.get_running_loop().create_task(self._read_or_log())

    async def _read_or_log(self) -> None:
        try:
            await self.read()
        except ExecutionMonitorError as error:
            log.warning("execution_metrics_not_read", error=type(error).__name__)
        except Exception:
            log.exception("execution_metrics_failed")
        # From the end, so that reading takes at most a part of the time.
        self._tried_at = time.monotonic()

    async def _tenants(self) -> Sequence[str]:
        names = self.database.collection(Execution).distinct("tenant_id", maxTimeMS=_TENANTS_MS)
        found = await await_reply(names, _TENANTS_MS)
        return sorted(each for each in found if type(each) is str)[:MAX_TENANTS]


def buckets_of(sketch: Sketch) -> list[tuple[str, float]]:
    """The number of values up to each bound, the last one without any."""
    values = [(value_of(number), count) for number, count in sketch.bins.items()]
    counts = [(str(bound), sum(count for value, count in values if value <= bound)) for bound in _BOUNDS]
    return [*counts, ("+Inf", sketch.count)]


def most_frequent(found: Mapping[Key, Breakdown]) -> dict[Key, Breakdown]:
    """The most frequent workflows of all tenants, and for each tenant the sum of the others as `other`."""
    named = [key for key in found if key[1] != OTHER]
    named.sort(key=lambda key: (-found[key].count, key))
    kept = {key: found[key] for key in named[:MAX_WORKFLOWS]}
    for key in named[MAX_WORKFLOWS:]:
        other = key[0], OTHER
        kept[other] = merged([kept.get(other, Breakdown()), found[key]])
    for key, breakdown in found.items():
        if key[1] == OTHER and breakdown.count:
            kept[key] = merged([kept.get(key, Breakdown()), breakdown])
    return kept


def merged(breakdowns: Sequence[Breakdown]) -> Breakdown:
    """What all of them hold together."""
    together = Breakdown()
    for each in breakdowns:
        together.merge(each)
    return together


def subtract(breakdown: Breakdown, part: Breakdown) -> None:
    """Take out of `breakdown` the counts and durations of `part`."""
    for status, measures in part.items():
        left = breakdown.of_status(status)
        left.count -= measures.count
        durations = measures.durations
        left.durations.add_bins({number: -count for number, count in durations.bins.items()}, -durations.micros)
