"""Messages of REST's live updates: one for each change, rendered once for all clients with the same topic."""

from typing import Literal

from pydantic import BaseModel, Field

from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.rest.mapping import show_progress
from execution_monitor.rest.models import Timestamp
from execution_monitor.storage.documents import ExecutionStatus, Progress
from execution_monitor.storage.records import ExecutionRecord


class ExecutionUpdate(BaseModel):
    """An execution that is new, has changed, or now matches."""

    type: Literal["execution_update"] = "execution_update"
    execution_id: str
    status: ExecutionStatus
    progress: Progress
    timestamp: Timestamp = Field(description="When MongoDB committed the change.")


class ExecutionRemoved(BaseModel):
    """An execution that was deleted, no longer matches, or may no longer be seen."""

    type: Literal["execution_removed"] = "execution_removed"
    execution_id: str
    timestamp: Timestamp = Field(description="When MongoDB committed the change.")


class Gap(BaseModel):
    """Something was missed, because the history is gone or the client too slow: read the list again."""

    type: Literal["gap"] = "gap"
    timestamp: Timestamp = Field(description="When it was noticed.")


MESSAGES = (ExecutionUpdate, ExecutionRemoved, Gap)


def render(delivery: Delivery) -> bytes:
    """`delivery` as JSON, the same bytes for every client with the same visibility and filter."""
    return delivery.rendered.once("rest", _render, delivery)


def _render(delivery: Delivery) -> bytes:
    return _message_of(delivery).model_dump_json().encode()


def _message_of(delivery: Delivery) -> ExecutionUpdate | ExecutionRemoved | Gap:
    if delivery.kind is EventKind.GAP or delivery.execution_id is None:
        return Gap(timestamp=delivery.occurred_at)
    if delivery.row is None or delivery.kind in (EventKind.LEFT, EventKind.DELETED):
        return ExecutionRemoved(execution_id=delivery.execution_id, timestamp=delivery.occurred_at)
    record = ExecutionRecord(delivery.row)
    return ExecutionUpdate(
        execution_id=delivery.execution_id,
        status=record.status,
        progress=show_progress(record.progress),
        timestamp=delivery.occurred_at,
    )
