"""The registry of a process's metrics, with those of the process itself."""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector

from execution_monitor.observability.metrics.families import PREFIX


def create_registry() -> CollectorRegistry:
    """A registry with the metrics of the process; those of the application are added to it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info(f"{PREFIX}_build", "What runs here.", registry=registry).info(
        {"version": version("execution-monitor"), "python": platform.python_version()}
    )
    return registry
