"""One recorded run that happens again: from pending to completed, a change at a time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from bson import ObjectId

from execution_monitor.ingest.wfformat.parser import Recorded, Stored
from execution_monitor.storage.documents import Execution, ExecutionStatus, LogEntry, LogLevel, Step, collection_of

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]

# How it ended is not known when it begins.
_KNOWN_LATER = ("started_at", "completed_at", "total_duration", "performance_data")
_KNOWN_LATER_OF_STEPS = ("started_at", "completed_at", "duration", "result")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens, and when: in seconds from the start of the recorded run."""

    seconds: float
    happen: Callable[[], Coroutine[Any, Any, None]]


class ReplayedRun:
    """A run that happens again under an id of its own, `speed` times faster than `recorded`."""

    def __init__(self, recorded: Recorded, speed: float, clock: Clock, sleep: Sleep) -> None:
        own_id = f"{recorded.execution['execution_id']}-{secrets.token_hex(4)}"
        self._execution: Stored = recorded.execution | {"_id": ObjectId(), "execution_id": own_id}
        self._steps: list[Stored] = [step | {"_id": ObjectId(), "execution_id": own_id} for step in recorded.steps]
        self._spans = recorded.spans
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._completed = 0
        self._began = self._now()

    async def run(self) -> None:
        """Go through all that happened; when cancelled meanwhile, leave what is unfinished as cancelled."""
        try:
            await _to_its_end(self._insert())
            await _to_its_end(self._start())
            for moment in self._moments():
                await self._wait_until(moment.seconds)
                await _to_its_end(moment.happen())
            await self._wait_until(self._execution["total_duration"])
            await _to_its_end(self._complete())
        except asyncio.CancelledError:
            await self._cancel()
            raise

    def _moments(self) -> list[Moment]:
        """The start and end of each step, in an order in which none starts before all it waits for have ended.

        Recorded starts have whole seconds and durations do not, so a recording may well say otherwise.
        """
        steps = {step["step_id"]: step for step in self._steps}
        ends: dict[str, float] = {}
        found: list[tuple[tuple[float, int, int], Moment]] = []
        # Parents come first: at one moment, what has no duration ends before what waits for it starts.
        for rank, (step_id, span) in enumerate(self._spans.items()):
            step = steps[step_id]
            start = max([span.start, *(ends[parent] for parent in step["depends_on"])])
            end = ends[step_id] = start + (span.end - span.start)
            found.append(((start, rank, 0), Moment(start, partial(self._start_step, step))))
            found.append(((end, rank, 1), Moment(end, partial(self._complete_step, step))))
        return [moment for _, moment in sorted(found, key=lambda each: each[0])]

    async def _wait_until(self, seconds: float) -> None:
        # From the beginning, not from the last moment: the time that writing takes must not add up.
        passed = (self._clock() - self._began).total_seconds()
        await self._sleep(max(0.0, seconds / self._speed - passed))

    async def _insert(self) -> None:
        steps = [_begin(step, _KNOWN_LATER_OF_STEPS) | {"created": self._began} for step in self._steps]
        await collection_of(Step).insert_many(steps, ordered=False)
        execution = _begin(self._execution, _KNOWN_LATER) | {
            "created": self._began,
            "updated": self._began,
            **self._progress(),
        }
        await collection_of(Execution).insert_one(execution)

    async def _start(self) -> None:
        await self._change({"status": ExecutionStatus.RUNNING.value, "started_at": self._now()})

    async def _start_step(self, step: Stored) -> None:
        step["started_at"] = self._now()
        await _change_step(step, {"status": ExecutionStatus.RUNNING.value, "started_at": step["started_at"]})
        await self._log(step, f"{step['step_name']} started")

    async def _complete_step(self, step: Stored) -> None:
        now = self._now()
        changes = {
            "status": ExecutionStatus.COMPLETED.value,
            "completed_at": now,
            "duration": (now - step["started_at"]).total_seconds(),
            "result": step["result"],
        }
        await _change_step(step, changes)
        self._completed += 1
        await self._change(self._progress())
        await self._log(step, f"{step['step_name']} completed")

    async def _complete(self) -> None:
        await self._end(ExecutionStatus.COMPLETED, {"performance_data": self._execution["performance_data"]})

    async def _cancel(self) -> None:
        unfinished = {"$in": [ExecutionStatus.PENDING.value, ExecutionStatus.RUNNING.value]}
        await collection_of(Step).update_many(
            {
                "tenant_id": self._execution["tenant_id"],
                "execution_id": self._execution["execution_id"],
                "status": unfinished,
            },
            {"$set": {"status": ExecutionStatus.CANCELLED.value, "completed_at": self._now()}, "$inc": {"version": 1}},
        )
        await self._end(ExecutionStatus.CANCELLED, {})

    async def _end(self, status: ExecutionStatus, changes: Stored) -> None:
        now = self._now()
        duration = (now - self._began).total_seconds()
        await self._change({"status": status.value, "completed_at": now, "total_duration": duration, **changes})

    async def _change(self, changes: Stored) -> None:
        await collection_of(Execution).update_one(
            {"_id": self._execution["_id"]}, {"$set": {"updated": self._now(), **changes}, "$inc": {"version": 1}}
        )

    async def _log(self, step: Stored, message: str) -> None:
        await collection_of(LogEntry).insert_one(
            {
                "execution_id": step["execution_id"],
                "tenant_id": step["tenant_id"],
                "timestamp": self._now(),
                "level": LogLevel.INFO.value,
                "message": message,
                "step_id": step["step_id"],
            }
        )

    def _progress(self) -> Stored:
        done, total = self._completed, len(self._steps)
        progress = {"current_step": done, "total_steps": total, "percentage": 100 * done / total}
        return {"progress": progress, "steps_completed": done}

    def _now(self) -> datetime:
        now = self._clock()
        # MongoDB keeps milliseconds; durations must agree with the dates they are between.
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _begin(document: Stored, known_later: Sequence[str]) -> Stored:
    known = {name: value for name, value in document.items() if name not in known_later}
    return known | {"status": ExecutionStatus.PENDING.value}


async def _change_step(step: Stored, changes: Stored) -> None:
    await collection_of(Step).update_one({"_id": step["_id"]}, {"$set": changes, "$inc": {"version": 1}})


async def _to_its_end(change: Coroutine[Any, Any, None]) -> None:
    """Make `change` whole even when cancelled meanwhile, and be cancelled then.

    PyMongo cannot take back a write that it has sent: one let go of might arrive after the run was cancelled.
    """
    task = asyncio.create_task(change)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
