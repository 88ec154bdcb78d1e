"""The services that routes are given, without those that a test does not need."""

from typing import Any

from execution_monitor.asgi.operations import Observers
from execution_monitor.services import RequestServices


def request_services(**needed: Any) -> RequestServices:
    """The services that are `needed`; all others are missing, and responses may have a megabyte."""
    defaults: dict[str, Any] = {
        "admit": None,
        "observers": Observers(),
        "refuse_exhausted": None,
        "streams": None,
        "monitor": None,
        "statistics": None,
        "live": None,
        "live_statistics": None,
        "ingest": None,
        "access_keys": None,
        "alerting": None,
        "deliveries": None,
        "max_response_bytes": 2**20,
        "export_rows": 100,
    }
    return RequestServices(**{**defaults, **needed})
