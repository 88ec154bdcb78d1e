"""Registries: what a consumer keeps for each tenant, such as its webhooks, compiled and found by what a change has.

What a user makes has a tenant, and its tenant a document whose revision grows by one with each change of it. Such a
change of revision comes in the change stream before the changes of executions that follow it: while the stream is read,
what was read holds until then. Otherwise a batch of changes finds by one small read whether it still does.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
# So that the clock of MongoDB, which goes on by ours since it was read, is never off by more than ours is in that time.
_READ_AGAIN_SECONDS = 10.0


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


@dataclass(frozen=True, slots=True)
class _Read(Generic[R]):
    """What was read of a tenant, and when on the monotonic clock."""

    found: TenantNow[R]
    at: float

    def present(self, monotonic: float) -> TenantNow[R]:
        """The same, now."""
        return replace(self.found, now=self.found.now + timedelta(seconds=monotonic - self.at))


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
        # What holds until a new revision, while these are followed; None while they are not.
        self._current: LruCache[_Read[R]] | None = None
        self._tenants_read_at = -math.inf

    @property
    def collection(self) -> str:
        """Where the documents of tenants are."""
        return self._tenant_rows.name

    def begin_following(self) -> None:
        """Rely on `forget` from now on; see `RevisionFollower`."""
        self._current = LruCache(_MAX_TENANTS)
        self._tenants_read_at = -math.inf

    def end_following(self) -> None:
        """Look again at each batch."""
        self._current = None

    def forget(self, tenant: object) -> None:
        """Read again what is registered of a tenant, or which tenants there are."""
        if tenant == ALL_TENANTS:
            self._tenants_read_at = -math.inf
        elif self._current is not None and isinstance(tenant, str):
            self._current.drop(tenant)

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
        read = None if self._current is None else self._current.get(tenant)
        if read is not None and (elapsed := time.monotonic()) - read.at < _READ_AGAIN_SECONDS:
            return read.present(elapsed)
        reading = self._tenant_rows.aggregate([{"$match": {"_id": tenant}}, {"$set": {"now": "$$NOW"}}])
        rows: Any = await await_reply((await reading).to_list(), _TIMEOUT_MS)
        if not rows:
            return None
        row = rows[0]
        known = self._known.get(tenant)
        if known is None or known.revision != row["revision"]:
            known = await self._read(tenant, row["revision"])
            self._known.put(tenant, known)
        found = TenantNow(known, row["now"], row)
        if self._current is not None:
            self._current.put(tenant, _Read(found, time.monotonic()))
        return found

    async def _tenants_at(self, until: StreamPosition) -> frozenset[str]:
        """The tenants that were there before the changes up to `until`: one look for the tenants of a batch."""
        async with self._looking:
            is_known = self._current is not None and time.monotonic() - self._tenants_read_at < _READ_AGAIN_SECONDS
            if self._looked_at != until and not is_known:
                stored: Any = await await_reply(
                    self._tenant_rows.find_one({"_id": ALL_TENANTS}, {"revision": 1}), _TIMEOUT_MS
                )
                revision = 0 if stored is None else stored["revision"]
                if revision != self._tenants_revision:
                    rows = await await_reply(self._tenant_rows.find({}, {"_id": 1}).to_list(), _TIMEOUT_MS)
                    self._tenants = frozenset(str(row["_id"]) for row in rows) - {ALL_TENANTS}
                    self._tenants_revision = revision
                self._looked_at, self._tenants_read_at = until, time.monotonic()
            return self._tenants
