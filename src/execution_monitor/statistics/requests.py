"""Requests for statistics, and their answers. What a request does not select is not computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from bson import Timestamp

from execution_monitor.statistics.measures import COUNT_ALONE, Breakdown, Measure
from execution_monitor.statistics.time_buckets import Interval, TimeBucket
from execution_monitor.storage.filters import Filter

MAX_GROUPS = 100


class GroupField(Enum):
    """What executions can be grouped by; the values are stored paths."""

    WORKFLOW_NAME = "workflow_name"
    USER_ID = "user_id"
    ERROR_CODE = "error_details.code"
    TRIGGERED_BY = "triggered_by"
    SESSION_ID = "session_id"
    STATUS = "status"
    TAG = "tags"


class GroupOrder(Enum):
    """By what the first groups are chosen, greatest first; equal ones by their value."""

    COUNT = auto()
    FAILURES = auto()
    FAILURE_RATE = auto()
    P95 = auto()
    COST = auto()


@dataclass(frozen=True, slots=True)
class GroupsRequest:
    """The `first` groups by one field, with what is measured of each beside its number of executions."""

    by: GroupField
    order: GroupOrder = GroupOrder.COUNT
    first: int = 10
    measures: Measure = COUNT_ALONE


@dataclass(frozen=True, slots=True)
class StatisticsRequest:
    """A question about the executions that match a filter, as its caller may see them.

    Attributes:
        where: the filter, which may speak of now.
        zone: the IANA name of the time zone of the buckets.
        interval: how long a bucket is; None for the shortest that makes at most 100.
        totals: what is measured of all together; None where nothing of them is selected.
        series: what is measured in each bucket; None for no series.
        groups: groups by several fields or orders.
        allows_sampling: whether an estimate may answer where all is too much to read.
    """

    where: Filter
    zone: str = "UTC"
    interval: Interval | None = None
    totals: Measure | None = COUNT_ALONE
    series: Measure | None = None
    groups: tuple[GroupsRequest, ...] = ()
    allows_sampling: bool = False


class Basis(Enum):
    """How the counts and sums of an answer were found."""

    EXACT = auto()  # all executions were read
    ROLLUP = auto()  # mostly sums that are kept up to date; exact as well
    SAMPLED = auto()  # some executions were read, and the numbers estimated


# The value of a group: a text, a tag's key and value, or None for executions without one.
GroupKey = str | tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Group:
    """The executions with one value."""

    key: GroupKey
    breakdown: Breakdown


@dataclass(frozen=True, slots=True)
class SeriesBucket:
    """The executions that were created within one bucket; those of the last bucket of a range without end, or later."""

    bucket: TimeBucket
    breakdown: Breakdown


@dataclass(frozen=True, slots=True)
class StatisticsAnswer:
    """What a request selected, all as of one instant.

    Attributes:
        totals: all together; empty where they were not selected.
        series: the buckets, oldest first, empty ones included; none where they were not selected.
        groups: of each request for groups, the first.
        matching: the filter and its range at the instant of the answer, for reads of the executions themselves.
        read_at: the cluster time that everything was read at; live updates go on behind it.
        as_of: the same as a time of the clock.
        basis: how counts and sums were found.
        relative_error: of a sample, the relative standard error of `totals.count`.
        examined: how many executions, or sums of them, were read.
    """

    totals: Breakdown
    series: Sequence[SeriesBucket]
    groups: Mapping[GroupsRequest, Sequence[Group]]
    matching: Filter
    read_at: Timestamp
    as_of: datetime
    basis: Basis = Basis.EXACT
    relative_error: float | None = None
    examined: int = 0
