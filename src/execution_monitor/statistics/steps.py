"""Statistics of steps: what the steps of some executions add up to, by the name of the step."""

from collections import Counter
from collections.abc import Sequence
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
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.rows import BsonDocument

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
        """Add a row of `_PIPELINE`."""
        key, count = row["_id"], row["count"]
        self.count += count
        if key.get("status") in _FAILED:
            self.failures += count
        if key.get("bin") is not None:
            self.durations.add_bins({key["bin"]: count}, row["micros"])
        self.cost_micros += row["cost"]
        kind = to_text(key.get("kind"))
        if kind is not None:
            self.kinds[kind] += count


_DURATION = {"$cond": [{"$in": ["$status", sorted(TERMINAL_STATUSES)]}, usable_expression("$duration"), None]}
# Where a step has no name, its id is shown as its name.
_NAME = {"$cond": [{"$in": [{"$ifNull": ["$step_name", ""]}, [""]]}, "$step_id", "$step_name"]}
_PIPELINE: Sequence[dict[str, Any]] = (
    {
        "$group": {
            "_id": {"name": _NAME, "kind": "$step_type", "status": "$status", "bin": bin_expression(_DURATION)},
            "count": {"$sum": 1},
            "micros": {"$sum": micros_expression(_DURATION)},
            "cost": {"$sum": micros_expression(usable_expression("$cost"))},
        }
    },
)


async def steps_by_name(examples: Examples, caller: Caller, matching: Filter, first: int) -> list[StepSums]:
    """The steps of the latest 200 executions that match and `caller` may see, by name: the slowest by mean first.

    Raises:
        QueryTimeout: The time allowed no search for all of these executions.
    """
    page = await examples.latest(caller, matching, LATEST)
    ids = tuple(row["execution_id"] for row in page.rows)
    if not ids:
        return []
    where = all_of(equals("tenant_id", caller.tenant), OneOf("execution_id", ids))
    found = dict[str, StepSums]()
    for row in await examples.executions.reader.aggregate(Step, _PIPELINE, where):
        name = to_text(row["_id"].get("name")) or ""
        found.setdefault(name, StepSums(name)).add(row)
    return sorted(found.values(), key=_slowest_first)[:first]


def _slowest_first(sums: StepSums) -> tuple[float, int, str]:
    mean = sums.durations.mean
    return (1.0 if mean is None else -mean, -sums.count, sums.name)
