"""The reference of who may see what, and a random model of tenants, people and executions that change hands."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from pymongo import DeleteOne, InsertOne, UpdateOne

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.auth.role_settings import RoleSettings
from execution_monitor.auth.roles import Role, access_of
from execution_monitor.auth.tokens import issue_token
from execution_monitor.graphql.role_filters import read_role_filter
from execution_monitor.graphql.schema import create_schema
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.server_documents import AuditEvent
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.tokens import SECRET

TENANTS, USERS = ("acme", "globex", "initech"), ("ada", "grace", "olivia")
STATUSES = ("running", "failed", "completed")
WORKFLOWS = ("ml-train", "ml-score", "etl", "ML-Train")
IDS = tuple(f"e{number:03}" for number in range(24))
CHILDREN = 2
# Tenant and subject of audit events; the last one belongs to no tenant.
TRAILS: tuple[tuple[str | None, str], ...] = (
    *((tenant, f"{user} of {tenant}") for tenant in TENANTS for user in USERS),
    (None, "anonymous"),
)

READ, TENANT, PAYLOAD = "executions:read", "executions:read:tenant", "executions:payload"
WRITE, KEYS = "executions:write", "keys:write"
GRANTED = {
    "viewer": {READ},
    "operator": {READ, TENANT, PAYLOAD},
    "auditor": {"audit:read"},
    "admin": {READ, TENANT, PAYLOAD, WRITE, "audit:read", KEYS, "manage"},
    "key-maker": {KEYS},
    "ml-ops": {READ, TENANT, PAYLOAD},
    "own-ml": {READ, PAYLOAD},
    "failures": {READ, TENANT},
}
# The filters of roles: as they are configured, and what they mean.
VISIBLE: Mapping[str, dict[str, Any]] = {
    "ml-ops": {"workflowName": {"startsWith": "ml-"}},
    "own-ml": {"workflowName": {"startsWith": "ml-"}},
    "failures": {"or": [{"status": {"eq": "FAILED"}}, {"not": {"userId": {"notIn": ["grace"]}}}]},
}
MATCHES: Mapping[str, Callable[["Row"], bool]] = {
    "ml-ops": lambda row: row["workflow_name"] in ("ml-train", "ml-score"),
    "own-ml": lambda row: row["workflow_name"] in ("ml-train", "ml-score"),
    "failures": lambda row: row["status"] == "failed" or row["user_id"] == "grace",
}
ROLE_SETTINGS = {
    name: RoleSettings(scopes=frozenset(map(Scope, scopes)), visible=VISIBLE.get(name))
    for name, scopes in GRANTED.items()
}
_SCHEMA = create_schema()
ROLES = {
    name: Role(role.scopes, None if role.visible is None else read_role_filter(_SCHEMA, role.visible))
    for name, role in ROLE_SETTINGS.items()
}
# What people have beside one role with a filter alone.
COMBINED = (("viewer", "ml-ops"), ("failures", "own-ml"))

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """An access key: for whom it was made, by whom, and what it allows."""

    user: str
    tenant: str
    maker: str
    scope: str

    @property
    def name(self) -> str:
        return f"{self.scope} for {self.user} of {self.tenant} by {self.maker}"


# The first two are made by a request of an admin who is Ada, and are callers of the model.
KEYS_OF_CALLERS = tuple(Key("grace", "acme", "ada", scope) for scope in (READ, WRITE))
OTHER_KEYS = (
    Key("ada", "globex", "ada", READ),
    Key("ada", "acme", "olivia", READ),
    Key("grace", "globex", "olivia", WRITE),
)


@dataclass(frozen=True)
class Person:
    """A caller: the roles, and the scopes that the token claims, if it does.

    With a `key` they are a program that sends it in place of a token, and may do what the roles and scopes say.
    """

    user: str
    tenant: str
    roles: tuple[str, ...]
    claimed: frozenset[str] | None
    key: str | None = field(default=None, repr=False)

    # The reference. The model trusts nothing else: review it with care.

    def given_by(self, role: str) -> set[str]:
        return GRANTED[role] if self.claimed is None else GRANTED[role] & self.claimed

    @property
    def scopes(self) -> set[str]:
        given = set[str]().union(*map(self.given_by, self.roles))
        return {scope for scope in given if scope in (READ, TENANT) or self._has_throughout(scope)}

    def _has_throughout(self, scope: str) -> bool:
        """Whether the roles give the scope for all that they show."""
        givers = [role for role in self.roles if scope in self.given_by(role)]
        showing = [role for role in self.roles if READ in self.given_by(role)]
        filters = [VISIBLE.get(role) for role in givers]
        return None in filters or all(VISIBLE.get(role) in filters for role in showing)

    @property
    def reads(self) -> bool:
        return READ in self.scopes

    def sees(self, row: Row | None) -> bool:
        return (
            row is not None and row["tenant_id"] == self.tenant and any(self._sees_by(each, row) for each in self.roles)
        )

    def sees_key(self, key: "Key") -> bool:
        return KEYS in self.scopes and key.tenant == self.tenant and ("manage" in self.scopes or key.maker == self.user)

    def _sees_by(self, role: str, row: Row) -> bool:
        if role in MATCHES and not MATCHES[role](row):
            return False
        given = self.given_by(role)
        return TENANT in given or (READ in given and row["user_id"] == self.user)

    # Here the reference ends.

    @property
    def visibility(self) -> tuple[str, str | None, frozenset[str], frozenset[str]]:
        """Cursors are valid for callers with the same visibility."""
        tenants, own = (
            {repr(VISIBLE.get(role)) for role in self.roles if scope in self.given_by(role)} for scope in (TENANT, READ)
        )
        if "None" in tenants:
            return self.tenant, None, frozenset(), frozenset()
        alone = {"None"} if "None" in own else own - tenants
        return self.tenant, self.user if alone else None, frozenset(tenants), frozenset(alone)

    @property
    def caller(self) -> Caller:
        access = access_of(self.roles, self.claimed or (), ROLES)
        return Caller(
            self.user,
            self.tenant,
            frozenset(access.scopes),
            self.roles,
            is_key=self.key is not None,
            grants=access.grants,
            partial_scopes=access.partial_scopes,
        )

    @property
    def token(self) -> str:
        """The token, or the access key, that this caller sends."""
        return self.key or issue_token(
            SECRET,
            user=self.user,
            tenant=self.tenant,
            scopes=self.claimed or (),
            roles=self.roles,
            lifetime=timedelta(hours=1),
        )


def people(random: Random, count: int, roles: Iterable[tuple[str, ...]]) -> list[Person]:
    """One caller with each of `roles`, and `count` random ones; those that claim scopes claim the one to read."""
    chosen = [Person(USERS[0], TENANTS[0], each, None) for each in roles]
    total = len(chosen) + count
    while len(chosen) < total:
        role = random.choice(["viewer", "operator", "operator", "admin", "ml-ops", "failures"])
        claimed = frozenset({READ, *random.sample([TENANT, PAYLOAD], random.randrange(3))})
        person = Person(random.choice(USERS), random.choice(TENANTS), (role,), random.choice([None, claimed]))
        if person not in chosen:
            chosen.append(person)
    return chosen


def retries_of(row: Row, seen: Iterable[Row]) -> list[Row]:
    """Which of the executions that someone has `seen` repeat that of `row`, oldest first."""
    found = [each for each in seen if each["retry_of_execution_id"] == row["execution_id"]]
    return sorted(found, key=lambda each: each["created"])


def recoveries_of(row: Row, seen: Iterable[Row]) -> set[str | None]:
    """What may be shown as the recovery of `row` to someone who has `seen` these; several where they are as close."""
    seen, attempts = list(seen), [row] if row["status"] == "failed" else []
    for _ in range(5):
        attempts = [later for each in attempts for later in retries_of(each, seen) if later["status"] != "running"]
        completed: set[str | None] = {each["execution_id"] for each in attempts if each["status"] == "completed"}
        if completed:
            return completed
    return {None}


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
        row = execution(
            IDS.index(execution_id),
            tenant_id=tenant,
            user_id=self.random.choice(USERS),
            status=self.random.choice(STATUSES),
            workflow_name=self.random.choice(WORKFLOWS),
            session_id=f"w{self.writes}",
            retry_of_execution_id=self.random.choice([None, *IDS]),
            total_duration=self.writes,
            input_parameters={"secret": self.writes},
        )
        # One group of errors for each workflow, whatever the tenant and the owner.
        return row | {"error_details": {"message": f"write {self.writes} failed", "type": row["workflow_name"]}}
