"""Parts of statistics: the buckets of a series, groups, and the steps of one name."""

from datetime import datetime

import strawberry

from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.graphql.types.execution import Tag
from execution_monitor.graphql.types.measures import Distribution, Measured
from execution_monitor.statistics.requests import Group, GroupField, SeriesBucket
from execution_monitor.statistics.steps import StepSums
from execution_monitor.storage.documents import ExecutionStatus


@strawberry.type(description="The executions that were created within one interval of the series.")
class StatisticsBucket(Measured):
    """A bucket of the series."""

    bucket: strawberry.Private[SeriesBucket]

    @strawberry.field(description="Its first instant.")
    def start(self) -> datetime:
        return self.bucket.bucket.start

    @strawberry.field(description="The first instant after it.")
    def end(self) -> datetime:
        return self.bucket.bucket.end


@strawberry.type(description="The executions that have one value in the field that they are grouped by.")
class StatisticsGroup(Measured):
    """A group."""

    by: strawberry.Private[GroupField]
    group: strawberry.Private[Group]

    @strawberry.field(
        description=(
            "The value, as filters take it; null for executions without one. For `STATUS` it is the name of the "
            "status, for `TAG` the key of the tag."
        )
    )
    def value(self) -> str | None:
        key = self.group.key
        if key is not None and self.by is GroupField.STATUS:
            return ExecutionStatus(key).name
        return key[0] if isinstance(key, tuple) else key

    @strawberry.field(description="The tag, where executions are grouped by `TAG` and have one; otherwise null.")
    def tag(self) -> Tag | None:
        key = self.group.key
        return Tag(key=key[0], value=key[1]) if isinstance(key, tuple) else None


@strawberry.type(description="The steps of one name.")
class StepStatistics:
    """What the steps of one name add up to."""

    name: str = strawberry.field(description="Their name.")
    kind: str | None = strawberry.field(description="The type of most of them; null where none has one.")
    count: BigInt = strawberry.field(
        description="How many there are; attempts kept as steps of their own are one each."
    )
    failed_count: BigInt = strawberry.field(description="How many of them failed or timed out.")
    duration: Distribution = strawberry.field(description="The seconds that they took, of those that ended.")
    total_cost: float = strawberry.field(description="What all of them have cost, in the engine's currency.")

    @classmethod
    def of(cls, sums: StepSums) -> "StepStatistics":
        """The statistics that `sums` holds."""
        return cls(
            name=sums.name,
            kind=sums.kind,
            count=BigInt(sums.count),
            failed_count=BigInt(sums.failures),
            duration=Distribution.of(sums.durations),
            total_cost=sums.total_cost,
        )
