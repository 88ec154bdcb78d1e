"""The audit trail as a Beanie document with its indexes: `audit_events`, which only grows until the oldest expire."""

from datetime import datetime
from typing import Any

from beanie import Document, PydanticObjectId
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, IndexModel

# The index by which MongoDB deletes what is older than a setting says.
EXPIRY_INDEX = "at"


def _index(*fields: str) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name="_".join(fields))


class AuditEvent(Document):
    """Something that was asked for, or refused. What does not apply is left out."""

    model_config = ConfigDict(extra="forbid")

    at: datetime
    kind: str
    outcome: str
    codes: list[str]  # of errors, of which there are none when all went well
    tenant_id: str | None = None  # without one, nobody is shown it
    subject: str | None = None
    token_id: str | None = None
    operation_name: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])  # by root field; payload-like values left out
    executions: int = 0  # that were answered with
    execution_ids: list[str] = Field(default_factory=list[str])  # the first of them
    seconds: float | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    begun_by: PydanticObjectId | None = None  # of a subscription's end: the event of its begin
    reason: str | None = None  # of a refused token
    lost: int | None = None  # events that could not be kept

    class Settings:
        """Where it is kept."""

        name = "audit_events"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            _index("tenant_id", "at", "_id"),
            _index("tenant_id", "subject", "at", "_id"),
            _index("tenant_id", "kind", "at", "_id"),
            _index("tenant_id", "operation_name", "at", "_id"),
            _index("tenant_id", "outcome", "at", "_id"),
            _index("tenant_id", "codes", "at", "_id"),
            _index("tenant_id", "execution_ids", "at", "_id"),
        ]
