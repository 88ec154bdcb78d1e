"""Statistics of steps: what the steps of some executions add up to, by the name of the step."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from execution_monitor.auth.caller import Caller
from execution_monitor.statistics.examples import Examples
from execution_monitor.statistics.sketches import (
    MICRO,
    Sketch,
    bin_expression,
    micros_expression,
    usable_expression,
)
from execution_monitor.storage.coercion import to_text
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus, Step
from execution_monitor.storage.filters import OneOf, all_of, equals
from execution_monitor.storage.reader import translated_errors
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.snapshots import Snapshot

# The newest executions whose steps are added up: enough for percentiles, and read in some milliseconds.
LATEST = 200

_FAILED = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)


@dataclass(slots=True)
class StepSums:
    """What the steps of one name add up to.

    Attributes:
        count: how many there are.
        failures: how many of them failed or timed out.
        durations: in seconds, of those that have ended.
        cost_micros: what all have cost, in millionths.
        kinds: how many there are of each type.
    """

    name: str
    count: int = 0
    failures: int = 0
    durations: Sketch = field(default_factory=Sketch)
    cost_micros: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])

    @property
    def total_cost(self) -> float:
        """What all have cost."""
        return self.cost_micros / MICRO

    @property
    def kind(self) -> str | None:
        """The type of most of them; None where none has one."""
        return min(self.kinds, key=lambda each: (-self.kinds[each], each), default=None)

    def add(self, row: BsonDocument) -> None:
        """Add steps of one type, status and bin, as a row of `_pipeline` has them."""
        count = row["count"]
        self.count += count
        if row.get("status") in _FAILED:
            self.failures += count
        if row.get("bin") is not None:
            self.durations.add_bins({row["bin"]: count}, row["micros"])
        self.cost_micros += row["cost"]
        kind = to_text(row.get("kind"))
        if kind is not None:
            self.kinds[kind] += count


_DURATION = {"$cond": [{"$in": ["$status", sorted(TERMINAL_STATUSES)]}, usable_expression("$duration"), None]}
# Where a step has no name, its id is shown as its name.
_NAME = {"$cond": [{"$in": [{"$ifNull": ["$step_name", ""]}, [""]]}, "$step_id", "$step_name"]}
_BY_BIN = {
    "_id": {"name": _NAME, "kind": "$step_type", "status": "$status", "bin": bin_expression(_DURATION)},
    "count": {"$sum": 1},
    "micros": {"$sum": micros_expression(_DURATION)},
    "cost": {"$sum": micros_expression(usable_expression("$cost"))},
}
_ROW = {"kind": "$_id.kind", "status": "$_id.status", "bin": "$_id.bin"}
_BY_NAME = {
    "_id": "$_id.name",
    "count": {"$sum": "$count"},
    "ended": {"$sum": {"$cond": [{"$eq": [{"$ifNull": ["$_id.bin", None]}, None]}, 0, "$count"]}},
    "micros": {"$sum": "$micros"},
    "rows": {"$push": {**_ROW, "count": "$count", "micros": "$micros", "cost": "$cost"}},
}
_MEAN = {"$cond": [{"$gt": ["$ended", 0]}, {"$divide": ["$micros", "$ended"]}, None]}


def _pipeline(first: int) -> Sequence[Mapping[str, Any]]:
    """The stages that find the `first` names, the slowest first, with rows of their steps."""
    return (
        {"$group": _BY_BIN},
        {"$group": _BY_NAME},
        {"$project": {"count": 1, "rows": 1, "mean": _MEAN}},
        {"$sort": {"mean": -1, "count": -1, "_id": 1}},
        {"$limit": first},
    )


async def steps_by_name(examples: Examples, caller: Caller, first: int) -> list[StepSums]:
    """The steps of the latest 200 executions that `caller` may see, by name: those with the greatest mean first.

    Raises:
        QueryTimeout: There was no time to search all executions, or to add up the steps of these.
    """
    page = await examples.latest(caller, frozenset({"execution_id"}), LATEST)
    ids = tuple(row["execution_id"] for row in page.rows)
    if not ids:
        return []
    reader, found = examples.executions.reader, dict[str, StepSums]()
    where = all_of(equals("tenant_id", caller.tenant), OneOf("execution_id", ids))
    with translated_errors(Step, where):
        async with Snapshot.opened(reader.database.rows(Step), reader.timeout_ms, examples.answer.read_at) as snapshot:
            async for named in snapshot.aggregate(where.to_mongo(), _pipeline(first), None):
                # Names of several types may be the same text.
                name = to_text(named["_id"]) or ""
                sums = found.setdefault(name, StepSums(name))
                for row in named["rows"]:
                    sums.add(row)
    return list(found.values())
