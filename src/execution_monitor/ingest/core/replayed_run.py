"""One replayed run: write its documents again, from pending to completed, one change at a time."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from bson import ObjectId

from execution_monitor.ingest.core.recorded_run import RunDocuments
from execution_monitor.storage.documents import Execution, ExecutionStatus, LogEntry, LogLevel, Step, collection_of
from execution_monitor.storage.rows import BsonDocument

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]

# These are not known when a run begins.
_KNOWN_LATER = ("started_at", "completed_at", "total_duration", "performance_data")
_KNOWN_LATER_OF_STEPS = ("started_at", "completed_at", "duration", "result")


@dataclass(frozen=True, slots=True)
class TimedChange:
    """A change to the documents, and its time in seconds from the start of the recorded run."""

    seconds: float
    apply: Callable[[], Coroutine[Any, Any, None]]


class ReplayedRun:
    """A run that is replayed under an id of its own, `speed` times faster than it was recorded."""

    def __init__(self, run: RunDocuments, speed: float, clock: Clock, sleep: Sleep) -> None:
        own_id = f"{run.execution['execution_id']}-{secrets.token_hex(4)}"
        self._execution: BsonDocument = run.execution | {"_id": ObjectId(), "execution_id": own_id}
        self._steps: list[BsonDocument] = [step | {"_id": ObjectId(), "execution_id": own_id} for step in run.steps]
        self._spans = run.spans
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._completed = 0
        self._began = self._now()

    async def run(self) -> None:
        """Apply all changes at their times; when this is cancelled, mark what is unfinished as cancelled."""
        try:
            await _finish(self._insert())
            await _finish(self._start())
            for change in self._changes():
                await self._wait_until(change.seconds)
                await _finish(change.apply())
            await self._wait_until(self._execution["total_duration"])
            await _finish(self._complete_execution())
        except asyncio.CancelledError:
            await self._cancel()
            raise

    def _changes(self) -> list[TimedChange]:
        """The start and end of each step, in an order in which none starts before its parents have ended.

        Recorded starts have whole seconds and durations do not, so a recording may have another order.
        """
        steps = {step["step_id"]: step for step in self._steps}
        ends: dict[str, float] = {}
        found: list[tuple[tuple[float, int, int], TimedChange]] = []
        # Parents come first: at the same time, a step without duration ends before its children start.
        for rank, (step_id, span) in enumerate(self._spans.items()):
            step = steps[step_id]
            start = max([span.start, *(ends[parent] for parent in step["depends_on"])])
            end = ends[step_id] = start + (span.end - span.start)
            found.append(((start, rank, 0), TimedChange(start, partial(self._start_step, step))))
            found.append(((end, rank, 1), TimedChange(end, partial(self._complete_step, step))))
        return [change for _, change in sorted(found, key=lambda each: each[0])]

    async def _wait_until(self, seconds: float) -> None:
        # From the start, not from the last change: the time that writes take must not add up.
        passed = (self._clock() - self._began).total_seconds()
        await self._sleep(max(0.0, seconds / self._speed - passed))

    async def _insert(self) -> None:
        steps = [_to_pending(step, _KNOWN_LATER_OF_STEPS) | {"created": self._began} for step in self._steps]
        await collection_of(Step).insert_many(steps, ordered=False)
        execution = _to_pending(self._execution, _KNOWN_LATER) | {
            "created": self._began,
            "updated": self._began,
            **self._progress(),
        }
        await collection_of(Execution).insert_one(execution)

    async def _start(self) -> None:
        await self._change({"status": ExecutionStatus.RUNNING.value, "started_at": self._now()})

    async def _start_step(self, step: BsonDocument) -> None:
        step["started_at"] = self._now()
        await _change_step(step, {"status": ExecutionStatus.RUNNING.value, "started_at": step["started_at"]})
        await self._log(step, f"{step['step_name']} started")

    async def _complete_step(self, step: BsonDocument) -> None:
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

    async def _complete_execution(self) -> None:
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

    async def _end(self, status: ExecutionStatus, changes: BsonDocument) -> None:
        now = self._now()
        duration = (now - self._began).total_seconds()
        await self._change({"status": status.value, "completed_at": now, "total_duration": duration, **changes})

    async def _change(self, changes: BsonDocument) -> None:
        await collection_of(Execution).update_one(
            {"_id": self._execution["_id"]}, {"$set": {"updated": self._now(), **changes}, "$inc": {"version": 1}}
        )

    async def _log(self, step: BsonDocument, message: str) -> None:
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

    def _progress(self) -> BsonDocument:
        done, total = self._completed, len(self._steps)
        progress = {"current_step": done, "total_steps": total, "percentage": 100 * done / total}
        return {"progress": progress, "steps_completed": done}

    def _now(self) -> datetime:
        now = self._clock()
        # MongoDB keeps milliseconds; durations must agree with the dates they are between.
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _to_pending(document: BsonDocument, known_later: Sequence[str]) -> BsonDocument:
    known = {name: value for name, value in document.items() if name not in known_later}
    return known | {"status": ExecutionStatus.PENDING.value}


async def _change_step(step: BsonDocument, changes: BsonDocument) -> None:
    await collection_of(Step).update_one({"_id": step["_id"]}, {"$set": changes, "$inc": {"version": 1}})


async def _finish(change: Coroutine[Any, Any, None]) -> None:
    """Await `change` to its end even if this is cancelled meanwhile, and be cancelled then.

    PyMongo cannot revoke a write that it has sent: an abandoned one might arrive after the run was cancelled.
    """
    task = asyncio.create_task(change)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
