"""The registry of enabled webhooks, compiled for the feeder: which of a tenant's a change concerns, and how."""

from dataclasses import dataclass
from enum import IntEnum

from bson import ObjectId, Timestamp

from execution_monitor.auth.caller import Scope
from execution_monitor.feeder.registry import OfTenant, Registry
from execution_monitor.live.changes import Change
from execution_monitor.live.events import EventKind
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.predicates import Predicate, PredicateAt, as_list, whenever
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import Webhook, WebhookState, WebhookTenant
from execution_monitor.webhooks.images import FACTS, PAYLOAD_FIELDS
from execution_monitor.webhooks.rights import Rights, RightsUnclear

_TIMEOUT_MS = 10_000


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
        condition: what its filter and the rights of its owner together say of an execution.
        matches: whether an execution matches its filter, at an instant.
        may_see: whether its owner may see an execution.
        reads: the stored top-level fields that these two read; None where they speak of now, too.
    """

    webhook_id: ObjectId
    host: str
    kinds: frozenset[str]
    active_since: Timestamp
    with_payloads: bool
    rights_revision: int
    condition: Filter
    matches: PredicateAt
    may_see: Predicate
    reads: frozenset[str] | None

    @classmethod
    def read(cls, row: Row) -> "EnabledWebhook":
        """The webhook that `row` stores; raises `RightsUnclear` or `UnreadableFilter`."""
        rights, where = Rights.read(row), decode_filter(row.get("where"))
        visible = rights.condition
        both = all_of(where, visible)
        return cls(
            webhook_id=row["_id"],
            host=row["host"],
            kinds=frozenset(map(str, as_list(row["kinds"]))),
            active_since=row["active_since"],
            with_payloads=bool(row["include_payloads"]) and Scope.EXECUTIONS_PAYLOAD in rights.scopes,
            rights_revision=row["rights_revision"],
            condition=both,
            matches=where.predicate_at() if where.is_relative else whenever(where.predicate()),
            may_see=visible.predicate(),
            reads=None if where.is_relative else frozenset(each.partition(".")[0] for each in both.fields()),
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
        if before is not None and after is not None and self._sees_no_change(change.changed):
            # As most changes of most executions are to most webhooks: one look is enough.
            is_updated = EventKind.UPDATED.value in self.kinds and self.matches(after, at) and self.may_see(after)
            return (EventKind.UPDATED, after) if is_updated else None
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

    def _sees_no_change(self, changed: frozenset[str] | None) -> bool:
        return changed is not None and self.reads is not None and self.reads.isdisjoint(changed)


class WebhookRegistry(Registry[EnabledWebhook]):
    """The enabled webhooks of `database`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, WebhookTenant, self._read_webhooks)
        self._database = database

    async def find_reading(self) -> Reading:
        """What all enabled webhooks together need to be read of each change."""
        webhooks = self._database.collection(Webhook)
        enabled = {"state": WebhookState.ENABLED.value}
        if await await_reply(webhooks.find_one({**enabled, "include_payloads": True}, {"_id": 1}), _TIMEOUT_MS):
            return Reading.WITH_PAYLOADS
        found = await await_reply(webhooks.find_one(enabled, {"_id": 1}), _TIMEOUT_MS)
        return Reading.NOTHING if found is None else Reading.FACTS

    async def _read_webhooks(self, tenant: str, revision: int) -> OfTenant[EnabledWebhook]:
        webhooks = self._database.collection(Webhook)
        reading = webhooks.find({"tenant_id": tenant, "state": WebhookState.ENABLED.value}).to_list()
        rows = await await_reply(reading, _TIMEOUT_MS)
        return OfTenant[EnabledWebhook].read(revision, rows, EnabledWebhook.read, (RightsUnclear, UnreadableFilter))
