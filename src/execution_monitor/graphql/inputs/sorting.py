"""Sort inputs, and their conversion to an order."""

from enum import Enum

import strawberry

from execution_monitor.executions.executions import NEWEST_FIRST
from execution_monitor.graphql.enums import described_enum
from execution_monitor.storage.sorting import Order, SortKey


@described_enum(
    "What executions can be sorted by. Those without a value come first when ascending.",
    {
        "CREATED_AT": "By `createdAt`.",
        "STARTED_AT": "By `startedAt`.",
        "COMPLETED_AT": "By `completedAt`; running executions have none.",
        "DURATION": (
            "By `durationSeconds`; of executions that have not ended, from their start to the moment at which the "
            "first page was read. As a second or third key it is the stored duration, which they do not have."
        ),
        "TOTAL_COST": "By `totalCost`.",
        "TOKENS_USED": "By `tokens`.",
        "WORKFLOW_NAME": "By `workflowName`, by bytes of UTF-8: upper case before lower case.",
        "STATUS": "By the name of the state, alphabetically.",
    },
)
class ExecutionSortField(Enum):
    """Sort fields; the value is the stored field."""

    CREATED_AT = "created"
    STARTED_AT = "started_at"
    COMPLETED_AT = "completed_at"
    DURATION = "total_duration"
    TOTAL_COST = "total_cost"
    TOKENS_USED = "tokens_used"
    WORKFLOW_NAME = "workflow_name"
    STATUS = "status"


@described_enum(
    "The direction of a sort key.", {"ASC": "Smallest, oldest or A first.", "DESC": "Largest, newest or Z first."}
)
class SortDirection(Enum):
    """The direction of a sort key."""

    ASC = "asc"
    DESC = "desc"


@strawberry.input(description="One sort key; later keys decide where earlier ones are equal.")
class ExecutionSort:
    """A sort key."""

    field: ExecutionSortField = strawberry.field(description="The field to sort by.")
    direction: SortDirection = strawberry.field(
        default=SortDirection.DESC, description="Smallest or largest first; largest by default."
    )


def to_order(given: list[ExecutionSort] | None) -> Order:
    """The order that `given` means, newest first by default.

    Raises:
        BadUserInput: more than three keys, or one of them twice.
    """
    if not given:
        return NEWEST_FIRST
    return Order(tuple(SortKey(each.field.value, each.direction is SortDirection.DESC) for each in given))
