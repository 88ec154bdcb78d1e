"""Measures of executions: counts by status, distributions of durations and costs, and what is measured of a group."""

from collections.abc import Collection

import strawberry

from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.statistics.measures import COUNT_ALONE, Breakdown, Measure
from execution_monitor.statistics.sketches import Sketch
from execution_monitor.storage.coercion import to_big_int
from execution_monitor.storage.documents import ExecutionStatus

_SHARES = (0.5, 0.9, 0.95, 0.99)
# What the fields of `Measured` are made from; all others from counts, which are always there.
_MEASURES = {"duration": Measure.DURATION, "cost": Measure.COST, "totalCost": Measure.COST, "tokens": Measure.TOKENS}
_COUNTS = frozenset({"count", "byStatus", "successRate"})


@strawberry.type(description="How many executions have a status.")
class StatusCount:
    """The number of executions with one status."""

    status: ExecutionStatus = strawberry.field(description="The status.")
    count: BigInt = strawberry.field(description="How many have it.")


@strawberry.type(
    description=(
        "How values are distributed. The mean is that of values in whole millionths; percentiles and `max` are within "
        "1 %. All but `count` are null where there are no values."
    )
)
class Distribution:
    """Percentiles of a sketch."""

    count: BigInt = strawberry.field(description="How many values there are.")
    mean: float | None = strawberry.field(description="Their mean.")
    p50: float | None = strawberry.field(description="The median: half of the values are at most this.")
    p90: float | None = strawberry.field(description="90 % of the values are at most this.")
    p95: float | None = strawberry.field(description="95 % of the values are at most this.")
    p99: float | None = strawberry.field(description="99 % of the values are at most this.")
    max: float | None = strawberry.field(description="The greatest value.")

    @classmethod
    def of(cls, sketch: Sketch) -> "Distribution":
        """The distribution of the values of `sketch`."""
        p50, p90, p95, p99 = sketch.percentiles(_SHARES)
        return cls(count=BigInt(sketch.count), mean=sketch.mean, p50=p50, p90=p90, p95=p95, p99=p99, max=sketch.maximum)


@strawberry.type
class Measured:
    """The fields of everything that executions are added up in; no type of the schema."""

    breakdown: strawberry.Private[Breakdown]

    @strawberry.field(description="How many executions there are.")
    def count(self) -> BigInt:
        return BigInt(self.breakdown.count)

    @strawberry.field(description="How many have each status: every status, also those that none has.")
    def by_status(self) -> list[StatusCount]:
        return [StatusCount(status=each, count=BigInt(self.breakdown.count_of(each))) for each in ExecutionStatus]

    @strawberry.field(
        description="The share, 0 to 1, that completed among completed, failed and timed out; null when there are none."
    )
    def success_rate(self) -> float | None:
        return self.breakdown.success_rate

    @strawberry.field(description="The seconds that executions took, of those that ended.")
    def duration(self) -> Distribution:
        return Distribution.of(self.breakdown.durations)

    @strawberry.field(description="The sum of their costs, in the engine's currency.")
    def total_cost(self) -> float:
        return self.breakdown.costs.total

    @strawberry.field(description="The sum of the tokens of language models that they used.")
    def tokens(self) -> BigInt:
        return BigInt(to_big_int(self.breakdown.tokens))


def measures_of(selected: Collection[str]) -> Measure | None:
    """What must be measured for the `selected` fields of a type that is `Measured`; None where no sum is selected."""
    found, is_needed = COUNT_ALONE, False
    for name in selected:
        measure = _MEASURES.get(name)
        is_needed = is_needed or measure is not None or name in _COUNTS
        found |= measure or COUNT_ALONE
    return found if is_needed else None
