"""The registry of enabled webhooks, compiled for the feeder: which of a tenant's a change concerns, and how."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from bson import ObjectId, Timestamp

from execution_monitor.auth.caller import Scope
from execution_monitor.live.changes import Change
from execution_monitor.live.events import EventKind
from execution_monitor.live.routing import Route, routes_of, routes_to
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter
from execution_monitor.storage.predicates import Predicate, PredicateAt, as_list, whenever
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import Webhook, WebhookState, WebhookTenant
from execution_monitor.webhooks.rights import Rights, RightsUnclear

log = structlog.get_logger()

_TIMEOUT_MS = 10_000
# Of tenants with webhooks; those of others cost nothing.
_MAX_TENANTS = 10_000


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
    """The enabled webhooks of a tenant, as of a revision."""

    revision: int
    webhooks: Sequence[EnabledWebhook]
    by_route: Mapping[Route, Sequence[EnabledWebhook]]

    def concerned_by(self, change: Change) -> Iterator[EnabledWebhook]:
        """Those that `change` may concern, each once."""
        seen = set[int]()
        for route in routes_of(change):
            for webhook in self.by_route.get(route, ()):
                if id(webhook) not in seen and change.cluster_time > webhook.active_since:
                    seen.add(id(webhook))
                    yield webhook


class Registry:
    """The enabled webhooks of `database`, read again when their tenant's revision has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: LruCache[TenantWebhooks] = LruCache(_MAX_TENANTS)

    async def of(self, tenant: str) -> TenantWebhooks:
        """The webhooks of `tenant` as of now, or of a moment later.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        tenants = self._database.collection(WebhookTenant)
        stored: Any = await await_reply(tenants.find_one({"_id": tenant}, {"revision": 1}), _TIMEOUT_MS)
        revision = 0 if stored is None else stored["revision"]
        known = self._known.get(tenant)
        if known is None or known.revision != revision:
            known = await self._read(tenant, revision)
            self._known.put(tenant, known)
        return known

    async def _read(self, tenant: str, revision: int) -> TenantWebhooks:
        if revision == 0:
            return TenantWebhooks(0, (), {})
        webhooks = self._database.collection(Webhook)
        reading = webhooks.find({"tenant_id": tenant, "state": WebhookState.ENABLED.value}).to_list()
        found = list[EnabledWebhook]()
        by_route: dict[Route, list[EnabledWebhook]] = defaultdict(list)
        for row in await await_reply(reading, _TIMEOUT_MS):
            try:
                webhook = EnabledWebhook.read(tenant, row)
            except (RightsUnclear, UnreadableFilter, ValueError, TypeError, KeyError):
                # Its owner sees that nothing comes; the page of the webhook says why.
                log.warning("webhook_not_read", webhook=str(row["_id"]))
                continue
            found.append(webhook)
            for route in webhook.routes:
                by_route[route].append(webhook)
        return TenantWebhooks(revision, found, by_route)
