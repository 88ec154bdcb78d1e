"""Error groups of statistics: the type, and how they are resolved."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.graphql.selection import LARGEST_LIST, selected_by
from execution_monitor.graphql.types.error_group_annotation import ErrorGroupAnnotation
from execution_monitor.graphql.types.execution import Execution, fields_of_execution, shown_executions
from execution_monitor.statistics.error_groups import (
    LOOK_BACK,
    MAX_COUNTED,
    MAX_WORKFLOW_NAMES,
    CountedErrorGroup,
    ErrorGroups,
    ErrorGroupsRequest,
)
from execution_monitor.statistics.requests import StatisticsAnswer, StatisticsRequest
from execution_monitor.statistics.time_buckets import TimeBucket, buckets_between, time_zone
from execution_monitor.statistics.time_range import time_range_of

# They are read beside all else that statistics read, and from documents.
ERROR_GROUPS_POINTS = 50
ERROR_GROUPS = (
    "What fails most: the executions with an error, whatever their status, by the code, type and message pattern of "
    f"the error; most frequent first. Counted are the newest {MAX_COUNTED:,} executions with an error; groups of older "
    "ones alone are left out."
)


@strawberry.type(
    description=(
        "Failures alike in code, type and message pattern. A pattern covers about the first 200 characters of a "
        "message; numbers, ids, hosts, addresses, paths, URLs, dates and quoted texts count as alike."
    )
)
class ErrorGroup:
    """A group of failures."""

    counted: strawberry.Private[CountedErrorGroup]
    buckets: strawberry.Private[Sequence[TimeBucket]]

    @strawberry.field(
        description="Opaque; `errorGroup: { eq: id }` filters by it everywhere, under the visibility of whoever asks."
    )
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.counted.group.id)

    @strawberry.field(description="The code of the errors; null for those without one.")
    def code(self) -> str | None:
        return self.counted.group.code

    @strawberry.field(description="The type of the errors; null for those without one.")
    def type(self) -> str | None:
        return self.counted.group.type

    @strawberry.field(
        description="The message with what varies replaced by …; empty for errors without a message.",
    )
    def message(self) -> str:
        return self.counted.group.message or ""

    @strawberry.field(description="How many executions there are.")
    def count(self) -> BigInt:
        return BigInt(self.counted.count)

    @strawberry.field(description="When the first of them was submitted.")
    def first_seen_at(self) -> datetime:
        return self.counted.first_seen

    @strawberry.field(description="When the last of them was submitted.")
    def last_seen_at(self) -> datetime:
        return self.counted.last_seen

    @strawberry.field(description=f"None like it matches in the {LOOK_BACK.days} days before the range.")
    def is_new(self) -> bool:
        return bool(self.counted.is_new)

    @strawberry.field(
        description=f"The workflows that they are executions of, most frequent first, at most {MAX_WORKFLOW_NAMES}."
    )
    def workflow_names(self) -> list[str]:
        return self.counted.workflow_names

    @strawberry.field(
        description="The newest of them; null if it is gone or has changed hands since.", metadata={LARGEST_LIST: 1}
    )
    async def sample(self, info: ContextInfo) -> Execution | None:
        if self.counted.newest_id is None:
            return None
        row = await info.context.executions.load((self.counted.newest_id, fields_of_execution(info)))
        return None if row is None else shown_executions(info, [row])[0]

    @strawberry.field(
        description=(
            "The note, assignee and mute that the tenant keeps for the group; null where there are none. In "
            "subscriptions it is as of the answer: a change of it alone sends none."
        ),
        metadata={LARGEST_LIST: 1},
    )
    async def annotation(self, info: ContextInfo) -> ErrorGroupAnnotation | None:
        row = await info.context.annotation_rows.load(self.counted.group)
        return None if row is None else ErrorGroupAnnotation.of(row)

    @strawberry.field(description="How many there are in each bucket of `series` of the statistics.")
    def series(self) -> list[BigInt]:
        return [BigInt(each) for each in self.counted.series(self.buckets)]


async def resolve_error_groups(
    info: ContextInfo, answer: StatisticsAnswer, request: StatisticsRequest, first: int
) -> list[ErrorGroup]:
    """The `first` groups of the executions that `answer` counts, as of its instant.

    Raises:
        BadUserInput: The series would have too many buckets.
    """
    selected = selected_by(info)
    buckets = _buckets_of(answer, request) if "series" in selected else ()
    wanted = ErrorGroupsRequest(
        matching=answer.matching,
        now=answer.as_of,
        first=first,
        at=answer.read_at,
        buckets=buckets,
        looks_back="isNew" in selected,
    )
    found = await ErrorGroups(info.context.monitor.executions).find(info.context.caller, wanted)
    return [ErrorGroup(counted=each, buckets=buckets) for each in found]


def _buckets_of(answer: StatisticsAnswer, request: StatisticsRequest) -> Sequence[TimeBucket]:
    """The buckets of the series; where it is not selected, those that it would have."""
    if answer.series:
        return [each.bucket for each in answer.series]
    time_range = time_range_of(answer.matching, answer.as_of)
    return buckets_between(time_range.start, time_range.last(answer.as_of), request.interval, time_zone(request.zone))
