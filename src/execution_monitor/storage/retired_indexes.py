"""Indexes that earlier versions made and that no query uses any more; the server drops them once it has its own.

To retire an index, move its declaration here.
"""

from collections.abc import Mapping, Sequence

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from execution_monitor.storage.alert_documents import AlertNotification
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.indexes import ascending

_OF_A_USER = ("started_at", "completed_at", "total_duration", "total_cost", "tokens_used", "workflow_name", "status")

RETIRED_INDEXES: Mapping[type[Document], Sequence[IndexModel]] = {
    Execution: (
        *(ascending("tenant_id", "user_id", field, "_id") for field in _OF_A_USER),
        ascending("tenant_id", "user_id", "workflow_template_id", "created", "_id"),
        ascending("tenant_id", "workflow_name", "_id"),
        ascending("tenant_id", "status", "_id"),
        ascending("tenant_id", "status", "created", "_id"),
    ),
    AlertNotification: (
        IndexModel([("rule_id", ASCENDING), ("channel", ASCENDING), ("created", DESCENDING)], name="rule_id_channel"),
    ),
}
