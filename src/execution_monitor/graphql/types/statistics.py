"""Statistics of executions: the types, and the request that a selection is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from graphql import FieldNode
from strawberry import UNSET

from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.graphql.selection import LARGEST_LIST, arguments_of, selected_by, selected_in
from execution_monitor.graphql.types.connection import page_request
from execution_monitor.graphql.types.error_group import ERROR_GROUPS, ErrorGroup, FirstErrorGroups, resolve_error_groups
from execution_monitor.graphql.types.execution import Tag
from execution_monitor.graphql.types.measures import Distribution, Measured, measures_of
from execution_monitor.statistics.measures import COUNT_ALONE, Measure
from execution_monitor.statistics.requests import (
    MAX_GROUPS,
    Basis,
    Group,
    GroupField,
    GroupOrder,
    GroupsRequest,
    SeriesBucket,
    StatisticsAnswer,
    StatisticsRequest,
)
from execution_monitor.statistics.time_buckets import MAX_BUCKETS, Interval
from execution_monitor.storage.documents import ExecutionStatus

# Arguments of both root fields.
TimeZone = Annotated[
    str,
    strawberry.argument(
        description="The IANA name of the time zone whose days, weeks and months the series has, such as Europe/Berlin."
    ),
]
SeriesInterval = Annotated[
    Interval | None,
    strawberry.argument(
        description=f"How long a bucket of the series is; by default the shortest that has at most {MAX_BUCKETS}.",
    ),
]
AllowSampling = Annotated[
    bool,
    strawberry.argument(
        description=(
            "Whether numbers may be estimated from a sample where there are too many executions to read in time; "
            "otherwise that is a `QUERY_TIMEOUT`."
        )
    ),
]
FirstOfMost = Annotated[int, strawberry.argument(description=f"How many at most, from 1 to {MAX_GROUPS}.")]


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


@strawberry.type(
    description=(
        "What the executions add up to that the caller may see, that match the filter and were created in its range of "
        "time."
    )
)
class ExecutionStatistics(Measured):
    """An answer; its fields need what `statistics_request` requested for the same selection."""

    answer: strawberry.Private[StatisticsAnswer]
    request: strawberry.Private[StatisticsRequest]

    @strawberry.field(description="What executions cost, in the engine's currency, of those that have a cost.")
    def cost(self) -> Distribution:
        return Distribution.of(self.breakdown.costs)

    @strawberry.field(
        description=(
            "Buckets by `createdAt`, oldest first, empty ones included, at most 100. Days follow the time zone's "
            "daylight saving, so that some have 23 or 25 hours."
        ),
        metadata={LARGEST_LIST: MAX_BUCKETS},
    )
    def series(self) -> list[StatisticsBucket]:
        return [StatisticsBucket(breakdown=each.breakdown, bucket=each) for each in self.answer.series]

    @strawberry.field(description="The executions by the value of one field.")
    def groups(
        self,
        by: Annotated[GroupField, strawberry.argument(description="The field.")],
        order: Annotated[GroupOrder, strawberry.argument(description="Which groups come first.")] = GroupOrder.COUNT,
        first: FirstOfMost = 10,
    ) -> list[StatisticsGroup]:
        found = next(
            groups
            for request, groups in self.answer.groups.items()
            if (request.by, request.order, request.first) == (by, order, first)
        )
        return [StatisticsGroup(breakdown=each.breakdown, by=by, group=each) for each in found]

    @strawberry.field(description=ERROR_GROUPS)
    async def error_groups(self, info: ContextInfo, first: FirstErrorGroups = 10) -> list[ErrorGroup]:
        return await resolve_error_groups(info, self.answer, self.request, first)

    @strawberry.field(description="The instant at which everything was read.")
    def as_of(self) -> datetime:
        return self.answer.as_of

    @strawberry.field(
        description="The same instant. Subscribe with it as `after`, and no change after this answer is missed."
    )
    def live_cursor(self, info: ContextInfo) -> str:
        return info.context.live.cursor_at(info.context.caller, self.answer.read_at)

    @strawberry.field(description="How counts and sums were found.")
    def basis(self) -> Basis:
        return self.answer.basis

    @strawberry.field(description="The relative standard error of the counts where `basis` is SAMPLED; otherwise null.")
    def relative_error(self) -> float | None:
        return self.answer.relative_error

    @strawberry.field(description="How many executions, or sums of them, were read.")
    def documents_examined(self) -> BigInt:
        return BigInt(self.answer.examined)

    @classmethod
    def of(cls, answer: StatisticsAnswer, request: StatisticsRequest) -> "ExecutionStatistics":
        """The statistics that the `answer` to `request` holds."""
        return cls(breakdown=answer.totals, answer=answer, request=request)


def statistics_request(
    info: ContextInfo,
    *,
    filter: ExecutionFilter | None = UNSET,  # noqa: A002 - the API's name
    time_zone: str = "UTC",
    interval: Interval | None = UNSET,
    allow_sampling: bool = False,
) -> StatisticsRequest:
    """The request for what is selected of the `ExecutionStatistics` that the field of `info` returns.

    Raises:
        BadUserInput: an argument of it or of `groups` is wrong.
        QueryTooComplex: the filter is too deep or too large.
    """
    selected = selected_by(info)
    series = selected_in(info, selected["series"]) if "series" in selected else None
    return StatisticsRequest(
        where=to_filter(filter),
        zone=time_zone,
        interval=interval or None,
        totals=measures_of(selected),
        series=None if series is None else measures_of(series) or COUNT_ALONE,
        groups=_groups_in(info, selected.get("groups", ())),
        allows_sampling=allow_sampling,
    )


def _groups_in(info: ContextInfo, nodes: Sequence[FieldNode]) -> tuple[GroupsRequest, ...]:
    """A request for each different field, order and number of groups, with what all that select it need."""
    found: dict[tuple[GroupField, GroupOrder, int], Measure] = {}
    for node in nodes:
        given = arguments_of(info, "ExecutionStatistics", node)
        key = (given["by"], given["order"], page_request(first=given["first"], largest=MAX_GROUPS).size)
        needed = measures_of(selected_in(info, [node])) or COUNT_ALONE
        found[key] = found.get(key, COUNT_ALONE) | needed
    return tuple(GroupsRequest(*key, measures) for key, measures in found.items())


async def resolve_statistics(info: ContextInfo, request: StatisticsRequest) -> ExecutionStatistics:
    """The answer to `request`."""
    answer = await info.context.statistics.answer(info.context.caller, request)
    info.context.outcome.examined += answer.examined
    return ExecutionStatistics.of(answer, request)
