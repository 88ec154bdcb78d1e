"""Beanie documents that the server itself writes, with their indexes: the audit trail, revocations, keys and leases."""

from datetime import datetime
from typing import Any

from beanie import Document, PydanticObjectId
from bson import Decimal128
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, IndexModel

from execution_monitor.storage.alert_documents import ALERT_DOCUMENTS
from execution_monitor.storage.dashboard_documents import DASHBOARD_DOCUMENTS
from execution_monitor.storage.indexes import ascending, ascending_where
from execution_monitor.storage.webhook_documents import WEBHOOK_DOCUMENTS

# The index by which MongoDB deletes events that are older than a setting allows.
EXPIRY_INDEX = "at"


class AuditEvent(Document):
    """One request, or its refusal (`audit_events`). Fields that do not apply are left out; the oldest events expire."""

    model_config = ConfigDict(extra="forbid")

    at: datetime
    kind: str
    outcome: str
    codes: list[str]  # of errors; empty when there were none
    tenant_id: str | None = None  # without one, no caller sees the event
    subject: str | None = None
    token_id: str | None = None
    operation_name: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])  # by root field; payload-like values left out
    executions: int = 0  # how many the response or stream contained
    execution_ids: list[str] = Field(default_factory=list[str])  # the first of them
    seconds: float | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    begun_by: PydanticObjectId | None = None  # of a subscription's end: the event of its start
    reason: str | None = None  # of a refused token
    lost: int | None = None  # events that could not be stored

    class Settings:
        """Collection and indexes."""

        name = "audit_events"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "at", "_id"),
            ascending("tenant_id", "subject", "at", "_id"),
            ascending("tenant_id", "kind", "at", "_id"),
            ascending("tenant_id", "operation_name", "at", "_id"),
            ascending("tenant_id", "outcome", "at", "_id"),
            ascending("tenant_id", "codes", "at", "_id"),
            ascending("tenant_id", "execution_ids", "at", "_id"),
        ]


class HeldReport(Document):
    """Spans and log lines of a trace that no execution was made of yet (`ingest_held_reports`)."""

    tenant_id: str
    user_id: str
    execution_id: str
    reports: list[bytes]  # BSON
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "ingest_held_reports"
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "execution_id"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


class IngestRun(Document):
    """The execution that a run of an engine belongs to (`ingest_runs`); `_id` is made of the owner and the run's id."""

    execution_id: str
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "ingest_runs"
        indexes = [IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0)]  # noqa: RUF012


class Revocation(Document):
    """Tokens of one subject that were issued before a time, or one token by its id (`access_revocations`)."""

    tenant_id: str | None = None  # None: of every tenant
    subject: str | None = None
    token_id: str | None = None
    revoked_at: datetime
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "access_revocations"
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            IndexModel(
                [("tenant_id", ASCENDING), ("subject", ASCENDING), ("token_id", ASCENDING)], name="whom", unique=True
            ),
            ascending("revoked_at"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


class AccessKey(Document):
    """A key with which programs authenticate (`access_keys`); its secret is not stored, only a hash of it."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: str
    user_id: str  # for whom it acts
    made_by: str
    name: str
    scopes: list[str]
    hash: str  # SHA-256 of the secret part, in hexadecimal
    created: datetime
    expires_at: datetime
    last_used_at: datetime | None = None  # to the hour
    revoked_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "access_keys"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "created", "_id"),
            ascending("tenant_id", "made_by", "created", "_id"),
            ascending("tenant_id", "user_id"),
            # Some time longer than they are valid, so that people find out why a program was refused.
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=30 * 86_400),
        ]


class LeaseRecord(Document):
    """Who does a work of which a cluster does one at a time (`leases`); its `_id` is the name of the work."""

    term: int  # one more with every holder
    holder: str
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "leases"


class FeedPosition(Document):
    """How far a consumer of all changes has come (`feed_positions`); its `_id` is the name of the consumer."""

    position: str = ""  # everything up to here was handed over
    term: int  # of the feeder that wrote it
    as_of: datetime | None = None  # what happened before then was handed over
    lost_until: str | None = None  # everything from the position up to here is lost; the consumer is notified of it now
    sessions: list[Any] | None = None  # of the transactions of a consumer, in a document of its own

    class Settings:
        """Collection and indexes."""

        name = "feed_positions"


class ExecutionRollup(Document):
    """What the executions of a span of time and of the same values add up to (`execution_rollups`).

    Whole numbers alone, to which `$inc` adds and from which it subtracts. Bins are those of sketches, by their number.
    One document of a tenant says how far its rows have come. `_id` is made of the other fields, in the order in which
    rows are read (`statistics/rollups/keys.py`), so that it is the one index of them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    tenant_id: str

    # Of a row: its values, as executions have them, and what is added up. A value that is missing here is not one of
    # those by which the row is told from others, or executions lack it.
    start: datetime | None = None
    quarters: int | None = None  # how long the span is
    user_id: str | None = None
    workflow_name: str | None = None
    status: str | None = None
    error_details: dict[str, Any] | None = None  # `code` alone
    n: int | None = None
    tokens: int | None = None
    duration: Decimal128 | None = None  # in millionths of a second; int64 would overflow
    durations: dict[str, int] | None = None
    cost: Decimal128 | None = None
    costs: dict[str, int] | None = None

    # Of the document of a tenant.
    position: str | None = None  # up to which every change is in the rows
    term: int | None = None  # of the feeder that wrote it
    version: int | None = None  # of what rows mean
    generation: int | None = None  # of the rows that count; others are deleted
    built_from: int | None = None  # milliseconds: executions created since then are in the rows
    executions: int | None = None  # how many are
    mark: int | None = None  # of the last write; also of rows by status of days (`statistics/rollups/marks.py`)

    class Settings:
        """Collection and indexes."""

        name = "execution_rollups"
        keep_nulls = False
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending_where({"position": {"$exists": True}}, "position", "tenant_id"),
            # Rows of which nothing is left.
            ascending_where({"n": 0}, "n"),
        ]


SERVER_DOCUMENTS: tuple[type[Document], ...] = (
    AuditEvent,
    HeldReport,
    IngestRun,
    Revocation,
    AccessKey,
    LeaseRecord,
    *WEBHOOK_DOCUMENTS,
    *ALERT_DOCUMENTS,
    *DASHBOARD_DOCUMENTS,
    FeedPosition,
    ExecutionRollup,
)
