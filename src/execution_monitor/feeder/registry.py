"""Registries: what a consumer keeps for each tenant, such as its webhooks, compiled and found by what a change has.

What a user makes has a tenant, and its tenant a document whose revision grows by one with each change of it. A batch
of changes finds by one small read whether what is compiled is still what is stored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from beanie import Document
from bson import ObjectId, Timestamp
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.feeder.condition_index import Conditional, ConditionIndex
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument, Row

# The `_id` of the document whose revision is one more with every tenant that is new.
ALL_TENANTS = ""
_TIMEOUT_MS = 10_000
# Of tenants that have something; those of others cost nothing.
_MAX_TENANTS = 10_000


class Registered(Conditional, Protocol):
    """What a change may concern."""

    @property
    def active_since(self) -> Timestamp:
        """The cluster time up to which changes do not concern it."""
        ...


R = TypeVar("R", bound=Registered)


@dataclass(frozen=True, slots=True)
class OfTenant(Generic[R]):
    """What is registered of a tenant, as of a revision.

    Attributes:
        unreadable: the ids of those that cannot be read.
        index: finds those that a change may concern.
        newest: the greatest `active_since` of them.
    """

    revision: int
    registered: Sequence[R]
    unreadable: Sequence[ObjectId]
    index: ConditionIndex[R]
    newest: Timestamp | None

    @classmethod
    def read(
        cls, revision: int, rows: Sequence[Row], read: Callable[[Row], R], unreadable: tuple[type[Exception], ...]
    ) -> "OfTenant[R]":
        """What `rows` store, each as `read` returns it; those for which it raises one of `unreadable` are that."""
        found, wrong = list[R](), list[ObjectId]()
        for row in rows:
            try:
                found.append(read(row))
            except (*unreadable, ValueError, TypeError, KeyError):
                wrong.append(row["_id"])
        newest = max((each.active_since for each in found), default=None)
        return cls(revision, found, wrong, ConditionIndex(found), newest)

    def concerned_by(self, change: Change) -> Iterator[R]:
        """Those that `change` may concern, each once."""
        found = self.index.find(change)
        # Nearly all are older than the change: one comparison instead of as many.
        is_after_all = self.newest is None or change.cluster_time > self.newest
        yield from found if is_after_all else (one for one in found if change.cluster_time > one.active_since)


@dataclass(frozen=True, slots=True)
class TenantNow(Generic[R]):
    """A tenant as a batch of changes finds it.

    Attributes:
        known: what is registered of it.
        now: the time of MongoDB.
        stored: the other fields of its document.
    """

    known: OfTenant[R]
    now: datetime
    stored: Row


class Registry(Generic[R]):
    """What is registered in `database`, read again when the revision of its tenant has changed.

    Args:
        database: where it is stored.
        tenants: the documents of tenants, with a `revision`; that of `ALL_TENANTS` counts them.
        read: reads what is registered of a tenant in a revision.
    """

    def __init__(
        self, database: Database, tenants: type[Document], read: Callable[[str, int], Awaitable[OfTenant[R]]]
    ) -> None:
        self._database = database
        self._documents = tenants
        self._read = read
        self._known: LruCache[OfTenant[R]] = LruCache(_MAX_TENANTS)
        self._tenants = frozenset[str]()
        self._tenants_revision = 0
        self._looked_at: StreamPosition | None = None
        self._looking = asyncio.Lock()

    @property
    def _tenant_rows(self) -> AsyncCollection[BsonDocument]:
        return self._database.collection(self._documents)

    async def of(self, tenant: str, until: StreamPosition) -> TenantNow[R] | None:
        """What a batch of changes up to `until` meets at `tenant`; None for a tenant that never had anything.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        # One that has been there needs no look for those that are new.
        if tenant not in self._tenants and tenant not in await self._tenants_at(until):
            return None
        reading = self._tenant_rows.aggregate([{"$match": {"_id": tenant}}, {"$set": {"now": "$$NOW"}}])
        found: Any = await await_reply((await reading).to_list(), _TIMEOUT_MS)
        if not found:
            return None
        stored = found[0]
        known = self._known.get(tenant)
        if known is None or known.revision != stored["revision"]:
            known = await self._read(tenant, stored["revision"])
            self._known.put(tenant, known)
        return TenantNow(known, stored["now"], stored)

    async def _tenants_at(self, until: StreamPosition) -> frozenset[str]:
        """The tenants that were there before the changes up to `until`: one look for the tenants of a batch."""
        async with self._looking:
            if self._looked_at != until:
                stored: Any = await await_reply(
                    self._tenant_rows.find_one({"_id": ALL_TENANTS}, {"revision": 1}), _TIMEOUT_MS
                )
                revision = 0 if stored is None else stored["revision"]
                if revision != self._tenants_revision:
                    rows = await await_reply(self._tenant_rows.find({}, {"_id": 1}).to_list(), _TIMEOUT_MS)
                    self._tenants = frozenset(str(row["_id"]) for row in rows) - {ALL_TENANTS}
                    self._tenants_revision = revision
                self._looked_at = until
            return self._tenants
