"""Fixtures of GraphQL."""

from typing import Any

import pytest

from execution_monitor.asgi.operations import Observers
from tests.graphql.recording_observer import RecordingObserver


@pytest.fixture
def observer(monkeypatch: pytest.MonkeyPatch) -> RecordingObserver:
    """Observes all operations of `server`; request it before `server`."""
    observer = RecordingObserver()

    def observers_with(*observers: Any) -> Observers:
        return Observers(*observers, observer)

    monkeypatch.setattr("execution_monitor.app.Observers", observers_with)
    return observer
