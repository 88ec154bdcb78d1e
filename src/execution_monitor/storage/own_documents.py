"""What the server itself keeps, beside what engines write."""

from datetime import datetime

from beanie import Document
from pymongo import ASCENDING, IndexModel

from execution_monitor.storage.server_documents import AuditEvent


class Revocation(Document):
    """Tokens of one subject that were issued before a time, or one token by its id (`access_revocations`)."""

    tenant_id: str | None = None  # None: of every tenant
    subject: str | None = None
    token_id: str | None = None
    revoked_at: datetime
    expires_at: datetime

    class Settings:
        """Where it is kept."""

        name = "access_revocations"
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            IndexModel(
                [("tenant_id", ASCENDING), ("subject", ASCENDING), ("token_id", ASCENDING)], name="whom", unique=True
            ),
            IndexModel([("revoked_at", ASCENDING)], name="revoked_at"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at", expireAfterSeconds=0),
        ]


SERVER_DOCUMENTS: tuple[type[Document], ...] = (AuditEvent, Revocation)
