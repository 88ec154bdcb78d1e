"""The reference of who may see what, and a random model of tenants, people and executions that change hands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from pymongo import DeleteOne, InsertOne, UpdateOne

from execution_monitor.auth.caller import Caller
from execution_monitor.auth.roles import granted_scopes
from execution_monitor.auth.tokens import issue_token
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.server_documents import AuditEvent
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.tokens import SECRET

TENANTS, USERS = ("acme", "globex", "initech"), ("ada", "grace", "olivia")
STATUSES = ("running", "failed", "completed")
IDS = tuple(f"e{number:03}" for number in range(24))
CHILDREN = 2
# Tenant and subject of audit events; the last one belongs to no tenant.
TRAILS: tuple[tuple[str | None, str], ...] = (
    *((tenant, f"{user} of {tenant}") for tenant in TENANTS for user in USERS),
    (None, "anonymous"),
)

READ, TENANT, PAYLOAD = "executions:read", "executions:read:tenant", "executions:payload"
GRANTED = {
    "viewer": {READ},
    "operator": {READ, TENANT, PAYLOAD},
    "auditor": {"audit:read"},
    "admin": {READ, TENANT, PAYLOAD, "executions:write", "audit:read", "manage"},
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """A caller: the role, and the scopes that the token claims, if it does."""

    user: str
    tenant: str
    role: str
    claimed: frozenset[str] | None

    # The reference. The model trusts nothing else: review it with care.

    @property
    def scopes(self) -> set[str]:
        return GRANTED[self.role] if self.claimed is None else GRANTED[self.role] & self.claimed

    @property
    def reads(self) -> bool:
        return READ in self.scopes

    @property
    def sees_tenant(self) -> bool:
        return TENANT in self.scopes

    def sees(self, row: Row | None) -> bool:
        return (
            row is not None
            and self.reads
            and row["tenant_id"] == self.tenant
            and (self.sees_tenant or row["user_id"] == self.user)
        )

    # Here the reference ends.

    @property
    def visibility(self) -> tuple[str, str | None]:
        """Cursors are valid for callers with the same visibility."""
        return self.tenant, None if self.sees_tenant else self.user

    @property
    def caller(self) -> Caller:
        return Caller(self.user, self.tenant, frozenset(granted_scopes([self.role], self.claimed or ())), (self.role,))

    @property
    def token(self) -> str:
        return issue_token(
            SECRET,
            user=self.user,
            tenant=self.tenant,
            scopes=self.claimed or (),
            roles=[self.role],
            lifetime=timedelta(hours=1),
        )


def people(random: Random, count: int) -> list[Person]:
    """One caller of each role, and `count` random ones; those that claim scopes always claim the one to read."""
    chosen = [Person(USERS[0], TENANTS[0], role, None) for role in GRANTED]
    while len(chosen) < len(GRANTED) + count:
        role = random.choice(["viewer", "operator", "operator", "admin"])
        claimed = frozenset({READ, *random.sample([TENANT, PAYLOAD], random.randrange(3))})
        person = Person(random.choice(USERS), random.choice(TENANTS), role, random.choice([None, claimed]))
        if person not in chosen:
            chosen.append(person)
    return chosen


@dataclass
class ReferenceModel:
    """The executions that are stored. Every write leaves its number in `session_id`, as a mark."""

    random: Random
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict[tuple[str, str], dict[str, Any]])
    writes: int = 0

    async def begin(self) -> None:
        """Fill an empty database; every id has steps and log lines in every tenant, whoever owns the execution."""
        for tenant in TENANTS:
            for execution_id in IDS:
                await store_steps_and_logs(execution_id, CHILDREN, tenant)
                if self.random.random() < 0.7:
                    self.rows[tenant, execution_id] = self._new(tenant, execution_id)
        await store(*self.rows.values())
        await collection_of(AuditEvent).insert_many([self._event(*trail) for trail in TRAILS])

    async def change(self, count: int) -> list[tuple[Row | None, Row | None]]:
        """Make `count` writes that change, insert and delete executions; returns the states before and after each."""
        changes = list[tuple[Row | None, Row | None]]()
        writes = list[InsertOne[Any] | DeleteOne | UpdateOne]()
        for _ in range(count):
            tenant, execution_id = self.random.choice(TENANTS), self.random.choice(IDS)
            before = self.rows.pop((tenant, execution_id), None)
            if before is None:
                after = self._new(tenant, execution_id)
                writes.append(InsertOne(dict(after)))
            elif self.random.random() < 0.1:
                after = None
                writes.append(DeleteOne({"tenant_id": tenant, "execution_id": execution_id}))
            else:
                after = {**before, **self._new(self._free_tenant(tenant, execution_id), execution_id)}
                writes.append(UpdateOne({"tenant_id": tenant, "execution_id": execution_id}, {"$set": after}))
            if after is not None:
                self.rows[after["tenant_id"], execution_id] = after
            changes.append((before, after))
        # All at once, so that a look-up of the document when its change arrives would find a later state.
        await collection_of(Execution).bulk_write(writes)
        return changes

    def _event(self, tenant: str | None, subject: str) -> dict[str, Any]:
        tenant_field = {} if tenant is None else {"tenant_id": tenant}
        return {
            **tenant_field,
            "at": datetime.now(UTC),
            "kind": "query",
            "outcome": "succeeded",
            "operation_name": "Of the model",
            "subject": subject,
            "codes": [],
            "execution_ids": list(IDS),
        }

    def _free_tenant(self, tenant: str, execution_id: str) -> str:
        other = self.random.choice(TENANTS)
        return tenant if (other, execution_id) in self.rows else other

    def _new(self, tenant: str, execution_id: str) -> dict[str, Any]:
        self.writes += 1
        return execution(
            IDS.index(execution_id),
            tenant_id=tenant,
            user_id=self.random.choice(USERS),
            status=self.random.choice(STATUSES),
            session_id=f"w{self.writes}",
            input_parameters={"secret": self.writes},
        )
