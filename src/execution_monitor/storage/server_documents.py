"""Beanie documents that the server itself writes, with their indexes: the audit trail, revocations, keys and leases."""

from datetime import datetime
from typing import Any

from beanie import Document, PydanticObjectId
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, IndexModel

from execution_monitor.storage.indexes import ascending

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

    position: str  # everything up to here was handed over
    term: int  # of the feeder that wrote it
    at: datetime  # when it was written
    caught_up_at: datetime | None = None  # when there was last nothing more to read

    class Settings:
        """Collection and indexes."""

        name = "feed_positions"


SERVER_DOCUMENTS: tuple[type[Document], ...] = (
    AuditEvent,
    HeldReport,
    IngestRun,
    Revocation,
    AccessKey,
    LeaseRecord,
    FeedPosition,
)
