from typing import Any

import pytest

from execution_monitor.asgi.operations import Observers
from tests.graphql.recording_observer import Witness


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Witness:
    """Watches what the server runs; ask for it before `server`."""
    witness = Witness()

    def watched_by(*observers: Any) -> Observers:
        return Observers(*observers, witness)

    monkeypatch.setattr("execution_monitor.app.Observers", watched_by)
    return witness
