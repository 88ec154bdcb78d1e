"""Statistics of executions: the type, and how it is resolved."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import strawberry

from execution_monitor.auth.caller import Caller
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.graphql.selection import LARGEST_LIST, POINTS
from execution_monitor.graphql.types.error_group import (
    ERROR_GROUPS,
    ERROR_GROUPS_POINTS,
    ErrorGroup,
    resolve_error_groups,
)
from execution_monitor.graphql.types.execution import Execution, fields_of_execution, shown_executions
from execution_monitor.graphql.types.measures import Distribution, Measured
from execution_monitor.graphql.types.statistics_parts import StatisticsBucket, StatisticsGroup, StepStatistics
from execution_monitor.graphql.types.statistics_request import FirstOfMost, checked_first
from execution_monitor.statistics.examples import Examples
from execution_monitor.statistics.requests import Basis, GroupField, GroupOrder, StatisticsAnswer, StatisticsRequest
from execution_monitor.statistics.steps import LATEST, steps_by_name
from execution_monitor.statistics.time_buckets import MAX_BUCKETS
from execution_monitor.storage.pagination import Page

# What adding up costs beside a point for each 1,000 executions that are read, of which there may be none: as much as a
# page of 50, so that one operation cannot do so hundreds of times at once.
STATISTICS_POINTS = 50
# A point for each execution whose steps are read.
STEPS_POINTS = LATEST

ReadExamples = Callable[[Caller, frozenset[str], int], Awaitable[Page]]


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

    @strawberry.field(
        description="The executions that took longest, of those that have ended and have a duration, longest first."
    )
    async def slowest(self, info: ContextInfo, first: FirstOfMost = 10) -> list[Execution]:
        return await _shown(info, self._examples(info).slowest, first)

    @strawberry.field(description="The executions that failed or timed out, newest first by `createdAt`.")
    async def latest_failures(self, info: ContextInfo, first: FirstOfMost = 10) -> list[Execution]:
        return await _shown(info, self._examples(info).latest_failures, first)

    @strawberry.field(
        description=(
            f"The steps of the latest {LATEST} of the executions by their name: those with the greatest mean duration "
            "first, and last those without a duration."
        ),
        metadata={POINTS: STEPS_POINTS},
    )
    async def steps(self, info: ContextInfo, first: FirstOfMost = 10) -> list[StepStatistics]:
        found = await steps_by_name(self._examples(info), info.context.caller, checked_first(first))
        return [StepStatistics.of(each) for each in found]

    @strawberry.field(description=ERROR_GROUPS, metadata={POINTS: ERROR_GROUPS_POINTS})
    async def error_groups(self, info: ContextInfo, first: FirstOfMost = 10) -> list[ErrorGroup]:
        return await resolve_error_groups(info, self.answer, self.request, checked_first(first))

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

    def _examples(self, info: ContextInfo) -> Examples:
        return Examples(info.context.monitor.executions, self.answer)


async def _shown(info: ContextInfo, read: ReadExamples, first: int) -> list[Execution]:
    """The executions that `read` finds, with the stored fields that are selected."""
    page = await read(info.context.caller, fields_of_execution(info), checked_first(first))
    info.context.outcome.examined += page.search.examined
    return shown_executions(info, page.rows)


async def resolve_statistics(info: ContextInfo, request: StatisticsRequest) -> ExecutionStatistics:
    """The answer to `request`."""
    answer = await info.context.statistics.answer(info.context.caller, request)
    info.context.outcome.examined += answer.examined
    return ExecutionStatistics.of(answer, request)
