"""Files of recorded runs that happen again, now, side by side and N times faster."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from execution_monitor.errors import SetupError
from execution_monitor.ingest.core.files import Rejected, read_runs
from execution_monitor.ingest.core.replayed_run import Clock, ReplayedRun, Sleep
from execution_monitor.ingest.wfformat.parser import Recorded

# A run mostly sleeps, and writes one thing at a time: so many keep PyMongo's 100 connections from running out.
_AT_ONCE = 100


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What happened again."""

    completed: int
    rejected: tuple[Rejected, ...]

    def describe(self) -> str:
        """What became of them in a line."""
        return f"{self.completed:,} replayed, {len(self.rejected):,} rejected."


async def replay_files(  # noqa: PLR0913 - clock and sleep are for tests
    paths: Sequence[Path],
    *,
    tenant: str,
    user: str,
    speed: float,
    clock: Clock = _utc_now,
    sleep: Sleep = asyncio.sleep,
) -> ReplayReport:
    """Let the run in each file happen again, all at once, `speed` times faster than it did.

    Whoever cancels it finds what was unfinished cancelled.
    """
    if not (speed > 0 and math.isfinite(speed)):
        raise SetupError("The speed must be a number above 0.")
    read = [found for _, found in read_runs(paths, tenant=tenant, user=user)]
    runs = [found for found in read if isinstance(found, Recorded)]
    room = asyncio.Semaphore(_AT_ONCE)

    async def replay(recorded: Recorded) -> None:
        async with room:
            await ReplayedRun(recorded, speed, clock, sleep).run()

    try:
        async with asyncio.TaskGroup() as group:
            for recorded in runs:
                group.create_task(replay(recorded))
    except ExceptionGroup as failures:
        # What stops one, such as a database that is gone, stops all; one sentence about it is enough.
        raise failures.exceptions[0] from failures
    return ReplayReport(len(runs), tuple(found for found in read if isinstance(found, Rejected)))
