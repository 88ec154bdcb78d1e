"""Events of subscriptions: changes of executions, their steps and their log lines."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from execution_monitor.graphql.enums import described_enum
from execution_monitor.graphql.types.connection import names_of
from execution_monitor.graphql.types.execution import Execution
from execution_monitor.graphql.types.log_entry import ExecutionLogEntry
from execution_monitor.graphql.types.step import ExecutionStep
from execution_monitor.live.events import Deliveries, Delivery, EventKind


@described_enum(
    "What a change means to the subscriber.",
    {
        "ENTERED": "It was created, or it now matches the filter and may be seen.",
        "UPDATED": "It changed, and still matches the filter.",
        "LEFT": "It no longer matches the filter, or may no longer be seen.",
        "DELETED": "It was deleted.",
        "GAP": "Changes were missed: read the list again.",
    },
)
class ExecutionUpdateKind(Enum):
    """The kinds of `ExecutionUpdate`; the values are those of deliveries."""

    ENTERED = EventKind.ENTERED
    UPDATED = EventKind.UPDATED
    LEFT = EventKind.LEFT
    DELETED = EventKind.DELETED
    GAP = EventKind.GAP


@strawberry.type(description="A change of an execution, seen through the subscriber's filter.")
class ExecutionUpdate:
    """A delivery about an execution, or a gap."""

    delivery: strawberry.Private[Delivery]

    @strawberry.field(description="What the change means to the subscriber.")
    def kind(self) -> ExecutionUpdateKind:
        return ExecutionUpdateKind(self.delivery.kind)

    @strawberry.field(description="Pass it as `after` to resume right after this event.")
    def cursor(self) -> str:
        return self.delivery.cursor

    @strawberry.field(description="When MongoDB committed the change.")
    def occurred_at(self) -> datetime:
        return self.delivery.occurred_at

    @strawberry.field(description="The execution that changed; null only for GAP.")
    def execution_id(self) -> str | None:
        return self.delivery.execution_id

    @strawberry.field(
        description=(
            "The execution as it was after this change; null for GAP, for DELETED, and for LEFT when the caller may no "
            "longer see it."
        )
    )
    def execution(self) -> Execution | None:
        return None if self.delivery.row is None else Execution.of(self.delivery.row)

    @strawberry.field(description="The names of the fields of `Execution` that changed; empty where unknown.")
    def changed_fields(self) -> list[str]:
        return names_of(Execution, self.delivery.changed or frozenset())


@strawberry.type(description="A step was added or has changed.")
class StepUpdate:
    """A delivery about a step."""

    delivery: strawberry.Private[Delivery]

    @strawberry.field(description="Pass it as `after` to resume right after this event.")
    def cursor(self) -> str:
        return self.delivery.cursor

    @strawberry.field(description="When MongoDB committed the change.")
    def occurred_at(self) -> datetime:
        return self.delivery.occurred_at

    @strawberry.field(description="The step as it was after this change.")
    def step(self) -> ExecutionStep:
        return ExecutionStep.of(self.delivery.row or {})


@strawberry.type(description="A log line was written.")
class LogAppended:
    """A delivery about a log line."""

    delivery: strawberry.Private[Delivery]

    @strawberry.field(description="Pass it as `after` to resume right after this event.")
    def cursor(self) -> str:
        return self.delivery.cursor

    @strawberry.field(description="When MongoDB committed the line.")
    def occurred_at(self) -> datetime:
        return self.delivery.occurred_at

    @strawberry.field(description="The log line.")
    def entry(self) -> ExecutionLogEntry:
        return ExecutionLogEntry.of(self.delivery.row or {})


ExecutionActivity = Annotated[
    ExecutionUpdate | StepUpdate | LogAppended,
    strawberry.union("ExecutionActivity", description="An event of `executionActivity`."),
]


# All other kinds are changes of the execution.
_CHILD_TYPES: dict[EventKind, type[StepUpdate | LogAppended]] = {EventKind.STEP: StepUpdate, EventKind.LOG: LogAppended}


def event_type_of(delivery: Delivery) -> type[ExecutionUpdate | StepUpdate | LogAppended]:
    """The GraphQL type of `delivery`."""
    return _CHILD_TYPES.get(delivery.kind, ExecutionUpdate)


def event_of(delivery: Delivery) -> ExecutionUpdate | StepUpdate | LogAppended:
    """`delivery` as its GraphQL type."""
    return event_type_of(delivery)(delivery=delivery)


@dataclass(frozen=True, eq=False, slots=True)
class SourceStream:
    """What the resolver of a subscription returns: deliveries, and how the schema shows one ("source stream").

    The event renderer alone calls `show`, once for everyone who gets the same payload.
    """

    deliveries: Deliveries
    show: Callable[[Delivery], object]

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self.deliveries
