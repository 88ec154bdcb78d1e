from typing import Any

import pytest

from execution_monitor.asgi.operations import Observers
from tests.graphql.recording_observer import RecordingObserver


@pytest.fixture
def observer(monkeypatch: pytest.MonkeyPatch) -> RecordingObserver:
    """Watches what the server runs; ask for it before `server`."""
    observer = RecordingObserver()

    def watched_by(*observers: Any) -> Observers:
        return Observers(*observers, observer)

    monkeypatch.setattr("execution_monitor.app.Observers", watched_by)
    return observer
