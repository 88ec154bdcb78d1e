"""Misspelt settings: environment variables with our prefix that nothing reads, each a warning in the log."""

import os

import structlog

from execution_monitor.settings import explain_unknown

log = structlog.get_logger()


def warn_of_unknown_settings() -> None:
    """Log a warning for each environment variable that has our prefix and is no setting."""
    for name, advice in explain_unknown(os.environ).items():
        log.warning("unknown_setting", variable=name, advice=advice)
