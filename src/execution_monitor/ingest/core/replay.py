"""The replay: run the recorded runs of some files again, now, all at once and N times faster."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from execution_monitor.errors import SetupError
from execution_monitor.ingest.core.files import RejectedFile, read_runs
from execution_monitor.ingest.core.recorded_run import RunDocuments
from execution_monitor.ingest.core.replayed_run import Clock, ReplayedRun, Sleep

# A run mostly sleeps and writes one document at a time, so this many share PyMongo's 100 connections.
_MAX_CONCURRENT = 100


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How many runs were replayed, and which files were left out."""

    completed: int
    rejected: tuple[RejectedFile, ...]

    def describe(self) -> str:
        """Summarise it in one line."""
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
    """Replay the run in each file, all at once, `speed` times faster than it was recorded.

    When this is cancelled, unfinished runs become cancelled executions.

    Raises:
        SetupError: The speed is not a number above 0.
    """
    if not (speed > 0 and math.isfinite(speed)):
        raise SetupError("The speed must be a number above 0.")
    read = [found for _, found in read_runs(paths, tenant=tenant, user=user)]
    runs = [found for found in read if isinstance(found, RunDocuments)]
    slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def replay(run: RunDocuments) -> None:
        async with slots:
            await ReplayedRun(run, speed, clock, sleep).run()

    try:
        async with asyncio.TaskGroup() as group:
            for run in runs:
                group.create_task(replay(run))
    except ExceptionGroup as failures:
        # What stops one run, such as a lost database, stops all; one error about it is enough.
        raise failures.exceptions[0] from failures
    return ReplayReport(len(runs), tuple(found for found in read if isinstance(found, RejectedFile)))
