"""The models of the statistics of REST."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from execution_monitor.rest.models import Timestamp
from execution_monitor.storage.documents import ExecutionStatus, Tag


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Distribution(_Model):
    """How values are distributed. Percentiles and `max` are within 1 %; all but `count` are null without values."""

    count: int = Field(description="How many values there are.")
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


class StatisticsSums(_Model):
    """What some executions add up to."""

    count: int = Field(description="How many executions there are.")
    by_status: dict[ExecutionStatus, int] = Field(description="How many there are in each state, also where none is.")
    success_rate: float | None = Field(
        description="The share that completed of those that completed, failed or timed out; null without any."
    )
    duration: Distribution = Field(description="Seconds, of executions that have ended.")
    total_cost: float
    tokens_used: int


class StatisticsBucket(StatisticsSums):
    """The executions that were created from `start`, included, to `end`, excluded."""

    start: Timestamp
    end: Timestamp


class StatisticsGroup(StatisticsSums):
    """The executions with one value of the field that `group_by` names."""

    value: str | None = Field(description="The value; of a tag its key; null for executions without one.")
    tag: Tag | None = Field(description="The tag, where `group_by` is `tag`.")


class ExecutionStatistics(StatisticsSums):
    """What the executions that match add up to."""

    cost: Distribution = Field(description="What executions cost, of those that say so.")
    series: list[StatisticsBucket] | None = Field(
        description="Buckets by `created`, oldest first, empty ones included; null without `interval`."
    )
    groups: list[StatisticsGroup] | None = Field(
        description="The groups with most executions; null without `group_by`."
    )
    as_of: Timestamp = Field(description="The instant of which all of this is true.")
    basis: Literal["exact", "rollup", "sampled"] = Field(
        description="How counts and sums were found: `sampled` ones are estimates, the others are exact."
    )
    relative_error: float | None = Field(description="The relative standard error of `count`, where it is sampled.")
    documents_examined: int = Field(description="How many executions, or sums of them, were read.")
