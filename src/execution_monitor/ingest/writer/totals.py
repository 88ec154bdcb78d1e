"""Totals of an execution over its steps, with a clock: the sum of the versions of the steps, which only grows.

There is nothing to drift: whoever has written steps computes the totals anew, and totals with a smaller clock lose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus, Step
from execution_monitor.storage.rows import BsonDocument, Row

_TIMEOUT_MS = 10_000
_EXECUTIONS_AT_ONCE = 500
_ENDED = frozenset(status.value for status in TERMINAL_STATUSES)
_FAILED = (ExecutionStatus.FAILED.value, ExecutionStatus.TIMED_OUT.value)


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of one execution; `steps` is how many it has, `ended` how many of them have ended."""

    clock: int
    steps: int
    ended: int
    completed: int
    failed: int
    cost: float
    tokens: int

    @classmethod
    def of(cls, row: Row) -> "Totals":
        """The totals in a row of the aggregation."""
        return cls(
            clock=row["clock"],
            steps=row["steps"],
            ended=row["ended"],
            completed=row["completed"],
            failed=row["failed"],
            cost=float(row["cost"]),
            tokens=int(row["tokens"]),
        )

    def fields(self) -> BsonDocument:
        """The fields of the execution, by their stored names."""
        return {
            "progress": {
                "current_step": self.ended,
                "total_steps": self.steps,
                "percentage": 100 * self.ended / self.steps,
            },
            "steps_completed": self.completed,
            "steps_failed": self.failed,
            "total_cost": self.cost,
            "tokens_used": self.tokens,
        }


async def read_totals(database: Database, owner: Owner, execution_ids: Sequence[str]) -> Mapping[str, Totals]:
    """The totals of those of the executions that have steps."""
    found: dict[str, Totals] = {}
    for start in range(0, len(execution_ids), _EXECUTIONS_AT_ONCE):
        ids = list(execution_ids[start : start + _EXECUTIONS_AT_ONCE])
        where = {"tenant_id": owner.tenant_id, "execution_id": {"$in": ids}}
        rows = await await_reply(_aggregate(database, where), _TIMEOUT_MS)
        found |= {row["_id"]: Totals.of(row) for row in rows}
    return found


async def _aggregate(database: Database, where: Mapping[str, Any]) -> list[BsonDocument]:
    steps = database.collection(Step)
    cursor = await steps.aggregate([{"$match": where}, {"$group": _GROUP}], maxTimeMS=_TIMEOUT_MS)
    return await cursor.to_list()


def _count(condition: Any) -> BsonDocument:
    return {"$sum": {"$cond": [condition, 1, 0]}}


_GROUP: BsonDocument = {
    "_id": "$execution_id",
    "clock": {"$sum": "$version"},
    "steps": {"$sum": 1},
    "ended": _count({"$in": ["$status", sorted(_ENDED)]}),
    "completed": _count({"$eq": ["$status", ExecutionStatus.COMPLETED.value]}),
    "failed": _count({"$in": ["$status", list(_FAILED)]}),
    "cost": {"$sum": "$cost"},
    "tokens": {"$sum": "$tokens_used"},
}
