"""The sort inputs of the API, and the orders they mean."""

from enum import Enum

import strawberry

from execution_monitor.executions.executions import NEWEST_FIRST
from execution_monitor.storage.sorting import Order, SortKey


@strawberry.enum(description="What executions can be sorted by; those without a value come first when ascending.")
class ExecutionSortField(Enum):
    """The value is the stored field."""

    CREATED_AT = "created"
    STARTED_AT = "started_at"
    COMPLETED_AT = "completed_at"
    DURATION = "total_duration"
    TOTAL_COST = "total_cost"
    TOKENS_USED = "tokens_used"
    WORKFLOW_NAME = "workflow_name"
    STATUS = "status"


@strawberry.enum(description="Which end comes first.")
class SortDirection(Enum):
    """Ascending or descending."""

    ASC = "asc"
    DESC = "desc"


@strawberry.input(description="One key of an order.")
class ExecutionSort:
    """A field and a direction."""

    field: ExecutionSortField
    direction: SortDirection = SortDirection.DESC


def to_order(given: list[ExecutionSort] | None) -> Order:
    """The order that `given` means, newest first by default; raises `BadUserInput` for more than three keys."""
    if not given:
        return NEWEST_FIRST
    return Order(tuple(SortKey(each.field.value, each.direction is SortDirection.DESC) for each in given))
