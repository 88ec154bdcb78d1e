"""Metric families for a `collect` method: what Prometheus reads, made from the numbers of the object that counts them.

A class that counts something derives from prometheus_client's `Collector` and declares its metrics itself. Names are in
base units, get the prefix here, and never change.
"""

from collections.abc import Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX: Final = "execution_monitor"


def counter(name: str, description: str, value: float) -> CounterMetricFamily:
    """A total since the process started; Prometheus adds `_total` to its name."""
    return CounterMetricFamily(f"{PREFIX}_{name}", description, value=value)


def counters_by(label: str, name: str, description: str, values: Mapping[str, float]) -> CounterMetricFamily:
    """Totals since the process started, one for each value of `label`."""
    family = CounterMetricFamily(f"{PREFIX}_{name}", description, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], value)
    return family


def gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    """A value as it is now."""
    return GaugeMetricFamily(f"{PREFIX}_{name}", description, value=value)


def gauges_by(label: str, name: str, description: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Values as they are now, one for each value of `label`."""
    family = GaugeMetricFamily(f"{PREFIX}_{name}", description, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], value)
    return family
