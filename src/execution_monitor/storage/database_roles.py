"""Roles of MongoDB: what the server, an engine and a reader of one database need, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Those of `DOCUMENTS`, which cannot be imported without Beanie; a test compares them.
EXECUTION_COLLECTIONS = ("workflow_executions", "workflow_step_executions", "execution_logs")
# To MongoDB the empty name means every collection of the database.
_ALL = ("",)

_WRITING = ("find", "insert", "update", "remove")


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """A role of MongoDB, with `actions` on each of the `collections` of the database that defines it."""

    name: str
    collections: Sequence[str]
    actions: Sequence[str]

    def privileges(self, database: str) -> list[Mapping[str, Any]]:
        """The privileges as `createRole` and `updateRole` take them."""
        return [
            {"resource": {"db": database, "collection": collection}, "actions": list(self.actions)}
            for collection in self.collections
        ]


SERVER = DatabaseRole(
    "execution-monitor-server",
    # Also those that store revocations, the audit trail and rate limits. Change streams are opened on the database.
    _ALL,
    (
        *_WRITING,
        "changeStream",
        "createCollection",
        "collMod",
        # What drivers ask before they create a collection.
        "listCollections",
        "createIndex",
        "dropIndex",
        "listIndexes",
    ),
)
ENGINE = DatabaseRole("execution-monitor-engine", EXECUTION_COLLECTIONS, _WRITING)
# Tools show the indexes and the size of what they open.
READER = DatabaseRole("execution-monitor-reader", EXECUTION_COLLECTIONS, ("find", "listIndexes", "collStats"))
