"""The query parameters of statistics: their declarations, and the request for statistics that they make."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from execution_monitor.rest.list_request import FILTER_PARAMETERS, read_filter
from execution_monitor.rest.parameters import Choice, Parameter, TimeZone, WholeNumber, refuse_unknown
from execution_monitor.statistics.measures import EVERY_MEASURE
from execution_monitor.statistics.requests import MAX_GROUPS, GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.time_buckets import MAX_BUCKETS, Interval

# As in GraphQL: the request, and what adding up costs beside a point for each 1,000 executions that are read.
_COST = 1 + 50
_AUTO = "auto"
_INTERVALS = {each.text: each for each in Interval}
_GROUP_FIELDS = {each.name.lower(): each for each in GroupField}

INTERVAL: Parameter[str | None] = Parameter(
    "interval",
    # 1m is a minute, and 1M a month.
    Choice((*_INTERVALS, _AUTO), ignores_case=False),
    f"How long a bucket of `series` is; `auto` is the shortest that makes at most {MAX_BUCKETS}. Without it there is "
    "no series.",
    None,
)
TIME_ZONE = Parameter(
    "timezone", TimeZone(), "The IANA name of the time zone in which days and longer buckets begin at midnight.", "UTC"
)
GROUP_BY: Parameter[str | None] = Parameter(
    "group_by", Choice(tuple(_GROUP_FIELDS)), "What to group by. Without it there are no `groups`.", None
)
LIMIT = Parameter("limit", WholeNumber(1, MAX_GROUPS), "How many groups to return, those with most executions.", 10)
ALLOW_SAMPLING = Parameter(
    "allow_sampling",
    Choice(("false", "true")),
    "`true` allows an estimate where all executions are too many to read; `basis` then says `sampled`.",
    "false",
)

STATISTICS_PARAMETERS = (*FILTER_PARAMETERS, INTERVAL, TIME_ZONE, GROUP_BY, LIMIT, ALLOW_SAMPLING)


@dataclass(frozen=True, slots=True)
class StatisticsQuery:
    """A request for statistics, and its cost: one point more for each bucket that there may be, and for each group."""

    request: StatisticsRequest
    cost: int


def read_statistics_query(query: QueryParams) -> StatisticsQuery:
    """Read a request for statistics; raises `BadUserInput` for a parameter that is not valid or not known."""
    refuse_unknown(query, STATISTICS_PARAMETERS)
    interval, group_by, limit = INTERVAL.read(query), GROUP_BY.read(query), LIMIT.read(query)
    groups = () if group_by is None else (GroupsRequest(_GROUP_FIELDS[group_by], first=limit, measures=EVERY_MEASURE),)
    request = StatisticsRequest(
        read_filter(query),
        TIME_ZONE.read(query),
        _INTERVALS.get(interval or _AUTO),
        EVERY_MEASURE,
        None if interval is None else EVERY_MEASURE,
        groups,
        ALLOW_SAMPLING.read(query) == "true",
    )
    return StatisticsQuery(request, _COST + (MAX_BUCKETS if interval else 0) + (limit if groups else 0))
