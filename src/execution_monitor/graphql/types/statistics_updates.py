"""Answers of `executionStatisticsUpdates`, and when there is a new one."""

from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.statistics import ExecutionStatistics
from execution_monitor.live.events import Delivery
from execution_monitor.statistics.live.subscription import StatisticsDelivery
from execution_monitor.statistics.requests import StatisticsRequest

# What is read again for each answer, since executions are no sums that can be subtracted.
_READ_AGAIN = frozenset({"slowest", "latestFailures", "steps", "errorGroups"})


def shows_executions(info: ContextInfo) -> bool:
    """Whether executions are selected, so that every change of one that matches makes a new answer."""
    return not _READ_AGAIN.isdisjoint(selected_by(info))


def statistics_of(request: StatisticsRequest, delivery: Delivery) -> ExecutionStatistics:
    """The answer to `request` that `delivery` holds."""
    if not isinstance(delivery, StatisticsDelivery):
        raise TypeError("No answer of statistics.")
    return ExecutionStatistics.of(delivery.answer, request)
