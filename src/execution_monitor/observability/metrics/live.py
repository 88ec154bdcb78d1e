"""Metrics of live updates, as `execution_monitor.live.stats` declares them."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.live.stats import METRICS, LiveStats
from execution_monitor.observability.metrics.families import PREFIX


class LiveCollector(Collector):
    """Live updates of this process."""

    def __init__(self, stats: LiveStats) -> None:
        self._stats = stats

    @override
    def collect(self) -> Iterator[Metric]:
        """One family for each metric that has a value now."""
        for metric in METRICS:
            value = metric.read(self._stats)
            if value is None:
                continue
            labels = [] if metric.label is None else [metric.label]
            make = CounterMetricFamily if metric.is_total else GaugeMetricFamily
            family = make(f"{PREFIX}_{metric.name}", metric.help, labels=labels)
            samples = {(): value} if isinstance(value, float | int) else {(key,): each for key, each in value.items()}
            for label_values, sample in samples.items():
                family.add_metric(label_values, sample)
            yield family
