"""Totals of an execution over its steps: how many ended and failed, what they cost, how many tokens they used."""

import math
from collections.abc import Collection, Iterable
from typing import Any

from execution_monitor.ingest.writer.pipelines import CLOCK
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus, Step
from execution_monitor.storage.rows import BsonDocument

_ENDED = [status.value for status in TERMINAL_STATUSES]
_BY_EXECUTION = {"tenant_id": 1, "execution_id": 1, "step_index": 1, "_id": 1}


async def read_totals(database: Database, tenant: str, execution_ids: Collection[str]) -> dict[str, BsonDocument]:
    """The totals of each of these executions that has steps, as one statement about all of its steps.

    The clock is the sum of the versions of the steps. Each change of a step makes it greater, so that of two
    statements the later one has the greater clock, whoever made it.
    """
    if not execution_ids:
        return {}

    def count(*statuses: str) -> BsonDocument:
        return {"$sum": {"$cond": [{"$in": ["$status", list(statuses)]}, 1, 0]}}

    pipeline = [
        {"$match": {"tenant_id": tenant, "execution_id": {"$in": list(execution_ids)}}},
        {
            "$group": {
                "_id": "$execution_id",
                "clock": {"$sum": "$version"},
                "steps": {"$sum": 1},
                "ended": count(*_ENDED),
                "completed": count(ExecutionStatus.COMPLETED),
                "failed": count(ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT),
                "cost": {"$sum": "$cost"},
                "tokens": {"$sum": "$tokens_used"},
            }
        },
    ]
    cursor = await database.collection(Step).aggregate(pipeline, hint=_BY_EXECUTION)
    return {row["_id"]: _totals(row) for row in await cursor.to_list()}


def add_up(steps: Iterable[BsonDocument]) -> BsonDocument:
    """As `read_totals`, of the steps of one execution as they are first stored."""
    found: dict[str, Any] = dict.fromkeys(("clock", "steps", "ended", "completed", "failed", "cost", "tokens"), 0)
    costs: list[float] = []
    for step in steps:
        status = step["status"]
        found["clock"] += step["version"]
        found["steps"] += 1
        found["ended"] += status in _ENDED
        found["completed"] += status == ExecutionStatus.COMPLETED
        found["failed"] += status in (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)
        costs.append(step.get("cost", 0))
        found["tokens"] += step.get("tokens_used", 0)
    # Exact, as MongoDB's sum is, whatever the order.
    found["cost"] = math.fsum(costs)
    return _totals(found)


def _totals(found: BsonDocument) -> BsonDocument:
    ended, steps = found["ended"], found["steps"]
    return {
        "steps_completed": found["completed"],
        "steps_failed": found["failed"],
        "progress": {"current_step": ended, "total_steps": steps, "percentage": 100.0 * ended / steps},
        "total_cost": float(found["cost"]),
        "tokens_used": found["tokens"],
        CLOCK: found["clock"],
    }
