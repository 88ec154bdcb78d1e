"""Live updates of the test's database."""

import gc
import warnings
from collections.abc import AsyncGenerator, Generator

import pytest

from execution_monitor.monitoring.live.live import Live, LiveLimits
from execution_monitor.storage.database import Database
from tests.monitoring.live.making import CURSORS


@pytest.fixture(autouse=True)
def _forgive_lost_sockets() -> Generator[None]:
    # PyMongo loses the socket of an attempt to connect that is cut off by closing the client.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def live_limits() -> LiveLimits:
    """What `live` may take; a module may override it. Nothing of the test before is looked back at."""
    return LiveLimits(lookback_seconds=0)


@pytest.fixture
async def live(database: Database, mongodb_uri: str, live_limits: LiveLimits) -> AsyncGenerator[Live]:
    """Open live updates over the emptied `database`."""
    async with Live(database, mongodb_uri, CURSORS, live_limits) as live:
        yield live
