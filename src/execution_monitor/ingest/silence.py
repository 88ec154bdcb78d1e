"""Silence: finds executions and steps that engines reported, of which no end came and nothing more is heard.

Only documents with ingest stamps are found. Time is MongoDB's: `updated`, when a document last changed, against its
present; clocks of engines may be hours off.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.ingest.writer.facts import OutcomeStamp
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import (
    ASSUMED_INDEX,
    SILENT_INDEX,
    TERMINAL_STATUSES,
    UNENDED_STEPS_INDEX,
    Execution,
    Step,
)
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_clock import read_server_time

_TIMEOUT_MS = 20_000
_AT_ONCE = 500
_READ = (
    *("tenant_id", "user_id", "execution_id", "status", "completed_at"),
    *("updated", "last_heartbeat_at", "steps_failed", "ingest"),
)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# What changed longer ago was looked at by earlier sweeps.
_REVIVED_WITHIN = timedelta(days=1)
# Between the look at the clock and the write of an assumed end. A sign of life within it is seen with the next one.
_LONGEST_WRITE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """After how long without a word an end is assumed.

    Attributes:
        execution: of an execution.
        heartbeat: of an execution whose program sends heartbeats.
        trace: of a trace whose root has not come.
        step: of a step, once its execution has ended.
    """

    execution: timedelta = timedelta(days=1)
    heartbeat: timedelta = timedelta(minutes=2)
    trace: timedelta = timedelta(minutes=10)
    step: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Found:
    """An execution of which something has to be assumed, and whose it is.

    Attributes:
        row: as it is stored.
        outcome: what the stamp of its last outcome says.
        steps: its steps without an end; read only where that matters.
    """

    row: BsonDocument
    outcome: OutcomeStamp
    steps: Sequence[BsonDocument] = ()

    @property
    def owner(self) -> tuple[str, str]:
        """The tenant and the user."""
        return self.row["tenant_id"], self.row["user_id"]

    @property
    def is_trace_without_root(self) -> bool:
        """Whether only spans below the root of its trace have come."""
        return "trace" in self.row["ingest"] and self.outcome.attempt == 0


class Silence:
    """Reads what the sweeper has to decide about."""

    def __init__(self, database: Database, patience: Patience) -> None:
        self._database = database
        self._patience = patience

    async def now(self) -> datetime:
        """MongoDB's present."""
        return await read_server_time(self._database)

    async def silent(self, now: datetime) -> AsyncGenerator[Found]:
        """Running executions of which nothing has been heard for too long, the longest silent first."""
        silent_since = now - self._patience.execution
        # A hint to a partial index finds its documents alone, and needs no look at them for what they have in common.
        async for found in self._executions({"updated": {"$lt": silent_since}}, SILENT_INDEX):
            yield found
        soonest = min(self._patience.heartbeat, self._patience.trace)
        beating = {"updated": {"$gte": silent_since, "$lt": now - soonest}, "last_heartbeat_at": {"$gt": _LONG_AGO}}
        async for found in self._executions(beating, SILENT_INDEX):
            if found.row["updated"] < now - self._patience_with(found):
                yield found

    async def revived(self, now: datetime) -> AsyncGenerator[Found]:
        """Executions that were assumed to have ended, and of which something has been heard since."""
        async for found in self._executions({"updated": {"$gt": now - _REVIVED_WITHIN}}, ASSUMED_INDEX):
            assumed = found.row["ingest"]["assumed"]
            has_ended = found.row["status"] in TERMINAL_STATUSES and not found.outcome.is_final
            if has_ended and found.row["updated"] > OutcomeStamp.of(assumed).at + _LONGEST_WRITE:
                yield found

    async def unended(self, now: datetime) -> AsyncGenerator[Found]:
        """Executions that ended a while ago, with the steps of which no end came."""
        by_execution = {"$group": {"_id": {"tenant_id": "$tenant_id", "execution_id": "$execution_id"}}}
        keys = await self._database.collection(Step).aggregate(
            [by_execution], hint=UNENDED_STEPS_INDEX, maxTimeMS=_TIMEOUT_MS
        )
        by_tenant = defaultdict[str, list[str]](list)
        async for key in keys:
            waiting = by_tenant[key["_id"]["tenant_id"]]
            waiting.append(key["_id"]["execution_id"])
            if len(waiting) == _AT_ONCE:
                async for found in self._ended(key["_id"]["tenant_id"], waiting, now):
                    yield found
                waiting.clear()
        for tenant, execution_ids in by_tenant.items():
            if execution_ids:
                async for found in self._ended(tenant, execution_ids, now):
                    yield found

    async def with_steps(self, found: Sequence[Found]) -> list[Found]:
        """`found` with the steps of which no end came."""
        by_tenant = defaultdict[str, list[str]](list)
        for each in found:
            by_tenant[each.row["tenant_id"]].append(each.row["execution_id"])
        steps = defaultdict[tuple[str, str], list[BsonDocument]](list)
        for tenant, execution_ids in by_tenant.items():
            query = {"tenant_id": tenant, "execution_id": {"$in": execution_ids}}
            rows = self._database.collection(Step).find(query, hint=UNENDED_STEPS_INDEX, max_time_ms=_TIMEOUT_MS)
            async for row in rows:
                steps[tenant, row["execution_id"]].append(row)
        return [Found(each.row, each.outcome, steps[each.row["tenant_id"], each.row["execution_id"]]) for each in found]

    def _patience_with(self, found: Found) -> timedelta:
        if found.is_trace_without_root:
            return self._patience.trace
        # Other signs of life come when something happens.
        return self._patience.heartbeat if "beats" in found.row["ingest"] else self._patience.execution

    async def _executions(self, query: Mapping[str, Any], hint: Mapping[str, int] | None) -> AsyncGenerator[Found]:
        sort = {"updated": 1} if hint is not None else None
        rows = self._database.collection(Execution).find(
            query, dict.fromkeys(_READ, 1), sort=sort, hint=hint, max_time_ms=_TIMEOUT_MS
        )
        async for row in rows:
            stamp = row["ingest"].get("outcome")
            yield Found(
                row, OutcomeStamp(1, row["updated"], is_final=False) if stamp is None else OutcomeStamp.of(stamp)
            )

    async def _ended(self, tenant: str, execution_ids: Sequence[str], now: datetime) -> AsyncGenerator[Found]:
        query = {
            "tenant_id": tenant,
            "execution_id": {"$in": list(execution_ids)},
            "status": {"$in": sorted(TERMINAL_STATUSES)},
            "ingest": {"$exists": True},
            "updated": {"$lt": now - self._patience.step},
        }
        async for found in self._executions(query, None):
            yield found
