"""Requests for statistics: the arguments of the fields that return statistics, and the request that a selection is."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from graphql import FieldNode
from strawberry import UNSET

from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.selection import arguments_of, selected_by, selected_in
from execution_monitor.graphql.types.connection import page_request
from execution_monitor.graphql.types.measures import measures_of
from execution_monitor.statistics.measures import COUNT_ALONE, Measure
from execution_monitor.statistics.requests import MAX_GROUPS, GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.time_buckets import MAX_BUCKETS, Interval

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
        interval=present(interval),
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
        key = (given["by"], given["order"], checked_first(given["first"]))
        needed = measures_of(selected_in(info, [node])) or COUNT_ALONE
        found[key] = found.get(key, COUNT_ALONE) | needed
    return tuple(GroupsRequest(*key, measures) for key, measures in found.items())


def checked_first(first: int) -> int:
    """`first`, from 1 to 100; raises `BadUserInput` for any other number."""
    return page_request(first=first, largest=MAX_GROUPS).size
