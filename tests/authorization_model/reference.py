"""A random world of tenants, people and executions that change hands, and the reference of who sees what."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import DeleteOne, InsertOne, UpdateOne

from execution_monitor.auth.caller import Caller
from execution_monitor.auth.roles import scopes_held
from execution_monitor.auth.tokens import issue_token
from execution_monitor.storage.audit_events import AuditEvent
from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.documents import Execution
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.tokens import SECRET

TENANTS, USERS = ("acme", "globex", "initech"), ("ada", "grace", "olivia")
STATUSES = ("running", "failed", "completed")
IDS = tuple(f"e{number:03}" for number in range(24))
PARTS = 2
# Who asked for what in the past; the last of them belongs to no tenant.
TRAILS: tuple[tuple[str | None, str], ...] = (
    *((tenant, f"{user} of {tenant}") for tenant in TENANTS for user in USERS),
    (None, "nobody"),
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
    """Whoever asks: the role, and the scopes that the token states, if it does."""

    user: str
    tenant: str
    role: str
    stated: frozenset[str] | None

    # The reference. It is all that the model trusts: read it, and doubt everything else.

    @property
    def scopes(self) -> set[str]:
        return GRANTED[self.role] if self.stated is None else GRANTED[self.role] & self.stated

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
    def rights(self) -> tuple[str, str | None]:
        """Cursors are of use to whoever has the same."""
        return self.tenant, None if self.sees_tenant else self.user

    @property
    def caller(self) -> Caller:
        return Caller(self.user, self.tenant, frozenset(scopes_held([self.role], self.stated or ())), (self.role,))

    @property
    def token(self) -> str:
        return issue_token(
            SECRET,
            user=self.user,
            tenant=self.tenant,
            scopes=self.stated or (),
            roles=[self.role],
            lifetime=timedelta(hours=1),
        )


def people(dice: random.Random, count: int) -> list[Person]:
    """One of each role, and `count` at random; who states scopes always states the one to read."""
    chosen = [Person(USERS[0], TENANTS[0], role, None) for role in GRANTED]
    while len(chosen) < len(GRANTED) + count:
        role = dice.choice(["viewer", "operator", "operator", "admin"])
        stated = frozenset({READ, *dice.sample([TENANT, PAYLOAD], dice.randrange(3))})
        person = Person(dice.choice(USERS), dice.choice(TENANTS), role, dice.choice([None, stated]))
        if person not in chosen:
            chosen.append(person)
    return chosen


@dataclass
class World:
    """What is stored, as the model knows it. Every write leaves a mark, its number, in `session_id`."""

    dice: random.Random
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict[tuple[str, str], dict[str, Any]])
    writes: int = 0

    async def begin(self) -> None:
        """Fill an empty database; the parts of every id in every tenant are there, whoever owns the execution."""
        for tenant in TENANTS:
            for execution_id in IDS:
                await store_steps_and_logs(execution_id, PARTS, tenant)
                if self.dice.random() < 0.7:
                    self.rows[tenant, execution_id] = self._new(tenant, execution_id)
        await store(*self.rows.values())
        await collection_of(AuditEvent).insert_many([self._event(*trail) for trail in TRAILS])

    async def change(self, count: int) -> list[tuple[Row | None, Row | None]]:
        """The images before and after of `count` writes: owners, tenants and states change, rows come and go."""
        changes = list[tuple[Row | None, Row | None]]()
        writes = list[InsertOne[Any] | DeleteOne | UpdateOne]()
        for _ in range(count):
            tenant, execution_id = self.dice.choice(TENANTS), self.dice.choice(IDS)
            before = self.rows.pop((tenant, execution_id), None)
            if before is None:
                after = self._new(tenant, execution_id)
                writes.append(InsertOne(dict(after)))
            elif self.dice.random() < 0.1:
                after = None
                writes.append(DeleteOne({"tenant_id": tenant, "execution_id": execution_id}))
            else:
                after = {**before, **self._new(self._free_tenant(tenant, execution_id), execution_id)}
                writes.append(UpdateOne({"tenant_id": tenant, "execution_id": execution_id}, {"$set": after}))
            if after is not None:
                self.rows[after["tenant_id"], execution_id] = after
            changes.append((before, after))
        # At once, so that whoever looks a document up when it hears of a change finds what came of it later.
        await collection_of(Execution).bulk_write(writes)
        return changes

    def _event(self, tenant: str | None, subject: str) -> dict[str, Any]:
        stated = {} if tenant is None else {"tenant_id": tenant}
        return {
            **stated,
            "at": datetime.now(UTC),
            "kind": "query",
            "outcome": "succeeded",
            "operation_name": "Of the model",
            "subject": subject,
            "codes": [],
            "execution_ids": list(IDS),
        }

    def _free_tenant(self, tenant: str, execution_id: str) -> str:
        other = self.dice.choice(TENANTS)
        return tenant if (other, execution_id) in self.rows else other

    def _new(self, tenant: str, execution_id: str) -> dict[str, Any]:
        self.writes += 1
        return execution(
            IDS.index(execution_id),
            tenant_id=tenant,
            user_id=self.dice.choice(USERS),
            status=self.dice.choice(STATUSES),
            session_id=f"w{self.writes}",
            input_parameters={"secret": self.writes},
        )
