"""Recorded runs that happen again, now: the same steps in the same order, N times faster."""

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import ObjectId

from execution_monitor.errors import SetupError
from execution_monitor.ingest.files import Rejected, read_runs
from execution_monitor.ingest.recorded import Recorded, Stored, spans_of, to_documents
from execution_monitor.ingest.wfformat import RecordedRun
from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.documents import Execution, ExecutionStatus, LogEntry, LogLevel, Step

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]

# A run is one task that mostly sleeps; what they write together stays far below what one connection carries.
_AT_ONCE = 100

# Fields that say how a run ended, which a run that begins does not know.
_LATER = ("started_at", "completed_at", "total_duration", "performance_data")
_LATER_OF_STEPS = ("started_at", "completed_at", "duration", "result")


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
    read = list(read_runs(paths))
    runs = [run for _, run in read if isinstance(run, RecordedRun)]
    room = asyncio.Semaphore(_AT_ONCE)

    async def replay(run: RecordedRun) -> None:
        async with room:
            await Replay(run, tenant, user, speed, clock, sleep).run()

    async with asyncio.TaskGroup() as group:
        for run in runs:
            group.create_task(replay(run))
    return ReplayReport(len(runs), tuple(run for _, run in read if isinstance(run, Rejected)))


@dataclass
class Replay:
    """One run that happens again."""

    recorded_run: RecordedRun
    tenant: str
    user: str
    speed: float
    clock: Clock
    sleep: Sleep
    _ends: Recorded = field(init=False)
    _done: int = field(init=False, default=0)
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._ends = to_documents(self.recorded_run, tenant=self.tenant, user=self.user)
        execution_id = f"{self._ends.execution['execution_id']}-{secrets.token_hex(4)}"
        for document in (self._ends.execution, *self._ends.steps):
            document |= {"_id": ObjectId(), "execution_id": execution_id}

    async def run(self) -> None:
        """Go through all that happened."""
        self._began = self._now()
        await self._insert()
        try:
            elapsed = 0.0
            await self._start()
            for moment, happen in self._moments():
                await self.sleep(max(0.0, moment - elapsed) / self.speed)
                elapsed = max(elapsed, moment)
                await happen()
            await self._complete()
        except asyncio.CancelledError:
            await self._cancel()
            raise

    def _moments(self) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        """What happens when, in seconds of the recording; at one moment ends come before starts."""
        spans = spans_of(self.recorded_run)
        moments: list[tuple[float, int, int, Callable[[], Awaitable[None]]]] = []
        for index, step in enumerate(self._ends.steps):
            span = spans[step["step_id"]]
            # A step without duration still starts before it ends.
            ends_at_once = int(span.end == span.start)
            moments.append((span.start, 1, index, lambda step=step: self._start_step(step)))
            moments.append((span.end, 2 * ends_at_once, index, lambda step=step: self._complete_step(step)))
        moments.append((self.recorded_run.workflow.execution.makespan_in_seconds, 3, 0, _nothing))
        return [(moment, happen) for moment, _, _, happen in self._in_order(moments)]

    @staticmethod
    def _in_order(moments: list[tuple[float, int, int, Any]]) -> list[tuple[float, int, int, Any]]:
        return sorted(moments, key=lambda each: each[:3])

    async def _insert(self) -> None:
        steps = [_begin(step, _LATER_OF_STEPS) | {"created": self._began} for step in self._ends.steps]
        await collection_of(Step).insert_many(steps, ordered=False)
        progress = {"current_step": 0, "total_steps": len(steps), "percentage": 0.0}
        execution = _begin(self._ends.execution, _LATER) | {
            "created": self._began,
            "updated": self._began,
            "progress": progress,
            "steps_completed": 0,
        }
        await collection_of(Execution).insert_one(execution)

    async def _start(self) -> None:
        await self._change({"status": ExecutionStatus.RUNNING.value, "started_at": self._now()})

    async def _start_step(self, step: Stored) -> None:
        now = self._now()
        await self._change_step(step, {"status": ExecutionStatus.RUNNING.value, "started_at": now})
        step["started_at"] = now
        await self._log(step, f"{step['step_name']} started")

    async def _complete_step(self, step: Stored) -> None:
        now = self._now()
        changes = {
            "status": ExecutionStatus.COMPLETED.value,
            "completed_at": now,
            "duration": (now - step["started_at"]).total_seconds(),
            "result": step["result"],
        }
        await self._change_step(step, changes)
        self._done += 1
        total = len(self._ends.steps)
        progress = {"current_step": self._done, "total_steps": total, "percentage": 100 * self._done / total}
        await self._change({"progress": progress, "steps_completed": self._done})
        await self._log(step, f"{step['step_name']} completed")

    async def _complete(self) -> None:
        await self._end(ExecutionStatus.COMPLETED, {"performance_data": self._ends.execution["performance_data"]})

    async def _cancel(self) -> None:
        unfinished = {"$in": [ExecutionStatus.PENDING.value, ExecutionStatus.RUNNING.value]}
        await collection_of(Step).update_many(
            {"tenant_id": self.tenant, "execution_id": self._ends.execution["execution_id"], "status": unfinished},
            {"$set": {"status": ExecutionStatus.CANCELLED.value, "completed_at": self._now()}, "$inc": {"version": 1}},
        )
        await self._end(ExecutionStatus.CANCELLED, {})

    async def _end(self, status: ExecutionStatus, changes: Stored) -> None:
        now = self._now()
        duration = (now - self._began).total_seconds()
        await self._change({"status": status.value, "completed_at": now, "total_duration": duration, **changes})

    async def _change(self, changes: Stored) -> None:
        await collection_of(Execution).update_one(
            {"_id": self._ends.execution["_id"]}, {"$set": {"updated": self._now(), **changes}, "$inc": {"version": 1}}
        )

    async def _change_step(self, step: Stored, changes: Stored) -> None:
        await collection_of(Step).update_one({"_id": step["_id"]}, {"$set": changes, "$inc": {"version": 1}})

    async def _log(self, step: Stored, message: str) -> None:
        await collection_of(LogEntry).insert_one(
            {
                "execution_id": step["execution_id"],
                "tenant_id": self.tenant,
                "timestamp": self._now(),
                "level": LogLevel.INFO.value,
                "message": message,
                "step_id": step["step_id"],
            }
        )

    def _now(self) -> datetime:
        now = self.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _begin(document: Stored, later: Sequence[str]) -> Stored:
    known = {name: value for name, value in document.items() if name not in later}
    return known | {"status": ExecutionStatus.PENDING.value}


async def _nothing() -> None:
    """Let the time of the recording pass."""
