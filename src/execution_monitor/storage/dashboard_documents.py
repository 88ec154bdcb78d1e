"""Beanie documents of the dashboard: saved views, and annotations of error groups."""

from datetime import datetime

from beanie import Document
from pydantic import ConfigDict

from execution_monitor.storage.indexes import ascending


class SavedView(Document):
    """A page of the dashboard with its query, under the name that a user gave it (`saved_views`)."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: str
    user_id: str  # the owner
    name: str
    address: str  # a path of the dashboard with its query
    is_shared: bool  # with everyone of the tenant
    updated: datetime

    class Settings:
        """Collection and indexes."""

        name = "saved_views"
        indexes = [  # noqa: RUF012 - Beanie reads a plain list
            ascending("tenant_id", "user_id"),
            ascending("tenant_id", "is_shared"),
        ]


class ErrorGroupAnnotation(Document):
    """What people of a tenant wrote about an error group (`error_group_annotations`).

    Its `_id` is made of the tenant and the group; the group itself is stored as well, for those who read the database.
    """

    model_config = ConfigDict(extra="forbid")

    tenant_id: str
    code: str | None = None
    type: str | None = None
    pattern: str | None = None
    note: str | None = None
    assignee: str | None = None
    muted_until: datetime | None = None
    updated: datetime
    updated_by: str

    class Settings:
        """Collection and indexes."""

        name = "error_group_annotations"
        keep_nulls = False
        indexes = [ascending("tenant_id")]  # noqa: RUF012 - Beanie reads a plain list


DASHBOARD_DOCUMENTS: tuple[type[Document], ...] = (SavedView, ErrorGroupAnnotation)
