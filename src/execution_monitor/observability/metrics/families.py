"""Metrics that are read when they are asked for: one name, one sentence, one value."""

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX = "execution_monitor"


def counter(name: str, tells: str, value: float) -> CounterMetricFamily:
    """A total since the process started; `_total` is added to its name."""
    return CounterMetricFamily(f"{PREFIX}_{name}", tells, value=value)


def gauge(name: str, tells: str, value: float) -> GaugeMetricFamily:
    """A value as it is now."""
    return GaugeMetricFamily(f"{PREFIX}_{name}", tells, value=value)
