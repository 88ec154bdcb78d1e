"""The registry of enabled webhooks, compiled for the feeder: which of a tenant's a change concerns, and how."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from bson import ObjectId, Timestamp

from execution_monitor.auth.caller import Scope
from execution_monitor.live.changes import Change
from execution_monitor.live.events import EventKind
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.routing import Route, routes_of, routes_to
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter
from execution_monitor.storage.predicates import Predicate, PredicateAt, as_list, whenever
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import Webhook, WebhookState, WebhookTenant
from execution_monitor.webhooks.images import FACTS, PAYLOAD_FIELDS
from execution_monitor.webhooks.rights import Rights, RightsUnclear
from execution_monitor.webhooks.tenants import ALL_TENANTS

_TIMEOUT_MS = 10_000
# Of tenants with webhooks; those of others cost nothing.
_MAX_TENANTS = 10_000


class Reading(IntEnum):
    """What is read of each change, from the least to the most."""

    NOTHING = 0
    FACTS = 1
    WITH_PAYLOADS = 2

    @property
    def fields(self) -> frozenset[str]:
        """The stored fields."""
        if self is Reading.NOTHING:
            return frozenset()
        return FACTS | PAYLOAD_FIELDS if self is Reading.WITH_PAYLOADS else FACTS


@dataclass(frozen=True, slots=True, eq=False)
class EnabledWebhook:
    """A webhook that a change may concern.

    Attributes:
        webhook_id: its id.
        host: where it sends to.
        kinds: of changes that it sends.
        active_since: the cluster time up to which it sends nothing.
        with_payloads: whether it sends inputs and results.
        rights_revision: of what its owner may see.
        routes: under which every change that may concern it is published.
        matches: whether an execution matches its filter, at an instant.
        may_see: whether its owner may see an execution.
    """

    webhook_id: ObjectId
    host: str
    kinds: frozenset[str]
    active_since: Timestamp
    with_payloads: bool
    rights_revision: int
    routes: Sequence[Route]
    matches: PredicateAt
    may_see: Predicate

    @classmethod
    def read(cls, tenant: str, row: Row) -> "EnabledWebhook":
        """The webhook that `row` stores; raises `RightsUnclear` or `UnreadableFilter`."""
        rights, where = Rights.read(row), decode_filter(row.get("where"))
        visible = rights.condition
        return cls(
            webhook_id=row["_id"],
            host=row["host"],
            kinds=frozenset(map(str, as_list(row["kinds"]))),
            active_since=row["active_since"],
            with_payloads=bool(row["include_payloads"]) and Scope.EXECUTIONS_PAYLOAD in rights.scopes,
            rights_revision=row["rights_revision"],
            routes=routes_to(tenant, visible, where),
            matches=where.predicate_at() if where.is_relative else whenever(where.predicate()),
            may_see=visible.predicate(),
        )

    @property
    def reading(self) -> Reading:
        """What it needs to be read of each change."""
        return Reading.WITH_PAYLOADS if self.with_payloads else Reading.FACTS

    def judge(self, change: Change) -> tuple[EventKind, Row | None] | None:
        """What `change` means to it, and the execution that it may show; None when it sends nothing.

        As for subscribers, both images are put to the filter at the instant of the change.
        """
        at, before, after = change.occurred_at, change.before, change.after
        had = before is not None and self.matches(before, at) and self.may_see(before)
        found: tuple[EventKind, Row | None]
        if after is not None and self.matches(after, at) and self.may_see(after):
            found = (EventKind.UPDATED if had else EventKind.ENTERED), after
        elif not had:
            return None
        elif after is None:
            found = EventKind.DELETED, None
        else:
            found = EventKind.LEFT, after if self.may_see(after) else None
        return found if found[0].value in self.kinds else None


@dataclass(frozen=True, slots=True)
class TenantWebhooks:
    """The enabled webhooks of a tenant, as of a revision.

    Attributes:
        unreadable: the ids of those whose filter or rights cannot be read.
    """

    revision: int
    webhooks: Sequence[EnabledWebhook] = ()
    unreadable: Sequence[ObjectId] = ()
    by_route: Mapping[Route, Sequence[EnabledWebhook]] = field(default_factory=dict[Route, Sequence[EnabledWebhook]])

    @property
    def reading(self) -> Reading:
        """What they need to be read of each change."""
        return max((each.reading for each in self.webhooks), default=Reading.NOTHING)

    def concerned_by(self, change: Change) -> Iterator[EnabledWebhook]:
        """Those that `change` may concern, each once."""
        seen = set[int]()
        for route in routes_of(change):
            for webhook in self.by_route.get(route, ()):
                if id(webhook) not in seen and change.cluster_time > webhook.active_since:
                    seen.add(id(webhook))
                    yield webhook


@dataclass(frozen=True, slots=True)
class TenantNow:
    """A tenant with webhooks, as a batch of changes finds it.

    Attributes:
        enabled: its webhooks.
        now: the time of MongoDB.
        late_since: the position of the first of changes that were too old, in the batches before.
    """

    enabled: TenantWebhooks
    now: datetime
    late_since: str | None


class Registry:
    """The enabled webhooks of `database`, read again when their tenant's revision has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: LruCache[TenantWebhooks] = LruCache(_MAX_TENANTS)
        self._tenants = frozenset[str]()
        self._tenants_revision = 0
        self._looked_at: StreamPosition | None = None
        self._looking = asyncio.Lock()

    async def of(self, tenant: str, until: StreamPosition) -> TenantNow | None:
        """What a batch of changes up to `until` meets at `tenant`; None for a tenant that never had a webhook.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        if tenant not in await self._tenants_at(until):
            return None
        tenants = self._database.collection(WebhookTenant)
        wanted = {"revision": 1, "late_since": 1, "now": "$$NOW"}
        stored: Any = await await_reply(tenants.find_one({"_id": tenant}, wanted), _TIMEOUT_MS)
        if stored is None:
            return None
        revision: int = stored["revision"]
        known = self._known.get(tenant)
        if known is None or known.revision != revision:
            known = await self._read(tenant, revision)
            self._known.put(tenant, known)
        return TenantNow(known, stored["now"], stored.get("late_since"))

    async def find_reading(self) -> Reading:
        """What all enabled webhooks together need to be read of each change."""
        webhooks = self._database.collection(Webhook)
        enabled = {"state": WebhookState.ENABLED.value}
        if await await_reply(webhooks.find_one({**enabled, "include_payloads": True}, {"_id": 1}), _TIMEOUT_MS):
            return Reading.WITH_PAYLOADS
        found = await await_reply(webhooks.find_one(enabled, {"_id": 1}), _TIMEOUT_MS)
        return Reading.NOTHING if found is None else Reading.FACTS

    async def _tenants_at(self, until: StreamPosition) -> frozenset[str]:
        """The tenants that had a webhook before the changes up to `until`: one look for the tenants of a batch."""
        async with self._looking:
            if self._looked_at != until:
                tenants = self._database.collection(WebhookTenant)
                stored: Any = await await_reply(tenants.find_one({"_id": ALL_TENANTS}, {"revision": 1}), _TIMEOUT_MS)
                revision = 0 if stored is None else stored["revision"]
                if revision != self._tenants_revision:
                    rows = await await_reply(tenants.find({}, {"_id": 1}).to_list(), _TIMEOUT_MS)
                    self._tenants = frozenset(str(row["_id"]) for row in rows) - {ALL_TENANTS}
                    self._tenants_revision = revision
                self._looked_at = until
            return self._tenants

    async def _read(self, tenant: str, revision: int) -> TenantWebhooks:
        webhooks = self._database.collection(Webhook)
        reading = webhooks.find({"tenant_id": tenant, "state": WebhookState.ENABLED.value}).to_list()
        found, unreadable = list[EnabledWebhook](), list[ObjectId]()
        by_route: dict[Route, list[EnabledWebhook]] = defaultdict(list)
        for row in await await_reply(reading, _TIMEOUT_MS):
            try:
                webhook = EnabledWebhook.read(tenant, row)
            except (RightsUnclear, UnreadableFilter, ValueError, TypeError, KeyError):
                unreadable.append(row["_id"])
                continue
            found.append(webhook)
            for route in webhook.routes:
                by_route[route].append(webhook)
        return TenantWebhooks(revision, found, unreadable, by_route)
