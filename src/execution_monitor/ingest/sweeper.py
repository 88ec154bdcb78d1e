"""The sweeper: assumes ends that engines never report, and takes them back when something is heard again.

One process of a cluster does it at a time. An assumed end is a report like any other, which a later sign of life, or
the real end whenever that was, undoes by itself; so it does no harm where two sweep at once, or one is killed.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError
from typing_extensions import override

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.ingest.service import Ingest
from execution_monitor.ingest.silence import Found, Patience, Silence
from execution_monitor.ingest.writer.facts import Facts, OutcomeStamp
from execution_monitor.observability.metrics.families import counters_by
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.leases import Lease
from execution_monitor.storage.mongodb_errors import explain

log = structlog.get_logger()

SECONDS_BETWEEN = 30.0
_SECONDS_UNTIL_USABLE = 1.0

_AT_ONCE = 200
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_A_MOMENT = timedelta(milliseconds=1)
_NO_END = "No end was reported."
_NO_START = "It had not started when the execution ended."


class Sweeper(Collector):
    """Sweeps every 30 seconds while it has the lease.

    Attributes:
        swept: how many executions were given an end, or taken it back, since the process started, by what was done.
    """

    def __init__(self, database: Database, ingest: Ingest, patience: Patience) -> None:
        self.swept: Counter[str] = Counter({each.name: 0 for each in _ACTIONS})
        self._database = database
        self._silence = Silence(database, patience)
        self._ingest = ingest
        self._lease = Lease(database, "ingest_sweeper")

    async def run(self) -> None:
        """Sweep until cancelled."""
        await self._lease.run(self._sweep_on)

    async def sweep(self) -> Counter[str]:
        """Assume the ends that are due now; returns of how many executions, by what was done.

        Raises:
            PyMongoError, ExecutionMonitorError: the database or the writer did not do it; a part may be done.
        """
        done = Counter[str]()
        for action in _ACTIONS:
            now = await self._silence.now()
            async for batch in _batches(action.find(self._silence, now)):
                done[action.name] += await self._store(action, batch, now)
        self.swept += done
        if done.total():
            log.info("ingest_swept", **done)
        return done

    @override
    def collect(self) -> Iterator[Metric]:
        """How many executions were given an end, or taken it back."""
        help_text = (
            "Executions of engines whose end was assumed, or taken back, because nothing or something was heard."
        )
        yield counters_by("kind", "ingest_swept_executions", help_text, self.swept)

    async def _sweep_on(self) -> None:
        while True:
            try:
                await self.sweep()
            except (PyMongoError, ExecutionMonitorError) as error:
                if not self._database.is_usable:
                    # That is logged elsewhere. On a first start the indexes by which it looks are still being made.
                    await asyncio.sleep(_SECONDS_UNTIL_USABLE)
                    continue
                reason = explain(error) if isinstance(error, PyMongoError) else error.message
                log.warning("ingest_not_swept", reason=reason)
            await asyncio.sleep(SECONDS_BETWEEN)

    async def _store(self, action: "_Action", batch: Sequence[Found], now: datetime) -> int:
        by_owner = defaultdict[tuple[str, str], Facts](self._ingest.begin)
        for found in await self._silence.with_steps(batch) if action.ends_steps else batch:
            action.report(by_owner[found.owner], found, now)
        changed = 0
        for (tenant, user), facts in by_owner.items():
            # As its owner's program would have reported it.
            owner = Caller(user, tenant, frozenset({Scope.EXECUTIONS_WRITE}))
            changed += len((await self._ingest.store(owner, facts)).changed)
        return changed


@dataclass(frozen=True, slots=True)
class _Action:
    """What is done with which executions."""

    name: str
    find: Callable[[Silence, datetime], AsyncIterator[Found]]
    report: Callable[[Facts, Found, datetime], None]
    ends_steps: bool = False


def _restore(facts: Facts, found: Found, _: datetime) -> None:
    execution = facts.execution(found.row["execution_id"])
    execution.outcome(ExecutionStatus.RUNNING, at=found.outcome.at + _A_MOMENT, attempt=found.outcome.attempt)


def _end(facts: Facts, found: Found, now: datetime) -> None:
    """Report the end of an execution and of its steps, just after what was last heard of them."""
    row, execution = found.row, facts.execution(found.row["execution_id"])
    if found.is_trace_without_root:
        status = ExecutionStatus.FAILED if row.get("steps_failed") else ExecutionStatus.COMPLETED
        completed_at = found.outcome.at
        detail = "The end of its trace was not reported."
    else:
        status = ExecutionStatus.TIMED_OUT
        completed_at = row.get("last_heartbeat_at") or row["updated"]
        detail = f"No word since {row['updated']:%Y-%m-%d %H:%M:%S} UTC."
    execution.outcome(
        status,
        at=found.outcome.at + _A_MOMENT,
        attempt=found.outcome.attempt,
        completed_at=completed_at,
        detail=detail,
        is_assumed=True,
    )
    execution.set("assumed", {}, at=now)
    # A process that was killed between a write of steps and that of their totals may have been the last to write.
    facts.recounted.add(row["execution_id"])
    _end_steps(facts, found, completed_at)


def _end_steps(facts: Facts, found: Found, completed_at: datetime | None) -> None:
    for row in found.steps:
        stamp = row["ingest"].get("outcome")
        # A step without a status is pending since whenever.
        outcome = OutcomeStamp(1, _LONG_AGO, is_final=False) if stamp is None else OutcomeStamp.of(stamp)
        has_started = row.get("status") != ExecutionStatus.PENDING
        facts.step(row["execution_id"], row["step_id"]).outcome(
            ExecutionStatus.CANCELLED,
            at=outcome.at + _A_MOMENT,
            attempt=outcome.attempt,
            completed_at=completed_at if has_started else None,
            error={"message": _NO_END if has_started else _NO_START},
            is_assumed=True,
        )


def _end_only_steps(facts: Facts, found: Found, _: datetime) -> None:
    _end_steps(facts, found, found.row.get("completed_at"))


_ACTIONS = (
    _Action("restored", Silence.revived, _restore),
    _Action("ended", Silence.silent, _end, ends_steps=True),
    _Action("steps_ended", Silence.unended, _end_only_steps, ends_steps=True),
)


async def _batches(found: AsyncIterator[Found]) -> AsyncGenerator[list[Found]]:
    batch: list[Found] = []
    async for each in found:
        batch.append(each)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
