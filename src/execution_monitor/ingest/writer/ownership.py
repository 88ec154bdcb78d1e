"""Ownership: whose an execution is, decided by who stored it first.

An execution of another owner, one that an engine wrote itself, and an id that cannot be had are refused in the same
words, so that a report reveals nothing about executions that its sender may not see.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from execution_monitor.ingest.writer.pipelines import STAMPS, object_id
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution

NOT_YOURS = "This execution cannot be reported: its id is not available to you."
# Executions whose owner is remembered: those that run at the same time, many times over.
_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of a tenant, whose executions are written."""

    tenant: str
    user: str


class Ownership:
    """Which executions are whose, as far as this process has looked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = LruCache[Owner](_REMEMBERED)

    def unknown(self, owner: Owner, execution_ids: Iterable[str]) -> list[str]:
        """Those executions of which it is not known that they are the owner's."""
        return [each for each in execution_ids if self._known.get(object_id(owner.tenant, each)) != owner]

    def remember(self, owner: Owner, execution_ids: Iterable[str]) -> None:
        """These executions are the owner's."""
        for each in execution_ids:
            self._known.put(object_id(owner.tenant, each), owner)

    def forget(self, owner: Owner, execution_ids: Iterable[str]) -> None:
        """Look again, when these executions are reported next."""
        for each in execution_ids:
            self._known.discard(object_id(owner.tenant, each))

    async def look_up(self, owner: Owner, execution_ids: Collection[str]) -> tuple[set[str], set[str]]:
        """Which of these executions are stored as the owner's, and which are stored and are not."""
        theirs, others = set[str](), set[str]()
        if not execution_ids:
            return theirs, others
        query = {"tenant_id": owner.tenant, "execution_id": {"$in": list(execution_ids)}}
        fields = {"execution_id": 1, "user_id": 1, f"{STAMPS}.created": 1}
        async for row in self._database.collection(Execution).find(query, fields):
            is_theirs = (
                row.get("user_id") == owner.user
                and STAMPS in row
                and row["_id"] == object_id(owner.tenant, row["execution_id"])
            )
            (theirs if is_theirs else others).add(row["execution_id"])
        self.remember(owner, theirs - others)
        return theirs - others, others
