"""Live updates of the test's database."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database
from tests.live.factories import CURSORS


@pytest.fixture
def live_limits() -> LiveLimits:
    """What `live` may take; a module may override it. Nothing of the test before is looked back at."""
    return LiveLimits(lookback_seconds=0)


@pytest.fixture
async def live(database: Database, mongodb_uri: str, live_limits: LiveLimits) -> AsyncGenerator[Live]:
    """Open live updates over the emptied `database`."""
    async with Live(database, mongodb_uri, CURSORS, live_limits) as live:
        yield live
