"""Writes of the simulator: every change of a generated execution is one transaction, so that none is half visible.

Its executions have the field `simulation` with the seeds that they are generated from. Others are never changed.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pymongo
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from execution_monitor.development.synthetic.run_documents import execution_at, log_entries_between, steps_at
from execution_monitor.development.synthetic.runs import Run
from execution_monitor.storage.documents import (
    TERMINAL_STATUSES,
    Execution,
    ExecutionStatus,
    LogEntry,
    LogLevel,
    Step,
    collection_of,
)
from execution_monitor.storage.rows import BsonDocument

_UNFINISHED = sorted(status.value for status in ExecutionStatus if status not in TERMINAL_STATUSES)
# A cancelled transaction is aborted over the network: so long may that delay the caller that cancels it.
_TIMEOUT_SECONDS = 2
_LOST = "The engine that ran this was stopped"


async def insert_run(run: Run, seeds: list[int]) -> int:
    """Insert the execution as it is created, with its steps; returns its version, also where it is stored already."""
    execution = execution_at(run, 0) | {"simulation": {"seeds": seeds}}
    try:
        async with _transaction() as session:
            await collection_of(Step).insert_many(steps_at(run, 0), session=session)
            if entries := log_entries_between(run, -1, 0):
                await collection_of(LogEntry).insert_many(entries, session=session)
            await collection_of(Execution).insert_one(execution, session=session)
    except DuplicateKeyError:
        # An earlier attempt succeeded, though its reply was lost.
        return await _stored_version(run)
    return 1


async def write_next_version(run: Run, version: int) -> int:
    """Move the execution from `version` to the next; returns the stored version then, 0 if it is deleted or has ended.

    Nothing is written if another version is stored: an earlier attempt succeeded, or another process was faster.
    """
    before, after = run.change_times[version - 1], run.change_times[version]
    steps = [
        UpdateOne(_key(run) | {"step_index": new["step_index"]}, _difference(old, new))
        for old, new in zip(steps_at(run, before), steps_at(run, after), strict=True)
        if old != new
    ]
    entries = [InsertOne(entry) for entry in log_entries_between(run, before, after)]
    change = _difference(execution_at(run, before), execution_at(run, after))
    async with _transaction() as session:
        # First, because its version decides whether the rest may be written at all.
        result = await collection_of(Execution).update_one(
            _key(run) | {"version": version, "status": {"$in": _UNFINISHED}}, change, session=session
        )
        if result.matched_count:
            if steps:
                await collection_of(Step).bulk_write(steps, ordered=False, session=session)
            if entries:
                await collection_of(LogEntry).bulk_write(entries, ordered=False, session=session)
            return version + 1
    return await _stored_version(run)


async def find_unfinished(tenants: list[str], limit: int) -> list[BsonDocument]:
    """At most `limit` unfinished executions of any simulator in `tenants`, the oldest first."""
    return (
        await collection_of(Execution)
        .find(
            {"tenant_id": {"$in": tenants}, "status": {"$in": _UNFINISHED}, "simulation.seeds": {"$exists": True}},
            [
                "execution_id",
                "tenant_id",
                "user_id",
                "workflow_name",
                "created",
                "updated",
                "started_at",
                "version",
                "simulation",
            ],
        )
        .sort("created", 1)
        .limit(limit)
        .to_list()
    )


async def write_timeout(row: BsonDocument, now: datetime) -> None:
    """End an execution that `find_unfinished` returned as timed out, unless it has changed since."""
    key = {"tenant_id": row["tenant_id"], "execution_id": row["execution_id"]}
    error: BsonDocument = {"message": _LOST, "code": "WORKER_LOST", "type": "HeartbeatTimeout", "retryable": True}
    ended: BsonDocument = {
        "status": ExecutionStatus.TIMED_OUT.value,
        "completed_at": now,
        "updated": now,
        "error_details": error,
    }
    if row.get("started_at") is not None:
        ended["total_duration"] = (now - row["started_at"]).total_seconds()
    async with _transaction() as session:
        result = await collection_of(Execution).update_one(
            key | {"version": row["version"], "status": {"$in": _UNFINISHED}},
            {"$set": ended, "$unset": {"status_detail": ""}, "$inc": {"version": 1}},
            session=session,
        )
        if not result.matched_count:
            return
        await collection_of(Step).update_many(
            key | {"status": {"$in": _UNFINISHED}, "started_at": {"$type": "date"}},
            _ended_step(now, error),
            session=session,
        )
        await collection_of(Step).update_many(
            key | {"status": {"$in": _UNFINISHED}},
            {"$set": {"status": ExecutionStatus.CANCELLED.value}, "$inc": {"version": 1}},
            session=session,
        )
        entry = key | {"timestamp": now, "level": LogLevel.CRITICAL.value, "message": _LOST}
        await collection_of(LogEntry).insert_one(entry, session=session)


def _ended_step(now: datetime, error: BsonDocument) -> list[BsonDocument]:
    seconds = {"$divide": [{"$subtract": [now, "$started_at"]}, 1000]}
    return [
        {
            "$set": {
                "status": ExecutionStatus.TIMED_OUT.value,
                "completed_at": now,
                "duration": seconds,
                "error_details": {"$literal": error},
                "version": {"$add": ["$version", 1]},
            }
        }
    ]


def _difference(old: BsonDocument, new: BsonDocument) -> BsonDocument:
    changed = {name: value for name, value in new.items() if name != "version" and old.get(name, ...) != value}
    removed = {name: "" for name in old if name not in new}
    update: BsonDocument = {"$inc": {"version": 1}}
    if changed:
        update["$set"] = changed
    if removed:
        update["$unset"] = removed
    return update


def _key(run: Run) -> dict[str, Any]:
    return {"tenant_id": run.owner.tenant_id, "execution_id": run.execution_id}


async def _stored_version(run: Run) -> int:
    unfinished = _key(run) | {"status": {"$in": _UNFINISHED}}
    found = await collection_of(Execution).find_one(unfinished, {"version": True})
    return 0 if found is None else found["version"]


@asynccontextmanager
async def _transaction() -> AsyncGenerator[AsyncClientSession]:
    client = collection_of(Execution).database.client
    with pymongo.timeout(_TIMEOUT_SECONDS):
        async with (
            client.start_session() as session,
            await session.start_transaction(write_concern=WriteConcern("majority")),
        ):
            yield session
