"""Fixtures of GraphQL."""

from typing import Any

import pytest

from execution_monitor.asgi.operations import Observers
from tests.graphql.recording_observer import RecordingObserver


@pytest.fixture
def observer(monkeypatch: pytest.MonkeyPatch) -> RecordingObserver:
    """Observes what the server runs; request it before `server`."""
    observer = RecordingObserver()

    def observed_by(*observers: Any) -> Observers:
        return Observers(*observers, observer)

    monkeypatch.setattr("execution_monitor.services.Observers", observed_by)
    return observer
