"""Live statistics of the test's database."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.statistics.live import feed
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.storage.database import Database
from execution_monitor.storage.reader import Reader
from tests.live.factories import CURSORS


@pytest.fixture
async def live(database: Database, mongodb_uri: str) -> AsyncGenerator[Live]:
    """Open live updates over the emptied `database`."""
    async with Live(database, mongodb_uri, CURSORS, LiveLimits(lookback_seconds=0)) as live:
        yield live


@pytest.fixture
async def statistics(database: Database, live: Live, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[LiveStatistics]:
    """Open live statistics, which answer ten times a second: a test sees as many answers as a minute has."""
    monkeypatch.setattr(feed, "SECONDS_BETWEEN_ANSWERS", 0.1)
    async with LiveStatistics(Reader(database, 10_000), live) as statistics:
        yield statistics
